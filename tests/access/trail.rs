//! Every call that changes something leaves its row in the audit log: by whom, of what, where. What changes nothing leaves none.

use damfs::audit;
use damfs::catalog::AuditRow;
use damfs::fs::{FsResult, Seek, SetAttr, Special, TimeChange, XattrMode};
use damfs::ops::folders;
use damfs::ops::proto::Command;
use damfs::types::Timestamp;
use serde_json::Value;

use crate::world::*;

const CHAIN: &str = "ops";

/// A call, what its row says (`actor action path`, or `from > to`), and where the thing is that it is about, before the call or after.
type Case = (&'static str, fn(&World, &Seat) -> FsResult<()>, &'static str, &'static str);

const ACME: &str = "library/acme/a.png";

fn rows_after(world: &World, seq: u64) -> Vec<AuditRow> {
    world.library.catalog.read(|tx| tx.audit_after(CHAIN, seq, 1_000)).unwrap()
}

fn head(world: &World) -> u64 {
    world.library.catalog.read(|tx| tx.audit_head(CHAIN)).unwrap().map_or(0, |row| row.seq)
}

/// A row in short.
fn short(row: &AuditRow) -> String {
    let detail: Value = serde_json::from_str(&row.detail).unwrap();
    let text = |key: &str| detail[key].as_str().map(str::to_owned);
    let place = match (text("from"), text("to").or(text("path"))) {
        (Some(from), Some(to)) => format!("{from} > {to}"),
        (None, Some(path)) => path,
        _ => "-".into(),
    };
    format!("{} {} {place}", row.actor, row.action)
}

/// The id that rows have for what is at a path.
fn id(world: &World, path: &str) -> Option<String> {
    let node = world.library.catalog.read(|tx| folders::resolve(tx, path)).unwrap()?;
    Some(node.asset.map_or_else(|| node.id.to_string(), |asset| asset.to_string()))
}

/// Does it, and says what it left in the log; the chain is whole.
fn trace(world: &World, seat: &Seat, call: impl Fn(&World, &Seat) -> FsResult<()>) -> (FsResult<()>, Vec<AuditRow>) {
    let before = head(world);
    let done = call(world, seat);
    world.library.write_denials().unwrap();
    let broken = world.library.catalog.read(|tx| audit::verify(tx, CHAIN)).unwrap();
    assert_eq!(broken, None);
    (done, rows_after(world, before))
}

fn mode(mode: u32) -> SetAttr {
    SetAttr { mode: Some(mode), ..SetAttr::default() }
}

fn symlink(seat: &Seat, path: &str) -> FsResult<()> {
    let (parent, name) = seat.split(path)?;
    seat.mount.symlink(&seat.caller, parent, name, b"a.png").map(drop)
}

fn pipe(seat: &Seat, path: &str) -> FsResult<()> {
    let (parent, name) = seat.split(path)?;
    seat.mount.mknod(&seat.caller, parent, name, Special::Fifo, 0o644).map(drop)
}

fn later(world: &World, ms: i64) {
    world.clock.advance_ms(ms);
    world.library.tick();
    world.library.tick_short();
}

const CASES: &[Case] = &[
    (
        "create",
        |_, s| s.write("library/acme/n.png", b"n"),
        "eddy asset.create library/acme/n.png",
        "library/acme/n.png",
    ),
    (
        "create in a view",
        |_, s| s.write("by/client/acme/v.png", b"v"),
        "eddy asset.create library/Unsorted/2026/09/v.png",
        "library/Unsorted/2026/09/v.png",
    ),
    (
        "create a backup",
        |_, s| s.write("library/acme/b.png~", b"b"),
        "eddy file.create library/acme/b.png~",
        "library/acme/b.png~",
    ),
    ("drop into the inbox", |_, s| s.write("inbox/i.png", b"i"), "eddy file.create inbox/i.png", ""),
    ("mkdir", |_, s| s.mkdir("library/acme/d"), "eddy folder.create library/acme/d", "library/acme/d"),
    ("symlink", |_, s| symlink(s, "library/acme/l.png"), "eddy link.create library/acme/l.png", "library/acme/l.png"),
    ("mkdir of a word", |_, s| s.mkdir("by/tag/beach"), "eddy word.create -", ""),
    ("rmdir of a word", |_, s| s.rmdir("by/tag/old"), "eddy word.remove -", ""),
    (
        "rename",
        |_, s| s.rename(ACME, "library/acme/c.png"),
        "eddy asset.move library/acme/a.png > library/acme/c.png",
        ACME,
    ),
    (
        "move",
        |_, s| s.rename(ACME, "library/own/a.png"),
        "eddy asset.move library/acme/a.png > library/own/a.png",
        ACME,
    ),
    (
        "set aside",
        |_, s| s.rename(ACME, "library/acme/a.png~"),
        "eddy asset.move library/acme/a.png > library/acme/a.png~",
        ACME,
    ),
    (
        "move a folder",
        |_, s| s.rename("library/own", "library/mine"),
        "eddy folder.move library/own > library/mine",
        "library/own",
    ),
    (
        "move a link",
        |_, s| s.rename("library/own/l", "library/own/m"),
        "eddy link.move library/own/l > library/own/m",
        "library/own/l",
    ),
    (
        "rename in a view",
        |_, s| s.rename("by/client/acme/a.png", "by/client/acme/c.png"),
        "eddy asset.move library/acme/a.png > library/acme/c.png",
        ACME,
    ),
    (
        "save by rename",
        |_, s| s.rename("library/acme/.goutputstream-AB12CD", ACME),
        "eddy asset.save library/acme/.goutputstream-AB12CD > library/acme/a.png",
        ACME,
    ),
    (
        "first save by rename",
        |_, s| s.rename("library/acme/.goutputstream-AB12CD", "library/acme/n.png"),
        "eddy asset.create library/acme/.goutputstream-AB12CD > library/acme/n.png",
        "library/acme/n.png",
    ),
    ("unlink", |_, s| s.unlink(ACME), "eddy asset.trash library/acme/a.png", ACME),
    (
        "unlink of a new file",
        |_, s| s.unlink("library/own/new.png"),
        "eddy asset.drop library/own/new.png",
        "library/own/new.png",
    ),
    ("unlink of a link", |_, s| s.unlink("library/own/l"), "eddy link.remove library/own/l", "library/own/l"),
    (
        "unlink of a backup",
        |_, s| s.unlink("library/own/o.png~"),
        "eddy file.remove library/own/o.png~",
        "library/own/o.png~",
    ),
    ("rmdir", |_, s| s.rmdir("library/own/empty"), "eddy folder.remove library/own/empty", "library/own/empty"),
    ("chmod", |_, s| s.setattr(ACME, mode(0o600)), "eddy asset.attr library/acme/a.png", ACME),
    ("chmod of a folder", |_, s| s.setattr("library/own", mode(0o700)), "eddy folder.attr library/own", "library/own"),
    (
        "utimens",
        |_, s| s.setattr(ACME, SetAttr { mtime: Some(TimeChange::At(Timestamp::from_secs(7))), ..SetAttr::default() }),
        "eddy asset.attr library/acme/a.png",
        ACME,
    ),
    ("setxattr", |_, s| s.setxattr(ACME, "user.note", "x"), "eddy asset.xattr library/acme/a.png", ACME),
    (
        "removexattr",
        |_, s| s.mount.removexattr(&s.caller, s.find(ACME)?, b"user.old"),
        "eddy asset.xattr library/acme/a.png",
        ACME,
    ),
    ("setxattr of a facet", |_, s| s.setxattr(ACME, "user.xdg.tags", "sea"), "eddy asset.set -", ACME),
    ("copy into a view", |_, s| s.rename(ACME, "by/tag/x/a.png"), "eddy asset.set -", ACME),
    ("unlink in a view", |_, s| s.unlink("by/tag/x/t.png"), "eddy asset.set -", "library/acme/t.png"),
    (
        "write and settle",
        |w, s| {
            s.overwrite("library/own/o.png", b"next")?;
            w.settle();
            Ok(())
        },
        "eddy version.commit -",
        "library/own/o.png",
    ),
];

/// The studio with what the cases need: eddy makes what is acme's, `library/own` is his, and `by/tag/x` has t.png.
fn stage() -> (World, Seat, Seat) {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "content-creator", Some("client=acme"));
    eddy.mkdir("library/own").unwrap();
    for folder in ["own", "acme"] {
        world.serve(0, Command::FolderRule { folder: folder.into(), set: assign(&["client=acme"]) }).unwrap();
    }
    eddy.mkdir("library/own/empty").unwrap();
    for path in ["library/acme/t.png", "library/own/o.png", "by/client/acme/u.png"] {
        eddy.write(path, path.as_bytes()).unwrap();
    }
    world.settle();
    world.set("library/acme/t.png", &["tag=x"]);
    world.set(ACME, &["owner=eddy"]);
    eddy.setxattr(ACME, "user.old", "x").unwrap();
    symlink(&eddy, "library/own/l").unwrap();
    eddy.mkdir("by/tag/old").unwrap();
    for (path, bytes) in
        [("library/acme/.goutputstream-AB12CD", "new"), ("library/own/new.png", ""), ("library/own/o.png~", "old")]
    {
        eddy.write(path, bytes.as_bytes()).unwrap();
    }
    (world, admin, eddy)
}

#[test]
fn each_call_that_changes_something_has_one_row() {
    for (what, call, said, at) in CASES {
        let (world, _admin, eddy) = stage();
        let before = id(&world, at);
        let (done, rows) = trace(&world, &eddy, call);
        done.unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(rows.iter().map(short).collect::<Vec<_>>(), [*said], "{what}");
        if !at.is_empty() {
            let object = before.or_else(|| id(&world, at));
            assert_eq!(Some(&rows[0].subject), object.as_ref(), "{what}: {rows:?}");
        }
    }
}

/// What cannot be taken back, and why; every other call can.
const FOR_GOOD: &[(&str, &str)] = &[
    ("create a backup", "its bytes are kept nowhere else"),
    ("drop into the inbox", "its bytes are kept nowhere else"),
    ("unlink of a new file", "it never had a version; nothing of it is left"),
    ("unlink of a backup", "its bytes were never stored"),
];

#[test]
fn each_call_can_be_taken_back_or_says_why_not() {
    for (what, call, said, _) in CASES {
        let (world, _admin, eddy) = stage();
        later(&world, 20_000);
        let seq = world.library.catalog.read(|tx| tx.journal_after(0, 10_000)).unwrap().last().unwrap().seq;
        call(&world, &eddy).unwrap_or_else(|e| panic!("{what}: {e}"));
        let kept = world.library.catalog.read(|tx| tx.journal_after(seq, 9)).unwrap();
        assert_eq!(kept.len(), 1, "{what}: {said}");
        let turn = Some(kept[0].turn);
        let done = world.serve(1001, Command::Undo { turn, of: None, dry_run: false }).unwrap();
        let why = FOR_GOOD.iter().find(|(name, _)| name == what).map(|(_, why)| *why);
        assert_eq!(done["left"][0]["why"].as_str(), why, "{what}: {done}");
        assert_eq!(done["done"].as_u64() == Some(0), why.is_some(), "{what}: {done}");
    }
}

#[test]
fn a_purge_cannot_be_taken_back() {
    let (world, admin, eddy) = stage();
    later(&world, 20_000);
    eddy.unlink(ACME).unwrap();
    later(&world, 20_000);
    admin.unlink("trash/2026-09-21/a.png").unwrap();
    let done = world.serve(1001, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    assert_eq!(done["left"][0]["why"], "it was removed for good", "{done}");
}

#[test]
fn what_was_taken_back_is_on_record() {
    let (world, _admin, eddy) = stage();
    later(&world, 20_000);
    eddy.unlink(ACME).unwrap();
    let back = said(&world, &eddy, |w, _| {
        w.serve(1001, Command::Undo { turn: None, of: None, dry_run: true }).unwrap();
        w.serve(1001, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
        Ok(())
    });
    assert_eq!(back, ["eddy asset.restore library/acme/a.png", "eddy turn.undo -"]);
}

/// As [`trace`], of a call that is done: the rows in short.
#[track_caller]
fn said(world: &World, seat: &Seat, call: impl Fn(&World, &Seat) -> FsResult<()>) -> Vec<String> {
    let (done, rows) = trace(world, seat, call);
    done.unwrap();
    rows.iter().map(short).collect()
}

#[test]
fn each_thing_that_a_call_changes_has_a_row_of_its_own() {
    let (world, admin, _eddy) = stage();
    let over = said(&world, &admin, |_, s| s.rename("library/own/o.png", ACME));
    assert_eq!(over, ["root asset.trash library/acme/a.png", "root asset.move library/own/o.png > library/acme/a.png"]);

    let folders = said(&world, &admin, |_, s| {
        s.mkdir("library/new")?;
        s.rename("library/new", "library/own/empty")
    });
    let expected = [
        "root folder.create library/new",
        "root folder.remove library/own/empty",
        "root folder.move library/new > library/own/empty",
    ];
    assert_eq!(folders, expected);

    let twice = said(&world, &admin, |w, s| {
        s.write("by/tag/x/u.png", b"by/client/acme/u.png")?;
        w.settle();
        Ok(())
    });
    let copy = ["root asset.create library/Unsorted/2026/09/u (2).png", "root asset.set -", "root asset.drop -"];
    assert_eq!(twice, copy, "the copy of an asset into a view is that asset");
}

#[test]
fn a_program_that_saves_by_its_own_names_is_told_of_as_one_asset() {
    let (world, _admin, eddy) = stage();
    let (_, rows) = trace(&world, &eddy, |_, s| {
        s.write("library/acme/render-1.png", b"two")?;
        s.rename("library/acme/render-1.png", ACME)
    });
    let short: Vec<_> = rows.iter().map(short).collect();
    let expected = [
        "eddy asset.create library/acme/render-1.png",
        "eddy asset.save library/acme/render-1.png > library/acme/a.png",
    ];
    assert_eq!(short, expected);
    let detail: Value = serde_json::from_str(&rows[1].detail).unwrap();
    assert_eq!(detail["was"], rows[0].subject.as_str(), "the record that was dropped is named");
}

#[test]
fn the_trash_gives_back_and_is_emptied_on_record() {
    let (world, admin, eddy) = stage();
    eddy.unlink(ACME).unwrap();
    later(&world, 20_000);
    let day = "trash/2026-09-21";
    let back = said(&world, &eddy, |_, s| s.rename(&format!("{day}/a.png"), "library/own/back.png"));
    assert_eq!(back, ["eddy asset.restore library/own/back.png"]);
    eddy.unlink("library/own/back.png").unwrap();
    later(&world, 20_000);
    let purge = said(&world, &admin, |_, s| s.unlink(&format!("{day}/back.png")));
    assert_eq!(purge, ["root asset.purge -"]);
}

#[test]
fn a_restored_version_is_on_record_as_a_save() {
    let (world, _admin, eddy) = stage();
    eddy.overwrite(ACME, b"next").unwrap();
    world.settle();
    let (_, rows) = trace(&world, &eddy, |w, _| {
        let version = Some(1);
        w.serve(1001, Command::Restore { target: ACME.into(), version, into: None, name: None }).unwrap();
        w.serve(1001, Command::Restore { target: ACME.into(), version, into: None, name: None }).unwrap();
        Ok(())
    });
    let short: Vec<_> = rows.iter().map(short).collect();
    assert_eq!(short, ["eddy asset.restore library/acme/a.png", "eddy version.commit -"], "once");
    let detail: Value = serde_json::from_str(&rows[0].detail).unwrap();
    assert_eq!(detail["version"], 1);
}

#[test]
fn what_comes_in_by_the_inbox_and_what_lay_is_on_record() {
    let (world, admin, _eddy) = stage();
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let png = png.into_inner();
    let dropped = said(&world, &admin, |w, s| {
        for name in ["inbox/one.png", "inbox/two.png"] {
            s.write(name, &png)?;
            later(w, 3_000);
        }
        s.write("inbox/none.txt", b"no picture")?;
        later(w, 61_000);
        Ok(())
    });
    let expected = [
        "root file.create inbox/one.png",
        "root asset.create inbox/one.png > library/Unsorted/2026/09/one.png",
        "root version.commit -",
        "root file.create inbox/two.png",
        "root file.drop inbox/two.png",
        "root file.create inbox/none.txt",
        "root file.refuse inbox/none.txt",
    ];
    assert_eq!(
        dropped.iter().filter(|row| row.contains("inbox") || row.contains("version")).collect::<Vec<_>>(),
        expected
    );
    let (world, _admin, eddy) = stage();
    let stayed = said(&world, &eddy, |w, _| {
        later(w, 700_000);
        Ok(())
    });
    let lay = "library/acme/.goutputstream-AB12CD";
    assert!(stayed.contains(&format!("eddy asset.create {lay} > {lay}")), "{stayed:?}");
}

#[test]
fn what_changes_nothing_and_what_is_local_leaves_none() {
    let (world, _admin, eddy) = stage();
    let nothing = said(&world, &eddy, |w, s| {
        s.rename(ACME, ACME)?;
        s.setattr(ACME, mode(0o644))?;
        s.setxattr(ACME, "user.old", "x")?;
        s.read(ACME)?;
        let clean = s.open(ACME, true, true)?;
        s.close(clean);
        w.settle();
        w.set("library/acme/t.png", &["tag=x"]);
        w.serve(0, Command::FolderRule { folder: "own".into(), set: assign(&["client=acme"]) }).unwrap();
        s.mount.setxattr(&s.caller, s.find(ACME)?, b"user.dam.id", b"x", XattrMode::Any)
    });
    assert!(nothing.is_empty(), "{nothing:?}");
    let local = said(&world, &eddy, |_, s| {
        for (path, next) in
            [("library/acme/.a.png.swp", ".b.png.swp"), ("library/acme/.goutputstream-XY34ZZ", "t.png.part")]
        {
            s.write(path, b"half")?;
            s.setattr(path, mode(0o600))?;
            s.setxattr(path, "user.x", "y")?;
            let next = format!("library/acme/{next}");
            s.rename(path, &next)?;
            s.unlink(&next)?;
        }
        symlink(s, "library/acme/.#a.png")?;
        pipe(s, "library/acme/pipe")?;
        s.rename("library/acme/pipe", "library/acme/pipe2")?;
        s.write("by/tag/x/.t.png.swp", b"lock")?;
        s.unlink("by/tag/x/.t.png.swp")
    });
    assert!(local.is_empty(), "{local:?}");
}

#[test]
fn a_refused_call_leaves_its_refusal_alone() {
    let (world, _admin, _eddy) = stage();
    let bea = world.member("bea", 1002, "backup", None);
    let calls: [fn(&Seat) -> FsResult<()>; 4] = [
        |s| s.unlink(ACME),
        |s| s.rename(ACME, "library/acme/c.png"),
        |s| s.setattr(ACME, mode(0o600)),
        |s| s.setxattr(ACME, "user.x", "y"),
    ];
    for call in calls {
        let (done, rows) = trace(&world, &bea, |_, s| call(s));
        assert_eq!(errno(done), libc::EACCES);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0].actor.as_str(), &rows[0].action[..5]), ("bea", "deny."));
        assert_eq!(Some(&rows[0].subject), id(&world, ACME).as_ref());
    }
}

/// Regression: what no single asset decides was refused and left no row, and a refusal that was only asked for on the way left one.
#[test]
fn each_refused_call_is_on_record_once_whatever_decided() {
    let (world, admin, eddy) = stage();
    let bea = world.member("bea", 1002, "backup", None);
    world.change_member("eddy", Some("client=acme"), None);
    eddy.write("library/acme/.a.png.swp", b"half").unwrap();
    let folder = id(&world, "library/acme").unwrap();
    type Refused = (&'static str, fn(&Seat) -> FsResult<()>, &'static str, String);
    let library = || "library".to_owned();
    let of_bea: Vec<Refused> = vec![
        ("create", |s| s.write("library/acme/n.png", b"n"), "edit", library()),
        ("create in a view", |s| s.write("by/client/acme/v.png", b"v"), "edit", library()),
        ("drop into the inbox", |s| s.write("inbox/i.png", b"i"), "edit", library()),
        ("mkdir", |s| s.mkdir("library/acme/d"), "edit", library()),
        ("mkdir of a saver in a view", |s| s.mkdir("by/tag/x/.~tmp~"), "edit", library()),
        ("mkdir of a word", |s| s.mkdir("by/tag/beach"), "tag", "tag=beach".to_owned()),
        ("symlink", |s| symlink(s, "library/acme/l.png"), "edit", library()),
        ("pipe", |s| pipe(s, "library/acme/pipe2"), "edit", library()),
        ("move a folder", |s| s.rename("library/acme", "library/mine"), "edit", library()),
        ("rmdir", |s| s.rmdir("library/empty"), "edit", library()),
        ("chmod of a folder", |s| s.setattr("library/acme", mode(0o700)), "edit", folder),
        ("unlink of another's local file", |s| s.unlink("library/acme/.a.png.swp"), "edit", library()),
    ];
    let of_eddy: Vec<Refused> = vec![
        ("create out of reach", |s| s.write("library/n.png", b"n"), "list", "n.png".to_owned()),
        ("a verdict by a move", |s| s.rename(ACME, "by/status/x/approved/a.png"), "review", id(&world, ACME).unwrap()),
    ];
    admin.mkdir("library/empty").unwrap();
    for (seat, name, calls) in [(&bea, "bea", of_bea), (&eddy, "eddy", of_eddy)] {
        for (what, call, verb, subject) in calls {
            let (done, rows) = trace(&world, seat, |_, s| call(s));
            assert_eq!(done.map_err(|e| e.errno()), Err(libc::EACCES), "{what}");
            let told: Vec<(&str, &str)> = rows.iter().map(|row| (row.actor.as_str(), row.action.as_str())).collect();
            assert_eq!(told, [(name, format!("deny.{verb}").as_str())], "{what}");
            assert_eq!(rows[0].subject, subject, "{what}");
        }
    }
}

/// Regression: hearing that a right had ended was on record as a try, and a try with what was open was not, when it could not be listed any more.
#[test]
fn each_use_of_what_was_open_is_on_record_once() {
    let (world, _admin, eddy) = stage();
    let open = eddy.open(ACME, true, true).unwrap();
    let asset = id(&world, ACME).unwrap();
    let (_, rows) = trace(&world, &eddy, |w, _| {
        w.change_member("eddy", Some("client=globex"), None);
        w.pass(1_000);
        Ok(())
    });
    assert!(rows.iter().all(|row| !row.action.starts_with("deny.")), "nobody has tried anything: {rows:?}");
    type Use = (&'static str, fn(&Seat, u64) -> FsResult<()>);
    let uses: [Use; 4] = [
        ("deny.download", |s, fh| s.pread(fh).map(drop)),
        ("deny.edit", |s, fh| s.pwrite(fh, b"x")),
        ("deny.edit", |s, fh| s.mount.fallocate(&s.caller, fh, 0, 1 << 20, 0)),
        ("deny.download", |s, fh| s.mount.seek(&s.caller, fh, 0, Seek::Data).map(drop)),
    ];
    for (action, call) in uses {
        let (done, rows) = trace(&world, &eddy, |_, s| call(s, open));
        assert_eq!(errno(done), libc::EACCES, "{action}");
        let told: Vec<_> = rows.iter().map(|r| (r.actor.as_str(), r.action.as_str(), r.subject.as_str())).collect();
        assert_eq!(told, [("eddy", action, asset.as_str())]);
    }
}

/// To ask is no try: file managers ask of every file that they show.
#[test]
fn whether_something_may_be_written_is_asked_without_a_row() {
    let (world, _admin, _eddy) = stage();
    let bea = world.member("bea", 1002, "backup", None);
    for path in [ACME, "library/acme"] {
        let (done, rows) = trace(&world, &bea, |_, s| s.mount.access(&s.caller, s.find(path)?, 2));
        assert_eq!((errno(done), rows.len()), (libc::EACCES, 0), "{path}");
    }
}

#[test]
fn a_version_is_by_who_wrote_it() {
    let (world, admin, _eddy) = stage();
    let rows = said(&world, &admin, |w, s| {
        s.overwrite("library/own/o.png", b"by another")?;
        w.settle();
        Ok(())
    });
    assert_eq!(rows, ["root version.commit -"]);
    let shown = world.show("library/own/o.png");
    assert_eq!(shown["versions"][1]["by"], "root", "{shown}");
}

#[test]
fn no_row_tells_the_value_of_an_attribute() {
    let (world, _admin, eddy) = stage();
    let secret = "a prompt that is nobody's business";
    let (_, rows) = trace(&world, &eddy, |_, s| {
        s.setxattr(ACME, "user.prompt", secret)?;
        s.setxattr(ACME, "user.xdg.comment", secret)
    });
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| !row.detail.contains(secret)), "{rows:?}");
}
