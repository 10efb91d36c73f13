//! A value's directory gets another name, and very many removals from views at once.

use std::collections::BTreeSet;

use damfs::fs::FsError;
use damfs::ops::brake;
use damfs::ops::undo::{Ask, undo};
use damfs::ops::{Actor, OpsError};

use crate::world::{Seat, World, errno};

fn files(seat: &Seat, view: &str) -> BTreeSet<String> {
    seat.names(view).into_iter().filter(|name| name.ends_with(".png")).collect()
}

fn set_of(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Six files: of persona luna and mira, with tags and tags below them, one in the trash.
fn studio() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    for n in 0..6 {
        admin.write(&format!("library/{n}.png"), format!("bytes {n}").as_bytes()).unwrap();
    }
    world.settle();
    for (n, set) in
        ["tag=sea", "tag=sea.beach", "tag=sea.beach.north", "tag=seaside", "persona=luna", "tag=sea"].iter().enumerate()
    {
        world.set(&format!("library/{n}.png"), &[set]);
    }
    admin.unlink("library/5.png").unwrap();
    world.pass(20_000);
    (world, admin)
}

fn undo_last(world: &World, seat: &Seat) {
    let actor = Actor::of(&world.library, &seat.caller).unwrap();
    let done = undo(&world.library, &actor, &Ask::default()).unwrap();
    assert_eq!(done["left"], serde_json::json!([]), "{done}");
}

#[test]
fn a_renamed_value_is_another_everywhere_and_comes_back() {
    let (world, admin) = studio();
    admin.mkdir("by/tag/sea/empty").unwrap();
    world.pass(3_000);
    admin.rename("by/tag/sea", "by/tag/ocean").unwrap();
    assert_eq!(files(&admin, "by/tag/ocean"), set_of(&["0.png", "1.png", "2.png"]));
    assert_eq!(files(&admin, "by/tag/ocean/beach"), set_of(&["1.png", "2.png"]));
    assert!(admin.has("by/tag/ocean/empty") && admin.has("by/tag/ocean/beach/north/2.png"));
    assert!(!admin.has("by/tag/sea"));
    assert_eq!(files(&admin, "by/tag/seaside"), set_of(&["3.png"]), "its neighbour stays");
    assert_eq!(files(&admin, "find/state=trashed,tag=ocean"), set_of(&["5.png"]), "the trash too");
    undo_last(&world, &admin);
    assert_eq!(files(&admin, "by/tag/sea"), set_of(&["0.png", "1.png", "2.png"]));
    assert!(admin.has("by/tag/sea/empty"));
    assert!(
        !admin.has("by/tag/ocean"),
        "{:?} {:?}",
        admin.names("by/tag/ocean"),
        files(&admin, "find/state=trashed,tag=ocean")
    );
}

#[test]
fn a_tag_moves_within_the_tree_of_tags() {
    let (_world, admin) = studio();
    admin.rename("by/tag/sea/beach", "by/tag/coast").unwrap();
    assert_eq!(files(&admin, "by/tag/coast/north"), set_of(&["2.png"]));
    assert_eq!(files(&admin, "by/tag/sea"), set_of(&["0.png"]));
    admin.rename("by/tag/seaside", "by/tag/coast/side").unwrap();
    assert_eq!(files(&admin, "by/tag/coast"), set_of(&["1.png", "2.png", "3.png"]));
    assert_eq!(errno(admin.rename("by/tag/coast", "by/tag/coast/side/deep")), libc::EINVAL);
}

#[test]
fn two_values_never_become_one_by_renaming() {
    let (_world, admin) = studio();
    assert!(matches!(admin.rename("by/tag/sea", "by/tag/seaside"), Err(FsError::Exists)));
    admin.mkdir("by/tag/word").unwrap();
    assert!(matches!(admin.rename("by/tag/sea", "by/tag/word"), Err(FsError::Exists)), "a word that waits is one");
    assert_eq!(files(&admin, "by/tag/sea"), set_of(&["0.png", "1.png", "2.png"]));
}

#[test]
fn a_value_stays_in_its_facet_and_closed_ones_stay() {
    let (world, admin) = studio();
    world.set("library/0.png", &["rating=safe", "client=acme"]);
    for (from, to) in [
        ("by/persona/luna", "by/tag/luna"),
        ("by/persona/luna", "library/luna"),
        ("by/rating/safe", "by/rating/secure"),
        ("by/client/acme", "by/client/globex"),
        ("by/kind/other", "by/kind/thing"),
    ] {
        assert_eq!(errno(admin.rename(from, to)), libc::EPERM, "{from} {to}");
    }
    admin.rename("by/persona/luna", "by/persona/Luna Ray").unwrap();
    assert_eq!(world.show("library/4.png")["persona"], serde_json::json!(["Luna Ray"]));
}

/// All that he may list, or nothing; what is hidden from him keeps its value, and tells him nothing.
#[test]
fn a_value_is_renamed_of_what_one_may_list() {
    let (world, _admin) = World::studio();
    world.set("library/acme/a.png", &["tag=sea"]);
    world.set("library/globex/secret.png", &["tag=sea", "tag=+ocean"]);
    let anna = world.member("anna", 1001, "content-creator", Some("client=acme"));
    anna.rename("by/tag/sea", "by/tag/ocean").unwrap();
    assert_eq!(files(&anna, "by/tag/ocean"), set_of(&["a.png"]));
    assert!(!anna.has("by/tag/sea"));
    assert_eq!(world.show("library/globex/secret.png")["tag"], serde_json::json!(["ocean", "sea"]));
    let fred = world.member("fred", 1002, "freelance-editor", None);
    assert!(matches!(errno(fred.rename("by/tag/ocean", "by/tag/lake")), libc::EACCES | libc::ENOENT));
    assert_eq!(files(&anna, "by/tag/ocean"), set_of(&["a.png"]));
}

fn thirty() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    for n in 0..30 {
        admin.write(&format!("library/{n:02}.png"), format!("bytes {n}").as_bytes()).unwrap();
    }
    world.settle();
    for n in 0..30 {
        world.set(&format!("library/{n:02}.png"), &["tag=sea"]);
    }
    world.pass(3_000);
    (world, admin)
}

#[test]
fn the_26th_removal_from_a_view_is_stopped_and_all_comes_back() {
    let (world, admin) = thirty();
    let results: Vec<_> = (0..30).map(|n| admin.unlink(&format!("by/tag/sea/{n:02}.png"))).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 25);
    assert_eq!(errno(admin.unlink("by/tag/sea/29.png")), libc::EBUSY);
    let errors = String::from_utf8(admin.read(".dam/errors").unwrap()).unwrap();
    assert!(errors.contains("dam bulk allow --for 5m"), "{errors}");
    assert_eq!(files(&admin, "library").len(), 30, "the files themselves are never touched");
    undo_last(&world, &admin);
    assert_eq!(files(&admin, "by/tag/sea").len(), 30);
}

#[test]
fn the_brake_is_off_for_who_says_so_and_for_as_long() {
    let (world, admin) = thirty();
    let actor = Actor::of(&world.library, &admin.caller).unwrap();
    brake::allow(&world.library, &actor, 300).unwrap();
    (0..30).for_each(|n| admin.unlink(&format!("by/tag/sea/{n:02}.png")).unwrap());
    assert!(matches!(brake::allow(&world.library, &actor, 3_601), Err(OpsError::Usage { .. })));
    assert!(matches!(brake::allow(&world.library, &actor, 0), Err(OpsError::Usage { .. })));
}

/// Programs that remove a name before they write it again are saving, however many they do.
#[test]
fn saving_many_files_in_a_view_is_not_stopped() {
    let (world, admin) = thirty();
    for n in 0..30 {
        let path = format!("by/tag/sea/{n:02}.png");
        admin.unlink(&path).unwrap();
        admin.write(&path, b"again").unwrap();
    }
    world.settle();
    assert_eq!(files(&admin, "by/tag/sea").len(), 30);
}
