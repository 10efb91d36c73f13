//! Ids: 16-byte time-ordered ids for things people name, numbers for things the kernel names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::rng::Entropy;
use crate::types::Timestamp;

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: `{0}`; an id looks like 0193a5c2-7d1e-7c3a-9f00-1b2c3d4e5f60")]
pub struct IdError(pub String);

macro_rules! uuid_id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// Makes a new id from the time and eight random bytes (UUID version 7).
            ///
            /// # Errors
            /// When there is no randomness to be had.
            pub fn make(now: Timestamp, entropy: &dyn Entropy) -> std::io::Result<Self> {
                let mut random = [0u8; 10];
                entropy.fill(&mut random)?;
                let millis = u64::try_from(now.as_nanos() / 1_000_000).unwrap_or(0);
                Ok(Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()))
            }

            /// The 16 bytes as stored.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From the 16 bytes as stored.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(uuid::Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                uuid::Uuid::parse_str(text).map(Self).map_err(|_| IdError(text.to_owned()))
            }
        }
    )+};
}

uuid_id! {
    /// One asset, for its whole life, whatever happens to its files.
    AssetId,
    /// One version of one asset.
    VersionId,
    /// One member of a library.
    MemberId,
}

macro_rules! number_id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

number_id! {
    /// A node of the library tree: the bytes, not the name. Never reused.
    NodeId,
    /// A name in a directory; orders listings and is their cookie. Never reused.
    EntryId,
    /// The number behind a version's inode. Never reused.
    VersionNo,
    /// The number behind a rendition's inode. Never reused.
    RenditionNo,
}

impl NodeId {
    /// `library/`.
    pub const LIBRARY: Self = Self(1);
    /// `inbox/`.
    pub const INBOX: Self = Self(2);
    /// Holds one directory per view that has local (scratch, lock, aside) files; never shown itself.
    pub const LOCALS: Self = Self(3);
    /// The first number given to anything else.
    pub const FIRST_FREE: u64 = 16;
}
