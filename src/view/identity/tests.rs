#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;
use crate::types::{FileName, NodeId};
use crate::view::class::{classify, is_aside_for};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn asset() -> AssetId {
    AssetId::from_bytes([7; 16])
}

fn tunnel(how: TunnelHow, age_ms: i64) -> TunnelRow {
    TunnelRow {
        parent: NodeId::LIBRARY,
        name: FileName::new("a.png").unwrap(),
        asset: asset(),
        node: NodeId(20),
        process: 1,
        member: None,
        at: NOW.plus_ms(-age_ms),
        how,
        taken: Vec::new(),
    }
}

#[test]
fn creates() {
    use CreateMeaning as M;
    use NameClass as C;
    let back = M::ComesBack(asset());
    let rows = [
        (C::Ordinary, None, M::NewAsset),
        (C::Sidecar, None, M::NewAsset),
        (C::Scratch, None, M::Scratch),
        (C::Aside, None, M::Aside),
        (C::Lock, None, M::Local),
        (C::Junk, None, M::Local),
        (C::TrashDir, None, M::Local),
        (C::Ordinary, Some((TunnelHow::Aside, 10)), back),
        (C::Ordinary, Some((TunnelHow::Removed, 14_999)), back),
        (C::Ordinary, Some((TunnelHow::RemovedWithoutDelete, 0)), back),
        (C::Ordinary, Some((TunnelHow::AsideInView, 0)), back),
        (C::Ordinary, Some((TunnelHow::Removed, -60_000)), back), // the clock was set back
        (C::Ordinary, Some((TunnelHow::Removed, 15_000)), M::NewAsset),
        (C::Ordinary, Some((TunnelHow::Moved, 10)), M::NewAsset),
        (C::Ordinary, Some((TunnelHow::RemovedInView, 10)), M::NewAsset),
        (C::Scratch, Some((TunnelHow::Removed, 10)), back), // an asset that lay under a scratch name
        (C::Aside, Some((TunnelHow::Aside, 10)), back),
        (C::Aside, Some((TunnelHow::Moved, 10)), M::Aside),
        (C::Lock, Some((TunnelHow::Removed, 10)), M::Local),
    ];
    for (class, how, meaning) in rows {
        let row = how.map(|(how, age)| tunnel(how, age));
        assert_eq!(on_create(class, row.as_ref(), NOW), meaning, "{class:?} {how:?}");
    }
}

#[derive(Clone, Copy)]
enum Src {
    None,
    Symlink,
    Fresh,
    Established,
}

fn rename(src: (&str, Src), dst: (&str, Option<bool>), dst_tunnel: Option<(TunnelHow, i64)>) -> RenameMeaning {
    let (x, n) = (FileName::new(src.0).unwrap(), FileName::new(dst.0).unwrap());
    let node = |has_asset: bool, name: &FileName| match classify(name) {
        _ if has_asset => NodeClass::Asset,
        NameClass::Scratch => NodeClass::Scratch,
        NameClass::Aside => NodeClass::Aside,
        _ => NodeClass::Local,
    };
    let src_has_asset = matches!(src.1, Src::Fresh | Src::Established);
    on_rename(&RenameFacts {
        src_class: if matches!(src.1, Src::Symlink) { NodeClass::Plain } else { node(src_has_asset, &x) },
        src_fresh: matches!(src.1, Src::Fresh),
        src_has_asset,
        dst: dst.1.map(|has_asset| DstFacts { class: node(has_asset, &n), has_asset }),
        dst_name: classify(&n),
        dst_is_aside: is_aside_for(&n, &x),
        dst_tunnel,
    })
}

#[test]
fn renames() {
    use RenameMeaning as M;
    use Src::{Established, Fresh, None as Bare, Symlink};
    let aside = Some((TunnelHow::Aside, 5));
    let removed = Some((TunnelHow::Removed, 5));
    let rows = [
        // GIO, Qt, rsync, LibreOffice, Chromium onto its placeholder
        ((".goutputstream-A1B2C3", Bare), ("a.png", Some(true)), None, M::NextVersion),
        ((".a.png.Xk3f9Q", Bare), ("a.png", Some(true)), None, M::NextVersion),
        (("a.png.crdownload", Bare), ("a.png", Some(true)), None, M::NextVersion),
        // a temporary whose name nobody knows
        (("saving-7", Fresh), ("a.png", Some(true)), None, M::NextVersion),
        (("index.lock", Bare), ("index", Some(true)), None, M::NextVersion),
        // a person restores a backup
        (("a.png~", Bare), ("a.png", Some(true)), None, M::NextVersion),
        // vim, emacs, exiftool, Blender, jhead, Word
        (("a.txt", Established), ("a.txt~", None), None, M::MoveAside),
        (("a.txt", Established), ("a.txt~", Some(false)), None, M::MoveAside),
        (("a.txt", Established), ("a.txt~", Some(true)), None, M::MoveAside),
        (("a.txt", Fresh), ("a.txt~", None), None, M::MoveAside),
        (("a.jpg", Established), ("a.jpg_original", None), None, M::MoveAside),
        (("x.blend", Established), ("x.blend1", Some(false)), None, M::MoveAside),
        (("a.jpg", Established), ("a.jpg.t", None), None, M::MoveAside),
        (("a.docx", Established), ("~WRL0001.tmp", None), None, M::MoveAside),
        (("a.png", Established), ("a.png.Xk3f9Q", None), None, M::MoveAside),
        // then
        (("a.jpg_exiftool_tmp", Bare), ("a.jpg", None), aside, M::ComesBack),
        (("x.blend@", Bare), ("x.blend", None), aside, M::ComesBack),
        (("~WRD0001.tmp", Bare), ("a.docx", None), aside, M::ComesBack),
        (("ziAb3dEf", Bare), ("a.zip", None), removed, M::ComesBack),
        (("a.png.part", Bare), ("a.png", None), removed, M::ComesBack),
        (("new.png", Fresh), ("a.png", None), removed, M::ComesBack),
        // too late, or only a hint
        (("a.png.part", Bare), ("a.png", None), Some((TunnelHow::Removed, 15_000)), M::BecomesAsset),
        (("a.png.part", Bare), ("a.png", None), Some((TunnelHow::Moved, 5)), M::BecomesAsset),
        // there and back
        (("a.png~", Established), ("a.png", None), Some((TunnelHow::Aside, 5)), M::Move),
        // people
        (("b.png", Established), ("a.png", Some(true)), None, M::Replace),
        (("b.png", Established), ("a.png", None), None, M::Move),
        (("b.png", Established), ("a.png", None), removed, M::Move),
        (("b.png", Established), ("a.png~", None), None, M::Move),
        (("b.png", Fresh), ("a.png", None), None, M::Move),
        (("b.png", Established), ("a.png", Some(false)), None, M::Move),
        (("b.png", Established), ("b.lock", None), None, M::Move),
        // links
        (("t", Symlink), ("a.png", Some(true)), None, M::Replace),
        (("t", Symlink), ("link", Some(false)), None, M::LocalMove),
        (("t", Symlink), ("a.png", None), removed, M::LocalMove),
        // first saves, downloads, restored backups
        (("a.png.Xk3f9Q", Bare), ("a.png", None), None, M::BecomesAsset),
        (("a.png.crdownload", Bare), ("a.png", Some(false)), None, M::BecomesAsset),
        (("a.png~", Bare), ("b.png", None), None, M::BecomesAsset),
        (("a.Xk3f9Q", Bare), ("a.xmp", None), None, M::BecomesAsset),
        // no asset anywhere
        (("a.png~", Bare), ("a.png.~1~", None), None, M::LocalMove),
        ((".a.png.Xk3f9Q", Bare), (".a.png.Yk3f9Q", None), None, M::LocalMove),
        ((".a.swp", Bare), (".a.swo", Some(false)), None, M::LocalMove),
    ];
    for (src, dst, tunnel, meaning) in rows {
        assert_eq!(rename(src, dst, tunnel), meaning, "{} -> {dst:?} {tunnel:?}", src.0);
    }
}

#[test]
fn savers_directories() {
    let facts = RenameFacts {
        src_class: NodeClass::Asset,
        src_fresh: false,
        src_has_asset: true,
        dst: None,
        dst_name: NameClass::Scratch,
        dst_is_aside: false,
        dst_tunnel: None,
    };
    assert_eq!(on_rename(&facts), RenameMeaning::MoveAside);
    let rsync = RenameFacts { src_class: NodeClass::Scratch, src_has_asset: false, ..facts };
    assert_eq!(on_rename(&rsync), RenameMeaning::LocalMove);
    let dst = Some(DstFacts { class: NodeClass::Asset, has_asset: true });
    let home = RenameFacts { dst, dst_name: NameClass::Ordinary, ..rsync };
    assert_eq!(on_rename(&home), RenameMeaning::NextVersion);
}

#[test]
fn unlinks() {
    use UnlinkMeaning as M;
    let came = |how, name_is_back, same_process| Some(CameBy { how, name_is_back, same_process });
    let rows = [
        (None, (true, true), M::LocalRemove),
        (None, (false, false), M::LocalRemove),
        (Some((false, None)), (true, false), M::DropProvisional),
        (Some((false, None)), (false, false), M::Refuse),
        (Some((true, None)), (true, true), M::Tunnel(TunnelHow::Removed)),
        (Some((true, None)), (true, false), M::Tunnel(TunnelHow::RemovedWithoutDelete)),
        (Some((true, None)), (false, false), M::Refuse),
        (Some((true, came(TunnelHow::Moved, true, true))), (true, true), M::GiveBack),
        (Some((true, came(TunnelHow::Moved, true, false))), (true, true), M::Tunnel(TunnelHow::Removed)),
        (Some((true, came(TunnelHow::Moved, false, true))), (true, true), M::Tunnel(TunnelHow::Removed)),
        (Some((true, came(TunnelHow::Aside, false, true))), (true, true), M::KeepTunnel(TunnelHow::Removed)),
        (
            Some((true, came(TunnelHow::Aside, false, false))),
            (true, false),
            M::KeepTunnel(TunnelHow::RemovedWithoutDelete),
        ),
        (Some((true, came(TunnelHow::Moved, true, true))), (false, false), M::Refuse),
    ];
    for (file, (may_edit, may_delete), meaning) in rows {
        let asset = file.map(|(worth_keeping, came_by)| UnlinkedAsset { worth_keeping, came_by });
        assert_eq!(
            on_unlink(&UnlinkFacts { asset, may_edit, may_delete }),
            meaning,
            "{file:?} {may_edit} {may_delete}"
        );
    }
}

#[test]
fn expiries() {
    use ExpiryMeaning as M;
    let rows = [
        (TunnelHow::Aside, true, M::Drop),
        (TunnelHow::Aside, false, M::Drop),
        (TunnelHow::Removed, false, M::Drop),
        (TunnelHow::Removed, true, M::Drop),
        (TunnelHow::RemovedWithoutDelete, false, M::PutBack),
        (TunnelHow::RemovedWithoutDelete, true, M::Drop),
        (TunnelHow::Moved, true, M::Drop),
        (TunnelHow::Moved, false, M::Drop),
        (TunnelHow::RemovedInView, true, M::Drop),
        (TunnelHow::RemovedInView, false, M::Drop),
        (TunnelHow::AsideInView, true, M::ViewBackupsGo),
        (TunnelHow::AsideInView, false, M::ViewBackupsGo),
    ];
    for (how, has_name, meaning) in rows {
        assert_eq!(on_tunnel_expired(how, has_name), meaning, "{how:?} {has_name}");
    }
}

#[test]
fn freshness() {
    let at = |ms: i64| NOW.plus_ms(-ms);
    assert!(is_fresh(false, at(FRESH_MS * 9), NOW, false, true));
    assert!(is_fresh(true, at(FRESH_MS - 1), NOW, true, false));
    assert!(!is_fresh(true, at(FRESH_MS), NOW, true, false));
    assert!(!is_fresh(true, at(5), NOW, false, false));
    assert!(!is_fresh(true, at(5), NOW, true, true));
}
