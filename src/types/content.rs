//! Whole bytes as a list of extents.

use serde::{Deserialize, Serialize};

use super::{ContentId, ExtentId};

/// Whole bytes as a list of extents: one up to 16 MiB, content-defined ones of 1 to 16 MiB and holes ([`ExtentId::HOLE`]) beyond that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The one extent's id, or the keyed hash of the list.
    pub id: ContentId,
    /// Bytes; the sum of the extents' lengths.
    pub size: u64,
    /// In order: id and length in plain bytes. Empty for no bytes.
    pub extents: Vec<(ExtentId, u32)>,
}
