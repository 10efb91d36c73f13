//! Plain values that every layer shares: ids, digests, names, times, attributes, callers.

mod attr;
mod caller;
mod colours;
mod content;
mod digest;
mod generation;
mod ids;
mod name;
mod read_at;
mod time;

pub use attr::{Attr, FileKind, without_set_id};
pub use caller::Caller;
pub use colours::{Colours, bit as colour_bit};
pub use content::Content;
pub use digest::{ContentId, ExtentId};
pub use generation::Generation;
pub use ids::{AssetId, EntryId, IdError, MemberId, NodeId, RenditionNo, VersionId, VersionNo};
pub use name::{FileName, NameError};
pub use read_at::ReadAt;
pub use time::{Rfc3339, Timestamp};
