//! `saved/`: queries under names, whose they are, who sees them, and how long.

use std::sync::Arc;

use damfs::fs::{Audience, FsResult, Listed, Mount, Show};
use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::undo::{Ask, undo};
use damfs::ops::{Actor, serve};
use damfs::types::Caller;
use serde_json::{Value, json};

use crate::world::{Seat, World, errno};

/// `library/a.png` of luna at the sea, `library/b.png` of luna, `library/c.png` of mira at the sea.
fn studio() -> (World, Seat) {
    let world = World::new();
    let me = world.admin();
    for (name, set) in [
        ("a", &["persona=luna", "tag=sea", "client=acme"] as &[&str]),
        ("b", &["persona=luna", "client=globex"]),
        ("c", &["persona=mira", "tag=sea", "client=globex"]),
    ] {
        let path = format!("library/{name}.png");
        me.write(&path, name.as_bytes()).unwrap();
        world.settle();
        world.set(&path, set);
    }
    world.pass(3_000);
    (world, me)
}

fn link(seat: &Seat, target: &str, path: &str) -> FsResult<Vec<u8>> {
    let (parent, name) = seat.split(path)?;
    let entry = seat.mount.symlink(&seat.caller, parent, name, target.as_bytes())?;
    seat.mount.readlink(&seat.caller, entry.attr.ino)
}

/// What `saved/` lists, but its marks.
fn saved(seat: &Seat) -> Vec<String> {
    seat.names("saved").into_iter().filter(|name| !name.starts_with('.')).collect()
}

/// The files of a view.
fn files(seat: &Seat, view: &str) -> Vec<String> {
    seat.names(view).into_iter().filter(|name| name.ends_with(".png")).collect()
}

fn errors(seat: &Seat) -> String {
    String::from_utf8(seat.read(".dam/errors").unwrap()).unwrap()
}

fn save(name: &str, query: Option<&str>, roles: Option<&[&str]>, until: Option<&str>) -> Command {
    Command::Save {
        name: name.into(),
        query: query.map(str::to_owned),
        roles: roles.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect()),
        until: until.map(str::to_owned),
    }
}

fn undo_last(world: &World, seat: &Seat) -> Value {
    let actor = Actor::of(&world.library, &seat.caller).unwrap();
    world.pass(3_000);
    undo(&world.library, &actor, &Ask::default()).unwrap()
}

#[test]
fn a_directory_is_the_query_that_its_name_reads_as() {
    let (_world, me) = studio();
    me.mkdir("saved/persona=luna").unwrap();
    assert_eq!(files(&me, "saved/persona=luna"), ["a.png", "b.png"]);
    me.rename("saved/persona=luna", "saved/moons").unwrap();
    assert_eq!(
        (saved(&me), files(&me, "saved/moons")),
        (vec!["moons".to_owned()], vec!["a.png".into(), "b.png".into()])
    );
    assert!(!me.has("saved/persona=luna"), "the name is another now");
    me.rename("saved/moons", "saved/persona=luna,tag=sea").unwrap();
    me.rename("saved/persona=luna,tag=sea", "saved/moons").unwrap();
    assert_eq!(files(&me, "saved/moons"), ["a.png"], "by its name it was told another query");
    // A file manager's new folder, which is named later.
    me.mkdir("saved/New Folder").unwrap();
    assert_eq!(me.names("saved/New Folder"), Vec::<String>::new());
    assert_eq!(errno(me.write("saved/New Folder/x.png", b"x")), libc::EPERM);
    me.rename("saved/New Folder", "saved/tag=sea").unwrap();
    assert_eq!(files(&me, "saved/tag=sea"), ["a.png", "c.png"]);
    for (name, said) in [
        ("raiting=safe", "did you mean `rating`"),
        ("persona=", "persona"),
        ("a ~b", "` ~`"),
        (".hidden", "dot"),
        (" x", "blank"),
        ("a\nb", "control"),
        (&"x".repeat(250), "too long"),
    ] {
        assert_eq!(errno(me.mkdir(&format!("saved/{name}"))), libc::EPERM, "{name}");
        assert!(errors(&me).contains(said), "{name}: {}", errors(&me));
        assert_eq!(errno(me.rename("saved/moons", &format!("saved/{name}"))), libc::EPERM, "{name}");
    }
    assert_eq!(errno(me.mkdir("saved/moons")), libc::EEXIST);
    assert_eq!(errno(me.mkdir("saved/moons/below")), libc::EPERM);
}

#[test]
fn a_link_to_a_query_below_find_saves_it() {
    let (_world, me) = studio();
    assert_eq!(link(&me, "../find/tag=sea", "saved/sea").unwrap(), b"../find/tag=sea", "what was made was a link");
    assert_eq!(files(&me, "saved/sea"), ["a.png", "c.png"]);
    link(&me, "/home/me/mnt/find/not.persona=luna", "saved/others").unwrap();
    assert_eq!(files(&me, "saved/others"), ["c.png"]);
    link(&me, "../find/persona=luna", "saved/persona=luna").unwrap();
    for (target, name) in [
        ("../by/tag/sea", "x"),
        ("../library/a.png", "x"),
        ("../find/tga=sea", "x"),
        ("../find/tag=sea", "persona=mira"),
    ] {
        assert_eq!(errno(link(&me, target, &format!("saved/{name}"))), libc::EPERM, "{target}");
    }
    assert!(errors(&me).contains("ln -s ../find/QUERY saved/NAME") && errors(&me).contains("did you mean `tag`"));
    assert_eq!(errno(link(&me, "../find/tag=sea", "saved/sea")), libc::EEXIST);
    assert_eq!(saved(&me), ["others", "persona=luna", "sea"]);
    assert_eq!(me.names("find"), [".nomedia", ".trackerignore"], "what is looked up is stored nowhere");
}

#[test]
fn files_come_and_go_in_it_as_in_the_query() {
    let (world, me) = studio();
    me.mkdir("saved/persona=luna,tag=sea").unwrap();
    me.rename("saved/persona=luna,tag=sea", "saved/both").unwrap();
    me.write("saved/both/new.png", b"new").unwrap();
    world.settle();
    assert_eq!(world.show("library/Unsorted/2026/09/new.png")["persona"], json!(["luna"]));
    me.rename("library/c.png", "saved/both/c.png").unwrap();
    assert_eq!(world.show("library/c.png")["persona"], json!(["luna", "mira"]));
    me.rename("saved/both/c.png", "by/persona/mira/c.png").unwrap();
    let moved = world.show("library/c.png");
    assert_eq!((&moved["persona"], &moved["tag"]), (&json!(["mira"]), &json!([])), "out of it its values go");
    me.overwrite("saved/both/a.png", b"another").unwrap();
    world.pass(3_000);
    assert_eq!(world.show("library/a.png")["versions"].as_array().unwrap().len(), 2);
    me.unlink("saved/both/a.png").unwrap();
    assert_eq!(world.show("library/a.png")["tag"], json!([]), "the last of its values is taken, the asset stays");
    link(&me, "../find/not.persona=luna", "saved/others").unwrap();
    assert_eq!(errno(me.write("saved/others/x.png", b"x")), libc::EPERM);
    assert_eq!(me.names("saved/both/+and"), me.names("find/persona=luna,tag=sea/+and"));
    let before = files(&me, "library");
    me.rmdir("saved/both").unwrap();
    assert!(!me.has("saved/both") && files(&me, "library") == before, "no file goes with the directory");
}

#[test]
fn it_is_seen_by_who_made_it_and_by_the_roles_it_is_shown_to() {
    let (world, me) = studio();
    let cleo = world.member("cleo", 1001, "content-creator", Some("client=acme"));
    let rita = world.member("rita", 1002, "client-reviewer", None);
    me.mkdir("saved/persona=luna").unwrap();
    assert_eq!((saved(&cleo), errno(cleo.find("saved/persona=luna"))), (vec![], libc::ENOENT));
    assert_eq!(errno(cleo.rmdir("saved/persona=luna")), libc::ENOENT);
    world.serve(0, save("moons", Some("persona=luna"), Some(&["content-creator"]), None)).unwrap();
    assert_eq!((saved(&cleo), saved(&rita)), (vec!["moons".to_owned()], vec![]));
    assert_eq!(files(&cleo, "saved/moons"), ["a.png"], "he finds what he may list");
    let stood_in = cleo.find("saved/moons").unwrap();
    assert_eq!(errno(cleo.rename("saved/moons", "saved/mine")), libc::EACCES);
    assert_eq!(errno(cleo.rmdir("saved/moons")), libc::EACCES);
    assert_eq!(errno(cleo.mkdir("saved/moons")), libc::EEXIST);
    world.serve(0, save("moons", None, Some(&[""]), None)).unwrap();
    assert_eq!((saved(&cleo), errno(cleo.find("saved/moons"))), (vec![], libc::ENOENT));
    assert_eq!(errno(cleo.mount.getattr(&cleo.caller, stood_in)), libc::ESTALE, "who stands in it stands in nothing");
    // Keeping one for oneself needs no right, showing it to others the right to tag.
    world.serve(1002, save("mine", Some("kind=other"), None, None)).unwrap();
    assert_eq!(
        (saved(&rita), world.kind(1002, save("mine", None, Some(&["admin"]), None))),
        (vec!["mine".into()], FailureKind::Refused)
    );
    assert_eq!(world.kind(0, save("moons", None, Some(&["editr"]), None)), FailureKind::Usage);
    assert!(!me.has("saved/mine"), "an admin sees what is shown to him, as anybody does");
    // What is shown to an admin, he may take away.
    world.serve(1001, save("cleos", Some("persona=luna"), Some(&["admin"]), None)).unwrap();
    assert_eq!(errno(me.rename("saved/cleos", "saved/x")), libc::EACCES);
    me.rmdir("saved/cleos").unwrap();
    assert!(!cleo.has("saved/cleos"));
}

#[test]
fn namesakes_have_their_owners_names_and_each_path_is_one_query() {
    let (world, me) = studio();
    let cleo = world.member("cleo", 1001, "editor", None);
    let dora = world.member("dora", 1002, "editor", None);
    for (uid, query) in [(0, "persona=luna"), (1001, "persona=mira"), (1002, "tag=sea")] {
        world.serve(uid, save("x", Some(query), None, None)).unwrap();
    }
    world.pass(1_000);
    world.serve(1001, save("x", None, Some(&["editor", "admin"]), None)).unwrap();
    assert_eq!(
        (saved(&me), saved(&dora), saved(&cleo)),
        (vec!["x".into(), "x ~cleo".into()], vec!["x".into(), "x ~cleo".into()], vec!["x".to_owned()])
    );
    assert_eq!(
        (files(&me, "saved/x"), files(&me, "saved/x ~cleo")),
        (vec!["a.png".into(), "b.png".into()], vec!["c.png".to_owned()])
    );
    let ino = |seat: &Seat, path: &str| seat.find(path).unwrap();
    assert_eq!(ino(&cleo, "saved/x"), ino(&cleo, "saved/x ~cleo"), "the same directory by either name");
    world.pass(1_000);
    world.serve(1002, save("x", None, Some(&["admin"]), None)).unwrap();
    me.rmdir("saved/x").unwrap();
    assert_eq!(saved(&me), ["x", "x ~dora"], "the one that was shown first has the plain name");
    assert_eq!(files(&me, "saved/x"), ["c.png"]);
    // On a shared mount one path is a directory of each.
    let everyone = Mount::new(world.library.clone(), Audience::Everyone, Show { uid: 0, gid: 0 }).unwrap();
    let seat = |uid| Seat { mount: Arc::clone(&everyone), caller: Caller { uid, gid: uid, process: uid } };
    let (cleo, dora) = (seat(1001), seat(1002));
    let (hers, his) = (ino(&cleo, "saved/x"), ino(&dora, "saved/x"));
    assert_ne!(hers, his);
    assert_eq!(
        (files(&cleo, "saved/x"), files(&dora, "saved/x")),
        (vec!["c.png".to_owned()], vec!["a.png".into(), "c.png".into()])
    );
    assert_eq!(errno(cleo.mount.getattr(&cleo.caller, his)), libc::ESTALE, "another's number leads nowhere");
}

#[test]
fn one_that_is_past_its_time_is_gone_and_no_look_writes() {
    let (world, me) = studio();
    let past = world.kind(0, save("x", Some("tag=sea"), None, Some("2025")));
    assert_eq!(past, FailureKind::Usage);
    world.serve(0, save("today", Some("tag=sea"), None, Some("2026-09-21"))).unwrap();
    world.serve(0, save("year", Some("tag=sea"), None, Some("2026"))).unwrap();
    assert_eq!(saved(&me), ["today", "year"]);
    let stood_in = me.find("saved/today").unwrap();
    let change = || world.library.catalog.read(|tx| tx.last_change()).unwrap();
    let before = change();
    world.clock.advance_ms(24 * 3_600_000);
    assert_eq!((saved(&me), errno(me.find("saved/today"))), (vec!["year".to_owned()], libc::ENOENT));
    assert_eq!(errno(me.mount.getattr(&me.caller, stood_in)), libc::ESTALE);
    assert_eq!(change(), before);
    world.library.tick();
    world.library.tick_short();
    let kept = world.library.catalog.read(|tx| tx.saved()).unwrap();
    assert_eq!(kept.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["year"]);
    let log = world.library.catalog.read(|tx| tx.audit_after("ops", 0, 10_000)).unwrap();
    assert!(log.iter().any(|row| row.action == "saved.expire" && row.subject == "saved/today" && row.actor == "damfs"));
    world.serve(0, save("year", None, None, Some(""))).unwrap();
    world.clock.advance_ms(366 * 24 * 3_600_000);
    assert_eq!(saved(&me), ["year"]);
}

#[test]
fn every_change_of_one_is_on_record_and_comes_back() {
    let (world, me) = studio();
    me.mkdir("saved/tag=sea").unwrap();
    world.pass(3_000);
    me.rename("saved/tag=sea", "saved/sea").unwrap();
    world.pass(3_000);
    let command = save("sea", Some("tag=sea,persona=luna"), Some(&["editor"]), None);
    serve(&world.library, &Caller { process: 77, ..me.caller }, command, None).unwrap();
    world.pass(3_000);
    me.rmdir("saved/sea").unwrap();
    let log = world.library.catalog.read(|tx| tx.audit_after("ops", 0, 10_000)).unwrap();
    let told: Vec<&str> = log.iter().map(|row| row.action.as_str()).filter(|a| a.starts_with("saved.")).collect();
    assert_eq!(told, ["saved.create", "saved.rename", "saved.set", "saved.remove"]);
    let done = undo_last(&world, &me);
    assert_eq!(done["what"], "put back 1 saved view");
    assert_eq!(files(&me, "saved/sea"), ["a.png"]);
    let list = || {
        let actor = Actor::of(&world.library, &me.caller).unwrap();
        damfs::ops::undo::list(&world.library, &actor, None, 10).unwrap()["turns"].as_array().unwrap().clone()
    };
    // Each turn by its number, the newest first.
    let turns: Vec<u64> = list().iter().map(|turn| turn["turn"].as_u64().unwrap()).collect();
    let back = |turn| {
        let actor = Actor::of(&world.library, &me.caller).unwrap();
        let ask = Ask { turn: Some(turn), ..Ask::default() };
        assert_eq!(undo(&world.library, &actor, &ask).unwrap()["left"], json!([]));
    };
    back(turns[2]);
    assert_eq!(files(&me, "saved/sea"), ["a.png", "c.png"], "the query and who sees it");
    back(turns[3]);
    assert_eq!(saved(&me), ["tag=sea"], "the name");
    back(turns[4]);
    assert_eq!(saved(&me), Vec::<String>::new());
}

#[test]
fn one_that_names_what_is_not_there_is_kept_and_shows_nothing() {
    let (world, me) = studio();
    me.mkdir("saved/persona=zoe").unwrap();
    link(&me, "../find/not.persona=zoe", "saved/others").unwrap();
    assert_eq!((files(&me, "saved/persona=zoe"), files(&me, "saved/others")), (vec![], Vec::<String>::new()));
    assert!(errors(&me).contains("saved/others: unknown persona `zoe`"), "{}", errors(&me));
    let told = world.serve(0, Command::SavedList).unwrap();
    assert!(told["saved"].to_string().contains("unknown persona `zoe`"), "{told}");
    assert_eq!(errno(me.write("saved/others/x.png", b"x")), libc::EPERM);
    me.write("saved/persona=zoe/z.png", b"zoe").unwrap();
    world.settle();
    assert_eq!(files(&me, "saved/persona=zoe"), ["z.png"], "what is put there has the value");
    assert_eq!(files(&me, "saved/others"), ["a.png", "b.png", "c.png"], "and the other query asks something now");
}

#[test]
fn it_is_renamed_within_saved_alone_and_over_another_of_ones_own() {
    let (world, me) = studio();
    world.serve(0, save("sea", Some("tag=sea"), Some(&["editor"]), None)).unwrap();
    me.mkdir("saved/persona=mira").unwrap();
    for to in ["library/x", "by/tag/x", "find/x", "inbox/x", "x", "saved/sea/x", ".Trash-0/files/x"] {
        assert!([libc::EPERM, libc::ENOENT].contains(&errno(me.rename("saved/sea", to))), "{to}");
    }
    for from in ["find/tag=sea", "by/tag/sea", "library", "saved/sea/a.png", "library/a.png"] {
        assert_eq!(errno(me.rename(from, "saved/x")), libc::EPERM, "{from}");
    }
    assert_eq!(errno(me.write("saved/x.png", b"x")), libc::EPERM);
    // As `mv -T` does.
    me.rename("saved/persona=mira", "saved/sea").unwrap();
    assert_eq!((saved(&me), files(&me, "saved/sea")), (vec!["sea".to_owned()], vec!["c.png".to_owned()]));
    let eddy = world.member("eddy", 1001, "editor", None);
    assert_eq!(saved(&eddy), ["sea"], "who saw it sees it still");
    eddy.mkdir("saved/persona=luna").unwrap();
    assert_eq!(errno(eddy.rename("saved/persona=luna", "saved/sea")), libc::EEXIST);
    let (parent, name) = eddy.split("saved/persona=luna").unwrap();
    eddy.mkdir("saved/tag=sea").unwrap();
    let onto = eddy.mount.rename(&eddy.caller, parent, name, parent, "tag=sea".as_ref(), true);
    assert_eq!(errno(onto), libc::EEXIST);
}

#[test]
fn a_temporary_that_stays_in_it_is_filed_with_its_values() {
    let (world, me) = studio();
    world.serve(0, save("both", Some("persona=luna,tag=sea"), None, None)).unwrap();
    me.write("saved/both/.goutputstream-AB12CD", b"left behind").unwrap();
    world.pass(11 * 60_000);
    world.pass(11 * 60_000);
    world.settle();
    let found = world
        .serve(0, Command::Find { expr: Some("persona=luna,tag=sea".into()), sort: None, limit: None, count: false })
        .unwrap();
    assert_eq!(found["assets"].as_array().unwrap().len(), 2, "{found}");
}

/// Regression: a directory that was open went on by the query of before, and what that found was shown as the new one's to whoever opened it.
#[test]
fn an_open_directory_follows_what_is_saved_under_its_name() {
    let (world, me) = studio();
    world.serve(0, save("s", Some("persona=luna"), None, None)).unwrap();
    let dir = me.mount.opendir(&me.caller, me.find("saved/s").unwrap()).unwrap();
    world.serve(0, save("s", Some("persona=mira"), None, None)).unwrap();
    let mut names = Vec::new();
    let mut each = |row: Listed| {
        names.extend(String::from_utf8(row.name).ok().filter(|name| name.ends_with(".png")));
        true
    };
    me.mount.readdir(&me.caller, dir.fh, 0, false, &mut each).unwrap();
    assert_eq!((names, files(&me, "saved/s")), (vec!["c.png".to_owned()], vec!["c.png".to_owned()]));
}
