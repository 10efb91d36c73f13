//! What a member may not list is not there, and is not touched.

use crate::world::*;

/// Eddy sees acme's things; in acme's folder lie hidden ones too.
fn shared_folder() -> (World, Seat, Seat) {
    let (world, admin) = World::studio();
    admin.write("library/acme/hidden.png", b"hidden").unwrap();
    admin.write("library/acme/.hidden.png.swp", b"lock").unwrap();
    admin.mkdir("library/acme/deep").unwrap();
    admin.write("library/acme/deep/x.png", b"deep").unwrap();
    world.settle();
    world.set("library/acme/hidden.png", &["client=globex"]);
    world.set("library/acme/deep/x.png", &["client=globex"]);
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));
    (world, admin, eddy)
}

#[test]
fn a_hidden_name_is_taken_and_never_replaced() {
    let (_world, admin, eddy) = shared_folder();
    eddy.mkdir("library/acme/own").unwrap();
    eddy.write("library/acme/.goutputstream-AB12CD", b"x").unwrap();
    for hidden in ["library/acme/hidden.png", "library/acme/.hidden.png.swp", "library/acme/deep"] {
        assert_eq!(errno(eddy.find(hidden)), libc::ENOENT, "{hidden}");
        for from in ["library/acme/a.png", "library/acme/.goutputstream-AB12CD", "library/acme/own"] {
            assert_eq!(errno(eddy.rename(from, hidden)), libc::EEXIST, "{from} onto {hidden}");
        }
        assert_eq!(errno(eddy.write(hidden, b"x")), libc::EEXIST, "create {hidden}");
        assert_eq!(errno(eddy.mkdir(hidden)), libc::EEXIST, "mkdir {hidden}");
    }
    assert_eq!(admin.read("library/acme/hidden.png").unwrap(), b"hidden");
    assert_eq!(admin.read("library/acme/.hidden.png.swp").unwrap(), b"lock");
}

#[test]
fn a_views_local_files_are_their_makers() {
    let (world, admin) = World::studio();
    world.set("library/acme/a.png", &["persona=luna"]);
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));
    admin.write("by/persona/luna/.x.swp", b"lock").unwrap();
    assert!(!eddy.has("by/persona/luna/.x.swp"));
    assert_eq!(errno(eddy.unlink("by/persona/luna/.x.swp")), libc::ENOENT);
    assert_eq!(errno(eddy.rename("by/persona/luna/.x.swp", "by/persona/luna/.y.swp")), libc::ENOENT);
    eddy.write("by/persona/luna/.z.swp", b"own").unwrap();
    assert_eq!(errno(eddy.rename("by/persona/luna/.z.swp", "by/persona/luna/.x.swp")), libc::EEXIST);
    assert_eq!(admin.read("by/persona/luna/.x.swp").unwrap(), b"lock");
}

#[test]
fn a_folder_moves_for_who_may_edit_all_of_it() {
    let (_world, _admin, eddy) = shared_folder();
    assert_eq!(errno(eddy.rename("library/acme", "library/taken")), libc::EACCES, "hidden files go with it");
    eddy.mkdir("library/own").unwrap();
    eddy.rename("library/acme/a.png", "library/own/a.png").unwrap();
    eddy.rename("library/own", "library/mine").unwrap();
    assert_eq!(eddy.read("library/mine/a.png").unwrap(), b"acme");
}

#[test]
fn a_folder_without_hidden_files_moves_for_its_editors() {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));
    eddy.rename("library/acme", "library/taken").unwrap();
    assert_eq!(admin.read("library/taken/a.png").unwrap(), b"acme");
}

#[test]
fn a_folders_attributes_are_its_makers() {
    use damfs::fs::{SetAttr, TimeChange};
    let (_world, admin, eddy) = shared_folder();
    eddy.mkdir("library/own").unwrap();
    let chmod = SetAttr { mode: Some(0o700), ..SetAttr::default() };
    let touch = SetAttr { mtime: Some(TimeChange::Now), ..SetAttr::default() };
    for folder in ["library", "library/acme", "inbox"] {
        assert_eq!(errno(eddy.setattr(folder, chmod)), libc::EACCES, "{folder}");
        assert_eq!(errno(eddy.setattr(folder, touch)), libc::EACCES, "{folder}");
        assert_eq!(errno(eddy.setxattr(folder, "user.x", "y")), libc::EACCES, "{folder}");
        admin.setattr(folder, touch).unwrap();
    }
    eddy.setattr("library/own", chmod).unwrap();
    assert_eq!(eddy.attr("library/own").unwrap().mode, 0o700);
}

#[test]
fn the_times_of_directories_tell_nothing_of_hidden_changes() {
    let (world, admin, eddy) = shared_folder();
    world.set("library/acme/a.png", &["persona=luna"]);
    let places = ["", "library", "library/acme", "by", "by/persona/luna", "find", "records/acme", ".dam/status"];
    let times = |seat: &Seat| places.map(|place| seat.attr(place).unwrap()).map(|a| (a.mtime, a.ctime));
    let (before, seen) = (times(&eddy), times(&admin));
    world.clock.advance_ms(60_000);
    admin.write("library/acme/hidden2.png", b"x").unwrap();
    world.settle();
    world.set("library/acme/hidden.png", &["tag=new"]);
    assert!(eddy.mount.wait_told(std::time::Duration::from_secs(0)).is_ok());
    assert_eq!(times(&eddy), before);
    assert_ne!(
        admin.attr("library/acme").unwrap().mtime,
        seen[2].0,
        "who lists everything sees that something happened"
    );
}

#[test]
fn the_times_of_views_are_the_same_after_a_remount() {
    let (world, admin) = World::studio();
    world.set("library/acme/a.png", &["persona=luna"]);
    let times = |seat: &Seat| ["", "by", "by/persona/luna", "find"].map(|place| seat.attr(place).unwrap().mtime);
    world.clock.advance_ms(60_000);
    assert_eq!(times(&world.admin()), times(&world.admin()));
    let before = times(&world.admin());
    drop(admin);
    let world = world.reopen();
    world.clock.advance_ms(60_000);
    assert_eq!(times(&world.admin()), before);
}

#[test]
fn a_word_in_hidden_use_is_made_like_any_other() {
    let (world, admin, eddy) = shared_folder();
    for word in ["by/persona/nova", "by/persona/free"] {
        assert_eq!(errno(eddy.find(word)), libc::ENOENT);
        eddy.mkdir(word).unwrap();
        assert!(eddy.has(word), "{word}");
        assert_eq!(errno(eddy.mkdir(word)), libc::EEXIST, "{word}");
    }
    world.set("library/globex/secret.png", &["persona=free"]);
    assert!(eddy.has("by/persona/free"), "what others do with it does not take it from him");
    for word in ["by/persona/nova", "by/persona/free"] {
        eddy.rmdir(word).unwrap();
        assert!(!eddy.has(word), "{word}");
        assert_eq!(errno(eddy.rmdir(word)), libc::ENOENT, "{word}");
    }
    assert!(admin.has("by/persona/free/secret.png"));
}
