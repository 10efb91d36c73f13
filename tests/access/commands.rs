//! Commands of a member who may not everything.

use std::fs;
use std::path::Path;

use damfs::ops::proto::{Command, FailureKind, Selection};
use damfs::ops::serve;
use damfs::types::Caller;

use crate::world::*;

fn files_below(dir: &Path) -> usize {
    let each = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    each.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

fn restore(target: &str, version: Option<u32>) -> Command {
    Command::Restore { target: target.into(), version, into: None, name: None }
}

#[test]
fn a_refused_import_stores_nothing() {
    let (world, _admin) = World::studio();
    world.member("eddy", 1001, "editor", Some("client=acme"));
    let root = world.library.root().to_owned();
    let file = root.join("given");
    fs::write(&file, vec![7u8; 100_000]).unwrap();
    let before = files_below(&root.join("store"));
    let import = |set: &[&str]| {
        let into = Some("new".to_owned());
        let (path, set) = ("given".into(), assign(set));
        let command = Command::Import { path, into, set, mtime: 0, any: true, copies: false };
        let caller = Caller { uid: 1001, gid: 1001, process: 1 };
        serve::serve(&world.library, &caller, command, Some(fs::File::open(&file).unwrap())).unwrap()
    };
    assert_eq!(import(&[])["outcome"], "refused");
    assert_eq!(import(&["client=acme", "status.x=approved"])["outcome"], "refused");
    assert_eq!(files_below(&root.join("store")), before, "no byte of it was kept");
    assert_eq!(import(&["client=acme"])["outcome"], "imported");
    assert!(files_below(&root.join("store")) > before);
}

#[test]
fn commands_do_not_find_hidden_folders_and_local_files() {
    let (world, admin) = World::studio();
    admin.write("library/acme/.hidden.png.swp", b"lock").unwrap();
    admin.mkdir("library/acme/deep").unwrap();
    world.member("eddy", 1001, "editor", Some("client=acme"));
    let hidden = [
        "library/globex",
        "library/acme/deep",
        "library/acme/.hidden.png.swp",
        "library/globex/secret.png",
        "versions/globex",
        "versions/globex/secret.png",
        "versions/globex/secret.png/1.png",
    ];
    for target in hidden {
        let of = Selection::from(vec![target.to_owned()]);
        for command in [
            Command::Why { target: target.into(), as_member: None },
            Command::Show { target: target.into() },
            Command::Versions { target: target.into() },
            Command::Diff { target: target.into(), from: Some(1), to: Some(1) },
            Command::MetaDiff { target: target.into() },
            Command::MetaResolve { target: target.into(), field: None, take: "stands".into() },
            restore(target, Some(1)),
            restore(target, None),
            Command::Tag { what: of.clone(), tag: "x".into(), remove: false, dry_run: false },
            Command::Set { what: of, set: assign(&["rating=safe"]), dry_run: false, why: None },
        ] {
            let said = format!("{command:?}");
            assert!(matches!(world.kind(1001, command), FailureKind::NotFound), "{said}");
        }
    }
    let folder = Command::Why { target: "library/acme".into(), as_member: None };
    assert!(matches!(world.kind(1001, folder), FailureKind::Usage), "what he sees is called what it is");
}

/// Of those he may not tag none is changed; of those he may not see nothing is said.
#[test]
fn a_bulk_change_is_all_or_nothing_and_refusals_are_on_record() {
    let (world, admin) = World::studio();
    admin.write("library/acme/b.png", b"b").unwrap();
    world.settle();
    world.set("library/acme/b.png", &["client=acme", "rating=adult"]);
    let role =
        "[role.tagger]\ndescription = \"x\"\n[role.tagger.allow]\nlist = \"client=acme\"\ntag = \"not.rating=adult\"\n";
    drop(admin);
    let world = world.with_roles(role);
    world.member("tara", 1001, "tagger", None);
    let tag = |query: &str, targets: &[&str]| {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let what = Selection { targets, query: Some(query.into()) };
        world.serve(1001, Command::Tag { what, tag: "x".into(), remove: false, dry_run: false })
    };
    let refused = tag("kind=other", &["library/globex/secret.png"]).unwrap_err();
    assert_eq!(refused.message, "nothing was changed: 2 of 3 cannot be");
    let told = refused.hint.unwrap();
    assert!(told.contains("library/acme/b.png: role tagger") && told.contains("`library/globex/secret.png`"), "{told}");
    assert_eq!(world.show("library/acme/a.png")["tag"], serde_json::json!([]));
    let audit = world.library.catalog.read(|tx| tx.audit_after("ops", 0, 1_000)).unwrap();
    assert!(audit.iter().any(|row| row.actor == "tara" && row.action == "deny.tag"), "{audit:?}");
    let done = tag("not.rating=adult", &[]).unwrap();
    assert_eq!((&done["changed"], &done["unchanged"]), (&1.into(), &0.into()), "what he may not list does not count");
    let rows = world.library.catalog.read(|tx| tx.audit_after("ops", 0, 1_000)).unwrap();
    assert_eq!(rows.iter().filter(|row| row.actor == "tara" && row.action == "asset.set").count(), 1);
}

/// The list beside a request is its sender's: whatever it holds, it is an error or a list.
#[test]
fn a_list_beside_the_request_is_read_to_its_end() {
    let (world, _admin) = World::studio();
    let path = world.library.root().join("list");
    let tag = |list: &[u8]| {
        fs::write(&path, list).unwrap();
        let command = Command::Tag { what: Selection::default(), tag: "x".into(), remove: false, dry_run: true };
        let caller = Caller { uid: 0, gid: 0, process: 1 };
        serve::serve(&world.library, &caller, command, Some(fs::File::open(&path).unwrap()))
    };
    let many = b"library/acme/a.png\0".repeat(2_500);
    assert_eq!(tag(&[many.as_slice(), b"library/globex/secret.png\0"].concat()).unwrap()["changed"], 2);
    assert_eq!(tag(b"library/acme/a.png").unwrap_err().kind, FailureKind::Usage);
    assert_eq!(tag(&[b'a'; 100_000]).unwrap_err().kind, FailureKind::Usage);
    assert_eq!(tag(b"\0").unwrap_err().kind, FailureKind::Usage, "that is the library's own folder");
}

#[test]
fn settling_counts_what_the_caller_may_list() {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));
    admin.overwrite("library/globex/secret.png", b"next").unwrap();
    eddy.overwrite("library/acme/a.png", b"next").unwrap();
    assert_eq!(world.serve(1001, Command::Settle).unwrap()["versions"], 1);
    admin.overwrite("library/globex/secret.png", b"more").unwrap();
    assert_eq!(world.serve(1001, Command::Settle).unwrap()["versions"], 0);
}

/// The role asks for a state; the one who searches did not.
#[test]
fn a_rule_that_speaks_of_the_state_brings_nothing_back_from_the_trash() {
    let role =
        "[role.courier]\ndescription = \"x\"\n[role.courier.allow]\nlist = \"any(state=active;state=trashed)\"\n";
    let world = World::new().with_roles(role);
    let admin = world.admin();
    for name in ["library/a.txt", "library/b.txt"] {
        admin.write(name, name.as_bytes()).unwrap();
    }
    world.settle();
    world.member("cora", 1001, "courier", None);
    admin.unlink("library/a.txt").unwrap();
    world.clock.advance_ms(20_000);
    world.library.tick();
    world.library.tick_short();
    let found = |uid, expr: &str| {
        let said =
            world.serve(uid, Command::Find { expr: Some(expr.into()), sort: None, limit: None, count: false }).unwrap();
        said["assets"].as_array().unwrap().len()
    };
    assert_eq!((found(0, "kind=other"), found(1001, "kind=other")), (1, 1));
    assert_eq!((found(0, "state=trashed"), found(1001, "state=trashed")), (1, 1), "who asks for it finds it");
}

#[test]
fn restoring_needs_the_right_to_edit() {
    let (world, admin) = World::studio();
    world.member("bea", 1001, "backup", None);
    let eddy = world.member("eddy", 1002, "editor", Some("client=acme"));
    let id = |path: &str| world.show(path)["id"].as_str().unwrap().to_owned();
    let (acme, globex) = (id("library/acme/a.png"), id("library/globex/secret.png"));
    eddy.overwrite("library/acme/a.png", b"next").unwrap();
    world.settle();
    let refused = |uid, command: Command| world.kind(uid, command);
    assert_eq!(refused(1001, restore("library/acme/a.png", Some(1))), FailureKind::Refused);
    assert_eq!(refused(1001, restore("library/acme/a.png", Some(9))), FailureKind::Refused, "the right comes first");
    assert_eq!(world.show(&acme)["versions"].as_array().unwrap().len(), 2);
    assert_eq!(world.serve(1002, restore("library/acme/a.png", Some(1))).unwrap()["version"], 3);
    assert_eq!(world.show(&acme)["versions"][2]["by"], "eddy");

    admin.unlink("library/acme/a.png").unwrap();
    admin.unlink("library/globex/secret.png").unwrap();
    assert_eq!(refused(1001, restore(&acme, None)), FailureKind::Refused);
    assert_eq!(refused(1002, restore(&globex, None)), FailureKind::NotFound);
    assert_eq!(refused(1002, restore("trash/2026-09-21/secret.png", None)), FailureKind::NotFound);
    let into =
        |folder: &str| Command::Restore { target: acme.clone(), version: None, into: Some(folder.into()), name: None };
    admin.mkdir("library/hidden").unwrap();
    assert_eq!(refused(1002, into("hidden")), FailureKind::NotFound);
    assert_eq!(refused(1002, into("hidden/deep")), FailureKind::NotFound);
    assert_eq!(world.serve(1002, restore(&acme, None)).unwrap()["path"], "library/acme/a.png");
}

/// The new file takes the name and nothing of the old one is lost.
#[test]
fn a_restored_version_disturbs_nobody() {
    let (world, admin) = World::studio();
    let path = "library/acme/a.png";
    admin.overwrite(path, b"two").unwrap();
    let writer = admin.open(path, false, true).unwrap();
    let said = world.serve(0, restore(path, Some(1))).unwrap_err();
    assert_eq!(said.kind, FailureKind::Failed, "{said}");
    assert!(said.message.contains("being written"), "{said}");
    admin.close(writer);

    let reader = admin.open(path, true, false).unwrap();
    assert_eq!(world.serve(0, restore(path, Some(1))).unwrap()["version"], 3, "what was not yet a version became one");
    assert_eq!(admin.pread(reader).unwrap(), b"twoe", "the file that it opened");
    admin.close(reader);
    assert_eq!(admin.read(path).unwrap(), b"acme");
    assert_eq!(admin.names("versions/acme/a.png"), ["1.png", "2.png", "3.png"]);
    assert_eq!(admin.read("versions/acme/a.png/2.png").unwrap(), b"twoe");
    assert_eq!(admin.read("by/client/acme/a.png").unwrap(), b"acme");
    drop(admin);
    let world = world.reopen();
    assert_eq!(world.admin().read(path).unwrap(), b"acme");
}
