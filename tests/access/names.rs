//! Namesakes: who may not list the other sees nothing of him, who may list both tells them apart.

use damfs::catalog::FolderRule;
use damfs::fs::Invalidation;
use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::{OpsError, folders};

use crate::world::*;

/// Longer than a removed name is kept for its asset.
const TUNNEL: i64 = 16_000;

/// What is made in a folder belongs to a client.
fn rule(world: &World, folder: &str, client: &str) {
    world
        .library
        .catalog
        .write(|tx| -> Result<(), OpsError> {
            let node = folders::resolve(tx, folder)?.unwrap();
            let rule = FolderRule { folder: node.id, facet: "client".into(), value: client.into() };
            Ok(tx.put_folder_rule(&rule)?)
        })
        .unwrap();
}

/// Two creators who know nothing of each other, each with an approved `a.png` of his own; Ann's is older.
fn two_creators() -> (World, Seat, Seat, Seat) {
    let world = World::new();
    let admin = world.admin();
    let ann = world.member("ann", 1001, "content-creator", Some("client=acme"));
    let bob = world.member("bob", 1002, "content-creator", Some("client=globex"));
    for (seat, client) in [(&ann, "acme"), (&bob, "globex")] {
        seat.mkdir(&format!("library/{client}")).unwrap();
        rule(&world, &format!("library/{client}"), client);
    }
    ann.write("library/acme/a.png", &png(1)).unwrap();
    world.settle();
    bob.write("library/globex/a.png", &png(2)).unwrap();
    world.settle();
    for path in ["library/acme/a.png", "library/globex/a.png"] {
        world.set(path, &["status.facebook=approved", "persona=luna"]);
    }
    (world, admin, ann, bob)
}

fn png(seed: u8) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(8, 8, image::Rgb([seed, 0, 0]));
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

fn ino(seat: &Seat, path: &str) -> u64 {
    seat.find(path).unwrap()
}

fn listed(seat: &Seat, dir: &str) -> Vec<String> {
    seat.names(dir).into_iter().filter(|name| name.starts_with('a')).collect()
}

/// The name that the catalogue keeps for where a namesake has the plain one.
fn marked(world: &World, path: &str) -> String {
    let found = world.library.catalog.read(|tx| -> Result<_, OpsError> {
        let id = folders::resolve(tx, path)?.and_then(|node| node.asset).unwrap();
        Ok(tx.asset(id)?.and_then(|asset| asset.marked_name))
    });
    found.unwrap().unwrap()
}

/// Regression: Bob's file was `a ~k3f9.png` to him, which told him of Ann's.
#[test]
fn each_sees_his_own_alone_and_by_its_plain_name() {
    let (world, admin, ann, bob) = two_creators();
    let (first, second) = (marked(&world, "library/acme/a.png"), marked(&world, "library/globex/a.png"));
    for view in ["by/persona/luna", "find/kind=image"] {
        for (seat, path) in [(&ann, "library/acme/a.png"), (&bob, "library/globex/a.png")] {
            assert_eq!(listed(seat, view), ["a.png"]);
            assert_eq!(ino(seat, &format!("{view}/a.png")), ino(seat, path));
            for name in [&first, &second] {
                assert_eq!(errno(seat.find(&format!("{view}/{name}"))), libc::ENOENT);
            }
        }
        assert_eq!(listed(&admin, view), [second.clone(), "a.png".into()]);
        assert_eq!(ino(&admin, &format!("{view}/a.png")), ino(&admin, "library/acme/a.png"));
        assert_eq!(ino(&admin, &format!("{view}/{second}")), ino(&admin, "library/globex/a.png"));
        assert_eq!(errno(admin.find(&format!("{view}/{first}"))), libc::ENOENT, "one name each");
    }
    let exports = "platforms/facebook/feed_image";
    let stem = second.strip_suffix(".png").unwrap();
    assert_eq!(listed(&admin, exports), [format!("{stem}.jpg"), "a.jpg".into()]);
    let mary = world.member("mary", 1003, "marketing-manager", Some("client=globex"));
    assert_eq!(listed(&mary, exports), ["a.jpg"]);
    assert_eq!(errno(mary.find(&format!("{exports}/{stem}.jpg"))), libc::ENOENT);
    assert!(mary.has(&format!("{exports}/a.jpg")));
    let target = |name: &str| Command::Show { target: format!("{exports}/{name}.jpg") };
    let path = |uid, name: &str| world.serve(uid, target(name)).unwrap()["path"].as_str().unwrap().to_owned();
    assert_eq!(path(1003, "a"), "library/globex/a.png");
    assert_eq!((path(0, "a"), path(0, stem)), ("library/acme/a.png".into(), "library/globex/a.png".into()));
    assert_eq!(world.kind(1003, target(stem)), FailureKind::NotFound);
}

#[test]
fn commands_and_records_say_the_name_that_the_asker_sees() {
    let (world, _admin, ann, bob) = two_creators();
    let second = marked(&world, "library/globex/a.png");
    let name = |uid, path: &str| {
        let shown = world.serve(uid, Command::Show { target: path.into() }).unwrap();
        let found = world
            .serve(uid, Command::Find { expr: Some("kind=image".into()), sort: None, limit: None, count: false })
            .unwrap();
        let found = found["assets"].as_array().unwrap().iter().find(|a| a["id"] == shown["id"]).cloned().unwrap();
        assert_eq!(found["view_name"], shown["view_name"]);
        shown["view_name"].as_str().unwrap().to_owned()
    };
    assert_eq!(name(1001, "library/acme/a.png"), "a.png");
    assert_eq!(name(1002, "library/globex/a.png"), "a.png");
    assert_eq!(name(0, "library/acme/a.png"), "a.png");
    assert_eq!(name(0, "library/globex/a.png"), second);
    for (seat, record) in [(&ann, "records/acme/a.png.json"), (&bob, "records/globex/a.png.json")] {
        let text = String::from_utf8(seat.read(record).unwrap()).unwrap();
        assert!(!text.contains('~') && text.contains("\"id\""), "{text}");
    }
    bob.mkdir("by/tag/sea").unwrap();
    assert_eq!(errno(bob.rename("library/globex/a.png", &format!("by/tag/sea/{second}"))), libc::EPERM);
    let said = String::from_utf8(bob.read(".dam/errors").unwrap()).unwrap();
    assert!(said.contains("move it as `a.png`") && !said.contains('~'), "{said}");
    bob.rename("library/globex/a.png", "by/tag/sea/a.png").unwrap();
    assert_eq!(listed(&bob, "by/tag/sea"), ["a.png"]);
}

#[test]
fn names_are_the_same_after_a_remount() {
    let (world, admin, ann, bob) = two_creators();
    let shown = |seat: &Seat| listed(seat, "by/persona/luna");
    let before = (shown(&admin), shown(&ann), shown(&bob));
    drop((admin, ann, bob));
    let world = world.reopen();
    assert_eq!((shown(&world.seat(0)), shown(&world.seat(1001)), shown(&world.seat(1002))), before);
}

/// Regression: what lay in the trash kept its name for ever.
#[test]
fn a_trashed_asset_lets_go_of_its_name_and_comes_back_behind() {
    let (world, admin, ann, _bob) = two_creators();
    let (first, second) = (marked(&world, "library/acme/a.png"), marked(&world, "library/globex/a.png"));
    ann.unlink("library/acme/a.png").unwrap();
    assert_eq!(listed(&admin, "by/persona/luna"), std::slice::from_ref(&second), "a saver may be at work");
    world.pass(TUNNEL);
    assert_eq!(listed(&admin, "by/persona/luna"), ["a.png"]);
    let day = admin.names("trash").into_iter().find(|name| name.starts_with("20")).unwrap();
    assert_eq!(listed(&admin, &format!("trash/{day}")), std::slice::from_ref(&first));
    assert_eq!(listed(&ann, &format!("trash/{day}")), ["a.png"]);

    ann.write("library/acme/a.png", &png(3)).unwrap();
    world.settle();
    world.set("library/acme/a.png", &["persona=luna"]);
    assert_eq!(listed(&ann, "by/persona/luna"), ["a.png"]);
    let third = marked(&world, "library/acme/a.png");
    assert_eq!(listed(&ann, &format!("trash/{day}")), std::slice::from_ref(&first), "his new one has the name");

    admin.mkdir("library/acme/old").unwrap();
    admin.rename(&format!("trash/{day}/{first}"), "library/acme/old/a.png").unwrap();
    assert_eq!(admin.names("trash"), [".nomedia", ".trackerignore"]);
    let mut all = vec!["a.png".to_owned(), third, first];
    all.sort();
    assert_eq!(listed(&admin, "by/persona/luna"), all);
    assert_eq!(ino(&admin, "by/persona/luna/a.png"), ino(&admin, "library/globex/a.png"), "no name changed for it");
}

#[test]
fn a_save_that_removes_the_file_on_its_way_changes_no_name() {
    let (world, admin, ann, _bob) = two_creators();
    let second = marked(&world, "library/globex/a.png");
    ann.unlink("library/acme/a.png").unwrap();
    assert_eq!(listed(&admin, "by/persona/luna"), std::slice::from_ref(&second));
    ann.write("library/acme/a.png", &png(4)).unwrap();
    world.settle();
    world.pass(TUNNEL);
    assert_eq!(listed(&admin, "by/persona/luna"), [second, "a.png".into()]);
    assert_eq!(ino(&admin, "by/persona/luna/a.png"), ino(&admin, "library/acme/a.png"));
}

#[test]
fn the_kernel_forgets_names_that_a_namesake_had_a_part_in() {
    let (world, admin, ann, _bob) = two_creators();
    let second = marked(&world, "library/globex/a.png");
    let told = admin.mount.invalidations();
    for change in ["scope", "rename", "trash"] {
        let shown = listed(&admin, "by/persona/luna").into_iter().find(|n| *n == second).unwrap();
        let parent = admin.find("by/persona/luna").unwrap();
        admin.find(&format!("by/persona/luna/{shown}")).unwrap();
        while told.try_recv().is_ok() {}
        match change {
            "scope" => world.set("library/acme/a.png", &["rating=adult"]),
            "rename" => {
                admin.rename("library/acme/a.png", "library/acme/z.png").unwrap();
                assert_eq!(listed(&admin, "by/persona/luna"), ["a.png"]);
            }
            _ => {
                ann.unlink("library/acme/a.png").unwrap();
                world.pass(TUNNEL);
            }
        }
        let wanted = Invalidation::Name { parent, name: second.clone().into_bytes() };
        let mut heard = false;
        while let Ok(what) = told.recv_timeout(std::time::Duration::from_secs(60)) {
            heard |= what == wanted;
            if heard {
                break;
            }
        }
        assert!(heard, "{change}");
        if change == "rename" {
            admin.rename("library/globex/a.png", "library/globex/x.png").unwrap();
            admin.rename("library/acme/z.png", "library/acme/a.png").unwrap();
            admin.rename("library/globex/x.png", "library/globex/a.png").unwrap();
        }
    }
}
