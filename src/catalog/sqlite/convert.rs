//! Our types as column values, and the engine's errors as ours.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Error, ErrorCode, ffi};

use crate::catalog::{AssetState, CatalogError, ChangeKind, Counter, NodeClass, NodeKind, TunnelHow};
use crate::types::{
    AssetId, Colours, ContentId, EntryId, ExtentId, FileName, MemberId, NodeId, RenditionNo, Timestamp, VersionId,
    VersionNo,
};

/// A number of ours without a type of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Num(pub u64);

macro_rules! numbers {
    ($($name:ident),+) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                match i64::try_from(self.0) {
                    Ok(n) => Ok(n.into()),
                    Err(e) => Err(Error::ToSqlConversionFailure(e.into())),
                }
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let n = value.as_i64()?;
                u64::try_from(n).map(Self).map_err(|_| FromSqlError::OutOfRange(n))
            }
        }
    )+};
}

numbers!(Num, NodeId, EntryId, VersionNo, RenditionNo);

impl ToSql for Colours {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.bits().into())
    }
}

impl FromSql for Colours {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bits = value.as_i64()?;
        u16::try_from(bits).ok().and_then(Self::from_bits).ok_or(FromSqlError::OutOfRange(bits))
    }
}

macro_rules! ids {
    ($($name:ident),+) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; 16]>::column_result(value).map(Self::from_bytes)
            }
        }
    )+};
}

ids!(AssetId, VersionId, MemberId);

macro_rules! digests {
    ($($name:ident),+) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; 32]>::column_result(value).map(Self)
            }
        }
    )+};
}

digests!(ContentId, ExtentId);

macro_rules! words {
    ($name:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(match self { $($name::$variant => $text),+ }.into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($text => Ok($name::$variant),)+
                    other => Err(FromSqlError::Other(format!("unknown word `{other}`").into())),
                }
            }
        }
    };
}

words!(NodeKind { File => "file", Dir => "dir", Symlink => "symlink", Fifo => "fifo", Socket => "socket" });
words!(NodeClass {
    Plain => "plain", Asset => "asset", Scratch => "scratch", Local => "local", Aside => "aside", Inbox => "inbox",
});
words!(AssetState {
    Active => "active", Archived => "archived", Expired => "expired", Held => "held", Trashed => "trashed",
});
words!(TunnelHow {
    Aside => "aside", Moved => "moved", Removed => "removed", RemovedWithoutDelete => "removed-without-delete",
    AsideInView => "aside-in-view",
    RemovedInView => "removed-in-view",
});
words!(ChangeKind { Node => "node", Entry => "entry", Asset => "asset", Access => "access", Inbox => "inbox", Word => "word", Saved => "saved" });
words!(Counter {
    Node => "node", Entry => "entry", Version => "version", Rendition => "rendition", Asset => "asset",
    Inbox => "inbox", Turn => "turn", Journal => "journal",
});

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_nanos().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_nanos)
    }
}

impl ToSql for FileName {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
    }
}

impl FromSql for FileName {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        FileName::new(value.as_blob()?).map_err(|e| FromSqlError::Other(e.into()))
    }
}

impl From<Error> for CatalogError {
    fn from(error: Error) -> Self {
        match &error {
            Error::SqliteFailure(code, message) => {
                let text = || message.clone().unwrap_or_else(|| code.to_string());
                match (code.code, code.extended_code) {
                    (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Conflict,
                    (ErrorCode::ConstraintViolation, _) => Self::Constraint(text()),
                    // A quota shows as a failed write, a full disk may show first where the shared memory grows.
                    (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) => Self::Full,
                    (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Self::Damaged(text()),
                    _ => Self::Engine(text()),
                }
            }
            Error::ToSqlConversionFailure(_) => Self::Constraint(error.to_string()),
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => Self::Damaged(error.to_string()),
            _ => Self::Engine(error.to_string()),
        }
    }
}
