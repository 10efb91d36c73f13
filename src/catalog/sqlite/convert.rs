//! Between rows and columns. Numbers that SQLite keeps signed, ids as blobs, enums by their place in a list.

use rusqlite::Row;

use crate::catalog::{AssetState, CatalogError, ChangeKind, NodeClass, NodeKind, TunnelHow};
use crate::types::{AssetId, ContentId, FileName, MemberId, Timestamp, VersionId};

pub(super) type R<T> = Result<T, CatalogError>;

/// Unsigned numbers stay below 2^63: counters and sizes never reach it.
pub(super) fn int(n: u64) -> R<i64> {
    i64::try_from(n).map_err(|_| CatalogError::Constraint(format!("number {n} is too large to store")))
}

pub(super) fn uint(n: i64) -> R<u64> {
    u64::try_from(n).map_err(|_| CatalogError::Damaged(format!("negative number {n}")))
}

pub(super) fn get_u64(row: &Row<'_>, at: usize) -> R<u64> {
    uint(row.get(at)?)
}

pub(super) fn get_u32(row: &Row<'_>, at: usize) -> R<u32> {
    let n: i64 = row.get(at)?;
    u32::try_from(n).map_err(|_| CatalogError::Damaged(format!("number {n} out of range")))
}

pub(super) fn get_opt_u32(row: &Row<'_>, at: usize) -> R<Option<u32>> {
    let n: Option<i64> = row.get(at)?;
    n.map(|n| u32::try_from(n).map_err(|_| CatalogError::Damaged(format!("number {n} out of range")))).transpose()
}

pub(super) fn get_time(row: &Row<'_>, at: usize) -> R<Timestamp> {
    Ok(Timestamp::from_nanos(row.get(at)?))
}

pub(super) fn get_opt_time(row: &Row<'_>, at: usize) -> R<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(Timestamp::from_nanos))
}

fn bytes<const N: usize>(row: &Row<'_>, at: usize) -> R<Option<[u8; N]>> {
    match row.get_ref(at)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        rusqlite::types::ValueRef::Blob(b) => {
            b.try_into().map(Some).map_err(|_| CatalogError::Damaged(format!("an id of {} bytes", b.len())))
        }
        other => Err(CatalogError::Damaged(format!("an id of type {}", other.data_type()))),
    }
}

pub(super) fn get_hash(row: &Row<'_>, at: usize) -> R<Option<[u8; 32]>> {
    bytes(row, at)
}

macro_rules! ids {
    ($($get:ident $opt:ident $id:ident);+ $(;)?) => {$(
        pub(super) fn $opt(row: &Row<'_>, at: usize) -> R<Option<$id>> {
            Ok(bytes(row, at)?.map($id::from_bytes))
        }
        #[allow(dead_code, reason = "each id has both readers")]
        pub(super) fn $get(row: &Row<'_>, at: usize) -> R<$id> {
            $opt(row, at)?.ok_or_else(|| CatalogError::Damaged(concat!("no ", stringify!($id)).into()))
        }
    )+};
}

ids! {
    get_asset get_opt_asset AssetId;
    get_version get_opt_version VersionId;
    get_member get_opt_member MemberId;
}

pub(super) fn get_opt_content(row: &Row<'_>, at: usize) -> R<Option<ContentId>> {
    Ok(bytes(row, at)?.map(ContentId))
}

pub(super) fn get_content(row: &Row<'_>, at: usize) -> R<ContentId> {
    get_opt_content(row, at)?.ok_or_else(|| CatalogError::Damaged("no content id".into()))
}

pub(super) fn get_name(row: &Row<'_>, at: usize) -> R<FileName> {
    let name: Vec<u8> = row.get(at)?;
    FileName::new(name).map_err(|e| CatalogError::Damaged(e.to_string()))
}

macro_rules! coded {
    ($($put:ident $get:ident $ty:ident [$($variant:ident),+]);+ $(;)?) => {$(
        pub(super) fn $put(value: $ty) -> i64 {
            const ALL: &[$ty] = &[$($ty::$variant),+];
            let at = ALL.iter().position(|v| *v == value).unwrap_or(0);
            i64::try_from(at).unwrap_or(0)
        }
        pub(super) fn $get(row: &Row<'_>, at: usize) -> R<$ty> {
            const ALL: &[$ty] = &[$($ty::$variant),+];
            let n: i64 = row.get(at)?;
            usize::try_from(n).ok().and_then(|n| ALL.get(n).copied())
                .ok_or_else(|| CatalogError::Damaged(format!(concat!(stringify!($ty), " {}"), n)))
        }
    )+};
}

coded! {
    put_kind get_kind NodeKind [File, Dir, Symlink, Fifo, Socket];
    put_class get_class NodeClass [Plain, Asset, Scratch, Local, Aside, Inbox];
    put_how get_how TunnelHow [Aside, Moved, Removed, RemovedWithoutDelete, AsideInView];
    put_change get_change ChangeKind [Node, Entry, Asset, Access, Inbox];
}

pub(super) fn state_text(state: AssetState) -> &'static str {
    match state {
        AssetState::Active => "active",
        AssetState::Archived => "archived",
        AssetState::Expired => "expired",
        AssetState::Held => "held",
        AssetState::Trashed => "trashed",
    }
}

pub(super) fn state_of(text: &str) -> R<AssetState> {
    Ok(match text {
        "active" => AssetState::Active,
        "archived" => AssetState::Archived,
        "expired" => AssetState::Expired,
        "held" => AssetState::Held,
        "trashed" => AssetState::Trashed,
        other => return Err(CatalogError::Damaged(format!("asset state `{other}`"))),
    })
}
