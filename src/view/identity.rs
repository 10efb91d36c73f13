//! What a create, a rename, an unlink means for the assets involved. Pure: facts in, meaning out; `fs` gathers the one and does the other.
//!
//! Names own assets, nodes own bytes. An asset *established* at a name is published, and either older than ten minutes, of another
//! process, or carrying something a person set; what is not established is *fresh* and may turn out to be the next version of another.
//! Directories are not put to these functions: they move as on any filesystem.

use crate::catalog::{NodeClass, TunnelHow, TunnelRow};
use crate::types::{AssetId, Timestamp};

use super::class::NameClass;

#[cfg(test)]
mod tests;

/// How long a name that went away keeps its asset.
pub const TUNNEL_MS: i64 = 15_000;
/// How long a file counts as just made by its process.
pub const FRESH_MS: i64 = 600_000;
/// How long after the last close a version is made.
pub const QUIET_MS: i64 = 2_000;
/// How long a scratch file may lie before it is a person's file.
pub const SCRATCH_MS: i64 = 600_000;

/// What a new regular file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateMeaning {
    /// A plain local file.
    Local,
    /// A temporary; becomes a version or an asset when renamed, an asset when it stays.
    Scratch,
    /// A backup made as a copy.
    Aside,
    /// The next bytes of the asset that had this name seconds ago.
    ComesBack(AssetId),
    /// A new asset, provisional until its first version.
    NewAsset,
}

/// What a new file of this class is at a name with that tunnel.
///
/// | class | tunnel | meaning | by |
/// |---|---|---|---|
/// | lock, junk, a directory's name | any | `Local` | `.N.swp`, `.~lock.N#`, `4913`, `._N` |
/// | other | aside, young | `ComesBack` | vim, emacs, jhead, mogrify: N to N~ or N.t, create N; exiftool -overwrite.. |
/// | other | removed, young | `ComesBack` | cp --remove-destination, install, tar x, unzip -o, mv from another disk |
/// | scratch | none, weak or old | `Scratch` | gedit, Qt, rsync, sed, LibreOffice, Blender `N@` |
/// | aside | none, weak or old | `Aside` | nano -B, vim bkc=yes, emacs backup-by-copying: N~ as a copy |
/// | ordinary, sidecar | none, weak or old | `NewAsset` | cp, GIMP export, a person; also `mv N M; create N`, where M keeps the asset |
#[must_use]
pub fn on_create(class: NameClass, tunnel: Option<&TunnelRow>, now: Timestamp) -> CreateMeaning {
    // An asset may have got a scratch or backup name by lying there; its saver brings it back like any other.
    let back = tunnel.filter(|t| is_strong(t.how) && is_young(t.at, now)).map(|t| t.asset);
    match (class, back) {
        (NameClass::Lock | NameClass::Junk | NameClass::TrashDir | NameClass::SaveDir, _) => CreateMeaning::Local,
        (_, Some(asset)) => CreateMeaning::ComesBack(asset),
        (NameClass::Scratch, None) => CreateMeaning::Scratch,
        (NameClass::Aside, None) => CreateMeaning::Aside,
        (NameClass::Ordinary | NameClass::Sidecar, None) => CreateMeaning::NewAsset,
    }
}

/// Whether a tunnel made then still holds. A clock that was set back makes it young, never old.
#[must_use]
pub fn is_young(at: Timestamp, now: Timestamp) -> bool {
    now.ms_since(at) < TUNNEL_MS
}

/// Whether whoever brings the name back gets the asset. `Moved` is only a hint: `mv N M` followed by a new N is what people do; so is
/// `RemovedInView`: taking a value from one file and giving it to another.
#[must_use]
pub fn is_strong(how: TunnelHow) -> bool {
    match how {
        TunnelHow::Aside | TunnelHow::Removed | TunnelHow::RemovedWithoutDelete | TunnelHow::AsideInView => true,
        TunnelHow::Moved | TunnelHow::RemovedInView => false,
    }
}

/// Whether a file may still turn out to be another one's next version.
#[must_use]
pub fn is_fresh(
    published: bool,
    made_at: Timestamp,
    now: Timestamp,
    same_process: bool,
    has_user_metadata: bool,
) -> bool {
    !published || (same_process && !has_user_metadata && now.ms_since(made_at) < FRESH_MS)
}

/// Whether a file that takes a name in a view is the next version of the asset that had it there a moment ago. What was removed from the
/// view is that of the program alone that removed it (zip -u, tar x, KIO: unlink, then create or rename).
#[must_use]
pub fn comes_back_in_view(tunnel: &TunnelRow, process: u32, now: Timestamp) -> bool {
    match tunnel.how {
        TunnelHow::AsideInView => true,
        TunnelHow::RemovedInView => process != 0 && process == tunnel.process && is_young(tunnel.at, now),
        _ => false,
    }
}

/// The file that already has the destination's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DstFacts {
    /// What part it plays.
    pub class: NodeClass,
    /// Whether an asset is bound to it, published or provisional.
    pub has_asset: bool,
}

/// Everything a rename of anything but a directory is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenameFacts {
    /// What part the source plays.
    pub src_class: NodeClass,
    /// Whether an asset is bound to the source, published or provisional.
    pub src_has_asset: bool,
    /// See [`is_fresh`]; without meaning when the source has no asset.
    pub src_fresh: bool,
    /// The file that has the destination's name, if any.
    pub dst: Option<DstFacts>,
    /// Class of the destination's name, in its directory ([`super::class::classify_in`]).
    pub dst_name: NameClass,
    /// [`super::class::is_aside_for`] of destination and source.
    pub dst_is_aside: bool,
    /// The tunnel of the destination's name, if any: how it went away, and how many milliseconds ago.
    pub dst_tunnel: Option<(TunnelHow, i64)>,
}

/// What a rename is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenameMeaning {
    /// The asset at the destination stays there and gets the source's bytes; a provisional asset of the source is dropped.
    NextVersion,
    /// The tunnelled asset of the destination's name returns to it with the source's bytes; a provisional asset of the source is dropped.
    ComesBack,
    /// The source's asset goes with the file for now and tunnels its old name; an asset at the destination goes to the trash.
    MoveAside,
    /// The source's asset moves; its old name gets a weak tunnel. What stood at the destination had no asset.
    Move,
    /// The source's asset takes the place of the destination's, which goes to the trash.
    Replace,
    /// No asset is involved.
    LocalMove,
    /// A temporary or a backup takes an ordinary name: it becomes a provisional asset there.
    BecomesAsset,
}

/// What a rename is. Rows are tried from the top.
///
/// | source | destination's name | destination | meaning | by |
/// |---|---|---|---|---|
/// | symlink, pipe, socket | any | asset | `Replace` | `ln -s x t; mv t A`: the asset goes to the trash |
/// | symlink, pipe, socket | any | no asset | `LocalMove` | emacs' lock links, a person |
/// | asset | its own backup name | any | `MoveAside` | vim, emacs, mogrify N~; jhead N.t; exiftool N_original; Blender N1; sed -i.bak; Word ~WRL |
/// | asset | scratch, or in a saver's directory | no asset | `MoveAside` | macOS safe save: N to `(A Document ..)/N` |
/// | fresh or no asset | any | asset | `NextVersion` | GIO, Qt, rsync, LibreOffice, sed, Chromium's placeholder, git's .lock; a person's `mv N~ N` |
/// | established | any | asset | `Replace` | a person's `mv B A` |
/// | fresh or no asset | strong young tunnel | free | `ComesBack` | exiftool, Blender, sed -i.bak, Word after the move aside; zip -u, KIO after the unlink |
/// | asset | any | no asset | `Move` | a person's `mv A B`, `mv N N~; mv N~ N`; an established B onto a name just removed stays B |
/// | no asset | ordinary, sidecar | no asset | `BecomesAsset` | rename savers' first save; a download that ends; a backup restored under a new name |
/// | no asset | other | no asset | `LocalMove` | rsync to `.~tmp~/N`; N~ to N.~1~ |
#[must_use]
pub fn on_rename(f: &RenameFacts) -> RenameMeaning {
    let established = f.src_has_asset && !f.src_fresh;
    let dst_has_asset = f.dst.is_some_and(|d| d.has_asset);
    if f.src_class == NodeClass::Plain && !f.src_has_asset {
        return if dst_has_asset { RenameMeaning::Replace } else { RenameMeaning::LocalMove };
    }
    if f.src_has_asset && (f.dst_is_aside || (f.dst_name == NameClass::Scratch && !dst_has_asset)) {
        return RenameMeaning::MoveAside;
    }
    if dst_has_asset {
        return if established { RenameMeaning::Replace } else { RenameMeaning::NextVersion };
    }
    let comes_back = f.dst_tunnel.is_some_and(|(how, age_ms)| is_strong(how) && age_ms < TUNNEL_MS);
    if comes_back && f.dst.is_none() && !established {
        return RenameMeaning::ComesBack;
    }
    match f.dst_name {
        _ if f.src_has_asset => RenameMeaning::Move,
        NameClass::Ordinary | NameClass::Sidecar => RenameMeaning::BecomesAsset,
        _ => RenameMeaning::LocalMove,
    }
}

/// Everything an unlink of a regular file is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnlinkFacts {
    /// The asset that is bound to the file.
    pub asset: Option<UnlinkedAsset>,
    /// What the asset's rules say to the one who asks.
    pub may_edit: bool,
    /// What the asset's rules say to the one who asks.
    pub may_delete: bool,
}

/// The asset whose file is unlinked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnlinkedAsset {
    /// Whether there is something to keep: a version, or bytes that another program wrote.
    pub worth_keeping: bool,
    /// The tunnel that it came to this name by, if that still holds.
    pub came_by: Option<CameBy>,
}

/// How an asset came to the name that is unlinked, at most fifteen seconds ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CameBy {
    /// How its own name went away.
    pub how: TunnelHow,
    /// Whether a file that may be its next version ([`is_fresh`]) stands at its own name again.
    pub name_is_back: bool,
    /// Whether the one who unlinks is the process that moved it.
    pub same_process: bool,
}

/// What an unlink is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlinkMeaning {
    /// No asset is involved.
    LocalRemove,
    /// An asset that never had anything to keep is forgotten.
    DropProvisional,
    /// The name goes, the asset waits for it in a tunnel of this kind, then for its recovery window in the trash.
    Tunnel(TunnelHow),
    /// The backup goes; the tunnel of the asset's own name becomes one of this kind and goes on from its old time.
    KeepTunnel(TunnelHow),
    /// The asset goes to its own name, where a new file stands: that file's bytes are its next version.
    GiveBack,
    /// Neither edit nor delete is allowed.
    Refuse,
}

/// What an unlink is. Rows are tried from the top.
///
/// | file | meaning | by |
/// |---|---|---|
/// | no asset | `LocalRemove` | swap files, locks, N~ after N was written anew |
/// | caller may neither edit nor delete | `Refuse` | |
/// | never published, empty or the program's own | `DropProvisional` | `4913`-like probes, an aborted copy |
/// | came by a plain rename of this process, own name is back | `GiveBack` | savers with backup names we do not know: N to X, create N, unlink X |
/// | lies aside, own name still free | `KeepTunnel` | rename N N~, unlink N~, then create N |
/// | caller may delete | `Tunnel(Removed)` | rm; cp --remove-destination, tar x, zip -u, KIO before they create or rename |
/// | caller may edit only | `Tunnel(RemovedWithoutDelete)` | the same savers for an editor; rm by an editor is put back |
#[must_use]
pub fn on_unlink(f: &UnlinkFacts) -> UnlinkMeaning {
    let Some(asset) = f.asset else { return UnlinkMeaning::LocalRemove };
    let removed = match (f.may_delete, f.may_edit) {
        (true, _) => TunnelHow::Removed,
        (false, true) => TunnelHow::RemovedWithoutDelete,
        (false, false) => return UnlinkMeaning::Refuse,
    };
    if !asset.worth_keeping {
        return UnlinkMeaning::DropProvisional;
    }
    match asset.came_by {
        Some(CameBy { how: TunnelHow::Moved, name_is_back: true, same_process: true }) => UnlinkMeaning::GiveBack,
        Some(CameBy { how: TunnelHow::Aside, name_is_back: false, .. }) => UnlinkMeaning::KeepTunnel(removed),
        _ => UnlinkMeaning::Tunnel(removed),
    }
}

/// What becomes of a tunnel whose name did not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryMeaning {
    /// Nothing but the row goes: the asset stays where it is, at its new name or in the trash.
    Drop,
    /// It was a removal by one who may not delete: the old name and bytes return (under a free name when it is taken).
    PutBack,
    /// In a view the old name shows again; backups of it there go.
    ViewBackupsGo,
}

/// What becomes of a tunnel whose name did not come back within [`TUNNEL_MS`]; also what a start after a crash does with old rows.
///
/// | how | asset has a name | meaning | by |
/// |---|---|---|---|
/// | aside, moved, removed in a view | any | `Drop` | a person's `mv N N~`; a real rename; a value taken away |
/// | removed | any | `Drop` | rm: it has been in the trash since |
/// | removed by an editor | no | `PutBack` | an editor's rm, or his program died between unlink and create |
/// | removed by an editor | yes | `Drop` | the asset came back another way (undo, restore) |
/// | aside in a view | any | `ViewBackupsGo` | a rename within a view; the library name never moved |
#[must_use]
pub fn on_tunnel_expired(how: TunnelHow, asset_has_name: bool) -> ExpiryMeaning {
    match (how, asset_has_name) {
        (TunnelHow::RemovedWithoutDelete, false) => ExpiryMeaning::PutBack,
        (TunnelHow::AsideInView, _) => ExpiryMeaning::ViewBackupsGo,
        (TunnelHow::RemovedWithoutDelete, true)
        | (TunnelHow::Aside | TunnelHow::Moved | TunnelHow::Removed | TunnelHow::RemovedInView, _) => {
            ExpiryMeaning::Drop
        }
    }
}
