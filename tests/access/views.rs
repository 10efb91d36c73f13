//! A value given through a view needs what `dam set` needs for it.

use damfs::ops::proto::Command;
use damfs::types::FileKind;

use crate::world::*;

const DECIDES: [&str; 4] =
    ["find/status.instagram=approved", "find/stage=published", "find/owner=eddy", "find/state=held"];

/// A value that nobody has is no place.
fn owns_one(world: &World, seat: &Seat) {
    seat.write("library/acme/own.png", b"own").unwrap();
    world.settle();
}

#[test]
fn what_a_view_decides_needs_the_right_to_decide_it() {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", None);
    owns_one(&world, &eddy);
    for view in DECIDES {
        let new = format!("{view}/new.png");
        if view != "find/owner=eddy" {
            assert_eq!(errno(eddy.write(&new, b"new")), libc::EACCES, "create in {view}");
        }
        assert_eq!(errno(eddy.rename("library/acme/a.png", &format!("{view}/a.png"))), libc::EACCES, "{view}");
        eddy.write("library/acme/.goutputstream-AB12CD", b"x").unwrap();
        let into = eddy.rename("library/acme/.goutputstream-AB12CD", &new);
        if view == "find/owner=eddy" {
            into.unwrap();
        } else {
            assert_eq!(errno(into), libc::EACCES, "rename into {view}");
            eddy.unlink("library/acme/.goutputstream-AB12CD").unwrap();
        }
    }
    let shown = world.show("library/acme/a.png");
    assert_eq!(shown["owner"], "root", "{shown}");
    assert_eq!((&shown["status"], &shown["stage"]), (&serde_json::json!({}), &serde_json::Value::Null), "{shown}");
    assert_eq!(admin.read("library/acme/a.png").unwrap(), b"acme");
}

#[test]
fn copying_an_assets_bytes_into_a_view_of_its_owner_does_not_take_it() {
    let (world, _admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", None);
    owns_one(&world, &eddy);
    eddy.write("find/owner=eddy/a.png", b"acme").unwrap();
    world.settle();
    assert_eq!(world.show("library/acme/a.png")["owner"], "root", "the admin's asset is still his");
    eddy.write("by/tag/+", b"x").unwrap_err();
    eddy.mkdir("by/tag/sea").unwrap();
    eddy.write("by/tag/sea/a.png", b"acme").unwrap();
    world.settle();
    assert_eq!(world.show("library/acme/a.png")["tag"], serde_json::json!(["sea"]), "a tag he may give");
}

#[test]
fn a_verdict_that_would_allow_itself_is_refused() {
    let role = "[role.loop]\ndescription = \"x\"\n[role.loop.allow]\nlist = \"*\"\nedit = \"*\"\ntag = \"*\"\nreview = \"status=approved\"\n";
    let world = World::new().with_roles(role);
    let lou = world.member("lou", 1002, "loop", None);
    assert_eq!(errno(lou.write("find/status.instagram=approved/x.png", b"x")), libc::EACCES);
}

/// Regression: a removal that was refused was remembered, and the name that came back to the view gave the value without the right to.
#[test]
fn a_refused_removal_from_a_view_gives_no_value_back() {
    let (world, _admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", None);
    world.set("library/acme/a.png", &["stage=published"]);
    assert_eq!(errno(eddy.unlink("find/stage=published/a.png")), libc::EACCES);
    world.set("library/acme/a.png", &["stage=draft"]);
    assert_eq!(errno(eddy.write("find/stage=published/a.png", b"eddy's")), libc::EACCES);
    assert_eq!(world.show("library/acme/a.png")["stage"], "draft");
}

/// What a freelancer sees of the errors that were said to him.
fn said(seat: &Seat) -> String {
    String::from_utf8(seat.read(".dam/errors").unwrap()).unwrap()
}

/// Regression: who may edit but not tag got EACCES from every saver that removes the name first (zip, tar, install, KDE).
#[test]
fn one_who_may_not_tag_saves_in_a_view_by_removing_first() {
    let (world, admin) = World::studio();
    let fred = world.member("fred", 1001, "freelance-editor", None);
    fred.mkdir("library/fred").unwrap();
    fred.write("library/fred/f.png", b"one").unwrap();
    world.settle();
    world.set("library/fred/f.png", &["tag=beach"]);
    world.set("library/acme/a.png", &["tag=beach"]);
    let id = fred.getxattr("by/tag/beach/f.png", "user.dam.id").unwrap();
    let savers: [fn(&Seat); 3] = [
        |fred| {
            fred.unlink("by/tag/beach/f.png").unwrap();
            assert!(!fred.has("by/tag/beach/f.png") && !fred.names("by/tag/beach").contains(&"f.png".to_owned()));
            fred.write("by/tag/beach/f.png", b"two").unwrap();
        },
        |fred| {
            fred.write("by/tag/beach/ziAb1x9Z", b"three").unwrap();
            fred.unlink("by/tag/beach/f.png").unwrap();
            fred.rename("by/tag/beach/ziAb1x9Z", "by/tag/beach/f.png").unwrap();
        },
        |fred| {
            fred.write("by/tag/beach/f.png.part", b"four").unwrap();
            fred.unlink("by/tag/beach/f.png").unwrap();
            fred.rename("by/tag/beach/f.png.part", "by/tag/beach/f.png").unwrap();
        },
    ];
    for (n, saver) in savers.into_iter().enumerate() {
        saver(&fred);
        world.pass(20_000);
        world.settle();
        assert_eq!(fred.getxattr("by/tag/beach/f.png", "user.dam.id").unwrap(), id, "saver {n}");
        let record = world.show("library/fred/f.png");
        assert_eq!(record["tag"], serde_json::json!(["beach"]), "saver {n}");
        assert_eq!(record["versions"].as_array().unwrap().len(), n + 2, "saver {n}");
    }
    assert!(!said(&fred).contains("f.png"), "{}", said(&fred));
    // A name that does not come back is there again, with its value, and nobody else's is his to hide.
    fred.unlink("by/tag/beach/f.png").unwrap();
    world.pass(10_000);
    assert!(!fred.has("by/tag/beach/f.png"));
    world.pass(6_000);
    assert_eq!(fred.read("by/tag/beach/f.png").unwrap(), b"four");
    assert_eq!(world.show("library/fred/f.png")["tag"], serde_json::json!(["beach"]));
    assert!(said(&fred).contains("`f.png` shows in its view again"), "{}", said(&fred));
    assert_eq!(errno(fred.unlink("by/tag/beach/a.png")), libc::ENOENT);
    assert_eq!(fred.names("by/tag/beach").iter().filter(|name| name.ends_with("png")).count(), 1);
    assert_eq!(admin.read("by/tag/beach/a.png").unwrap(), b"acme");
}

/// Regression: it was the next version of the asset in the trash, which then had no name at all.
#[test]
fn a_name_set_aside_in_a_view_leads_to_nothing_once_its_asset_is_trashed() {
    for renames in [false, true] {
        let (world, admin) = World::studio();
        for path in ["library/acme/a.png", "library/globex/secret.png"] {
            world.set(path, &["tag=beach"]);
        }
        let id = admin.getxattr("library/acme/a.png", "user.dam.id").unwrap();
        admin.rename("by/tag/beach/a.png", "by/tag/beach/a.png~").unwrap();
        admin.unlink("library/acme/a.png").unwrap();
        if renames {
            admin.write("by/tag/beach/sedAb1x9Z", b"new").unwrap();
            admin.rename("by/tag/beach/sedAb1x9Z", "by/tag/beach/a.png").unwrap();
        } else {
            admin.write("by/tag/beach/a.png", b"new").unwrap();
        }
        world.settle();
        assert_eq!(admin.read("by/tag/beach/a.png").unwrap(), b"new");
        assert_ne!(admin.getxattr("by/tag/beach/a.png", "user.dam.id").unwrap(), id);
        assert_eq!(world.serve(0, Command::Fsck { deep: false }).unwrap()["faults"], serde_json::json!([]));
    }
}

/// Regression: `..` of every directory was the root's number.
#[test]
fn above_a_directory_is_the_one_it_lies_in() {
    let (world, admin) = World::studio();
    admin.mkdir("library/acme/deep").unwrap();
    admin.write("library/acme/deep/b.png", b"b").unwrap();
    admin.mkdir("inbox/box").unwrap();
    world.settle();
    world.set("library/acme/a.png", &["tag=sea/beach", "persona=luna", "status.instagram=approved"]);
    let (mut seen, mut at) = (Vec::new(), vec!["find/persona=luna".to_owned(), String::new()]);
    while let Some(path) = at.pop() {
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        let number = |name: &str| admin.rows(&path).into_iter().find(|(row, _)| row == name).unwrap().1;
        assert_eq!(number("."), admin.find(&path).unwrap(), "{path}");
        assert_eq!(number(".."), admin.find(above).unwrap(), "above {path}");
        for name in admin.names(&path) {
            let below = format!("{path}/{name}").trim_start_matches('/').to_owned();
            if admin.attr(&below).unwrap().kind == FileKind::Dir {
                at.push(below);
            }
        }
        seen.push(path);
    }
    for path in ["library/acme/deep", "inbox/box", "by/tag/sea/beach", "versions/acme/deep/b.png", "records/acme/deep"]
    {
        assert!(seen.iter().any(|there| there == path), "{path} among {seen:?}");
    }
    for path in [".dam/why/library/acme", "by/status/instagram", "platforms/instagram"] {
        assert!(seen.iter().any(|there| there.starts_with(path)), "{path} among {seen:?}");
    }
}
