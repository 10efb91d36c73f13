//! Attributes that are the record, and those of the file.

use crate::world::*;
use damfs::fs::SetAttr;
use damfs::ops::proto::Command;
use serde_json::json;

const TAGS: &str = "user.xdg.tags";
const COMMENT: &str = "user.xdg.comment";
const STARS: &str = "user.baloo.rating";
const FILE: &str = "library/acme/a.png";

#[test]
fn tags_that_were_not_seen_are_united() {
    let (world, _admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", None);
    world.set(FILE, &["tag=sea"]);
    eddy.setxattr(FILE, TAGS, "sun").unwrap();
    assert_eq!(world.show(FILE)["tag"], serde_json::json!(["sea", "sun"]));
}

#[test]
fn tags_are_merged_with_what_others_did_since_they_were_read() {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", None);
    world.set(FILE, &["tag=sea", "tag=sun"]);
    assert_eq!(eddy.getxattr(FILE, TAGS).unwrap(), "sea,sun");
    assert_eq!(admin.getxattr(FILE, TAGS).unwrap(), "sea,sun");
    admin.setxattr(FILE, TAGS, "sea,sun,new").unwrap();
    eddy.setxattr(FILE, TAGS, "sun,own").unwrap();
    assert_eq!(world.show(FILE)["tag"], serde_json::json!(["new", "own", "sun"]), "sea went, new stayed");
    eddy.setxattr(FILE, TAGS, "sun").unwrap();
    assert_eq!(world.show(FILE)["tag"], serde_json::json!(["new", "sun"]), "what he set is what he knows");
    admin.setxattr(FILE, TAGS, "").unwrap();
    assert_eq!(world.show(FILE)["tag"], serde_json::json!([]));
}

#[test]
fn a_comment_set_as_it_was_read_undoes_nothing() {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", None);
    eddy.setxattr(FILE, COMMENT, "one").unwrap();
    assert_eq!(eddy.getxattr(FILE, COMMENT).unwrap(), "one");
    admin.setxattr(FILE, COMMENT, "two").unwrap();
    eddy.setxattr(FILE, COMMENT, "one").unwrap();
    assert_eq!(world.show(FILE)["notes"], "two");
    eddy.setxattr(FILE, COMMENT, "three").unwrap();
    assert_eq!(world.show(FILE)["notes"], "three");
}

#[test]
fn tags_do_not_put_a_file_out_of_its_taggers_reach() {
    let (world, _admin) = World::studio();
    world.set(FILE, &["tag=mine"]);
    let eddy = world.member("eddy", 1001, "editor", Some("tag=mine"));
    assert_eq!(eddy.getxattr(FILE, TAGS).unwrap(), "mine");
    assert_eq!(errno(eddy.setxattr(FILE, TAGS, "other")), libc::EACCES);
    assert_eq!(world.show(FILE)["tag"], serde_json::json!(["mine"]));
}

#[test]
fn ratings_and_dublin_core_are_the_record() {
    let (world, admin) = World::studio();
    for (name, value) in [
        ("user.baloo.rating", "8"),
        ("user.dublincore.title", "Blue hour"),
        ("user.dublincore.x-own", "ä"),
        ("user.dublincore.subject", "sea,sun"),
        ("user.dublincore.description", "at dusk"),
    ] {
        admin.setxattr(FILE, name, value).unwrap();
        assert_eq!(admin.getxattr(FILE, name).unwrap(), value);
    }
    assert_eq!(
        (admin.getxattr(FILE, TAGS).unwrap(), admin.getxattr(FILE, COMMENT).unwrap()),
        ("sea,sun".into(), "at dusk".into())
    );
    let record = world.show(FILE);
    assert_eq!((&record["stars"], &record["notes"]), (&json!(8), &json!("at dusk")));
    assert_eq!(record["properties"], json!({ "title": "Blue hour", "x-own": "ä" }));
    for place in ["by/stars/8", "find/stars=8..max", "find/text=blue hour", "by/tag/sea", "library/acme"] {
        assert_eq!(admin.getxattr(&format!("{place}/a.png"), STARS).unwrap(), "8", "{place}");
    }
    assert!(!admin.has("by/stars/9/a.png") && admin.names("by/stars").contains(&"8".to_owned()));
    world.set(FILE, &["stars=3"]);
    assert_eq!(admin.getxattr(FILE, STARS).unwrap(), "3");
    admin.rename("by/stars/3/a.png", "by/stars/10/a.png").unwrap();
    assert_eq!(world.show(FILE)["stars"], 10);
    admin.removexattr(FILE, "user.dublincore.x-own").unwrap();
    admin.setxattr(FILE, STARS, "").unwrap();
    assert_eq!(
        admin.listxattr(FILE),
        ["user.dublincore.description", "user.dublincore.subject", "user.dublincore.title"]
    );
    for bad in ["11", "-1", "three", "3.5"] {
        assert_eq!(errno(admin.setxattr(FILE, STARS, bad)), libc::EINVAL, "{bad}");
    }
    let set = Command::Set { what: vec![FILE.into()].into(), set: assign(&["stars=11"]), dry_run: false, why: None };
    let refused = world.serve(0, set).unwrap_err();
    assert!(refused.message.contains("value of stars"), "{refused:?}");
}

#[test]
fn stars_and_properties_set_as_they_were_read_undo_nothing() {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", None);
    for (name, [one, two, three]) in [(STARS, ["2", "4", "6"]), ("user.dublincore.title", ["a", "b", "c"])] {
        eddy.setxattr(FILE, name, one).unwrap();
        admin.setxattr(FILE, name, two).unwrap();
        eddy.setxattr(FILE, name, one).unwrap();
        assert_eq!(admin.getxattr(FILE, name).unwrap(), two, "he changed nothing");
        eddy.setxattr(FILE, name, three).unwrap();
        assert_eq!(admin.getxattr(FILE, name).unwrap(), three);
    }
    let anna = world.member("anna", 1002, "backup", None);
    assert_eq!(errno(anna.setxattr(FILE, STARS, "10")), libc::EACCES);
}

/// `rsync -X` removes every attribute that its source has not: a second name for one value would take the value away.
#[test]
fn a_value_is_listed_under_the_one_name_that_it_was_set_by() {
    let (world, admin) = World::studio();
    admin.setxattr(FILE, COMMENT, "one").unwrap();
    assert_eq!(admin.listxattr(FILE), [COMMENT]);
    admin.setxattr(FILE, "user.dublincore.description", "two").unwrap();
    assert_eq!(admin.listxattr(FILE), ["user.dublincore.description"]);
    admin.setxattr(FILE, COMMENT, "three").unwrap();
    assert_eq!(admin.listxattr(FILE), [COMMENT]);
    // As rsync brings a new version of the file: attributes of its temporary.
    let temporary = "library/acme/.a.png.Xk3f9Q";
    admin.write(temporary, b"new").unwrap();
    admin.setxattr(temporary, "user.dublincore.subject", "sea").unwrap();
    admin.rename(temporary, FILE).unwrap();
    world.settle();
    assert_eq!(admin.listxattr(FILE), ["user.dublincore.subject", COMMENT]);
    assert_eq!(
        (admin.getxattr(FILE, TAGS).unwrap(), admin.getxattr(FILE, COMMENT).unwrap()),
        ("sea".into(), "three".into())
    );
}

#[test]
fn a_record_takes_so_many_properties() {
    let (_world, admin) = World::studio();
    for n in 0..64 {
        admin.setxattr(FILE, &format!("user.dublincore.p{n}"), "x").unwrap();
    }
    assert_eq!(errno(admin.setxattr(FILE, "user.dublincore.more", "x")), libc::EINVAL);
    admin.setxattr(FILE, "user.dublincore.p0", "y").unwrap();
    assert_eq!(admin.getxattr(FILE, "user.dublincore.p0").unwrap(), "y");
}

#[test]
fn a_file_gets_its_owners_own_group_and_no_other() {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", None);
    eddy.write("library/acme/own.png", b"own").unwrap();
    let group = |gid| SetAttr { gid: Some(gid), ..SetAttr::default() };
    assert_eq!(errno(eddy.setattr("library/acme/own.png", group(4))), libc::EPERM, "a group he is not known to be in");
    assert_eq!(errno(eddy.setattr(FILE, group(1001))), libc::EPERM, "another's file");
    admin.setattr("library/acme/own.png", group(4)).unwrap();
    eddy.setattr("library/acme/own.png", group(1001)).unwrap();
    assert_eq!(eddy.attr("library/acme/own.png").unwrap().gid, 1001);
}

/// Regression: a tag that no command takes got in through its attribute.
#[test]
fn tags_of_an_attribute_follow_the_rules_of_the_commands() {
    let (world, admin) = World::studio();
    world.set(FILE, &["tag=sea"]);
    let long = "x".repeat(201);
    for bad in ["none", long.as_str(), "a\u{7}b", "a/ /b"] {
        assert_eq!(errno(admin.setxattr(FILE, TAGS, &format!("sea,new,{bad}"))), libc::EINVAL, "{bad:?}");
    }
    assert_eq!(world.show(FILE)["tag"], serde_json::json!(["sea"]), "all of it or nothing");
    assert!(admin.read(".dam/errors").is_ok_and(|text| String::from_utf8_lossy(&text).contains("means no value")));
    admin.setxattr(FILE, TAGS, "sea,v1.5,a/b").unwrap();
    assert_eq!(world.show(FILE)["tag"], serde_json::json!(["a/b", "sea", "v1.5"]));
    admin.write("library/acme/.goutputstream-A1B2C3", b"new").unwrap();
    assert_eq!(errno(admin.setxattr("library/acme/.goutputstream-A1B2C3", TAGS, "none")), libc::EINVAL, "no asset yet");
}

/// A sidecar speaks for who wrote it: without the right to tag its asset it says nothing, and without knowing of it nothing is told.
#[test]
fn a_sidecar_says_as_much_as_its_writer_may() {
    let (world, admin) = World::studio();
    drop(admin);
    let world = world.with_roles("[role.retoucher.allow]\nlist = \"*\"\ndownload = \"*\"\nedit = \"*\"\n");
    let admin = world.admin();
    let ruth = world.member("ruth", 1001, "retoucher", None);
    let olga = world.member("olga", 1002, "editor", Some("not.client=acme"));
    admin.write("library/acme/open.png", b"open").unwrap();
    world.settle();
    let packet = br#"<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description
        xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></r:RDF>"#;
    olga.write("library/acme/a.png.xmp", packet).unwrap();
    ruth.write("library/acme/open.png.xmp", packet).unwrap();
    world.settle();
    for path in [FILE, "library/acme/open.png"] {
        assert_eq!(world.show(path)["stars"], serde_json::Value::Null, "{path}");
    }
    let errors = |seat: &Seat| String::from_utf8(seat.read(".dam/errors").unwrap()).unwrap();
    assert!(!errors(&olga).contains("a.png"), "{}", errors(&olga));
    assert!(errors(&ruth).contains("what `open.png.xmp` says was not taken into `open.png`"), "{}", errors(&ruth));
    olga.write("library/acme/own.png", b"own").unwrap();
    olga.write("library/acme/own.png.xmp", packet).unwrap();
    world.settle();
    assert_eq!(world.show("library/acme/own.png")["stars"], 8);
}

#[test]
fn a_sidecar_stays_that_its_assets_mover_may_not_move() {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));
    admin.write("library/acme/a.png.xmp", b"the admin's").unwrap();
    world.settle();
    eddy.rename(FILE, "library/acme/b.png").unwrap();
    world.pass(20_000);
    assert_eq!(eddy.names("library/acme"), ["b.png"]);
    assert_eq!(admin.names("library/acme"), ["a.png.xmp", "b.png"]);
    admin.rename("library/acme/b.png", "library/acme/a.png").unwrap();
    world.set("library/acme/a.png.xmp", &["client=acme"]);
    world.pass(20_000);
    eddy.rename(FILE, "library/acme/b.png").unwrap();
    world.pass(20_000);
    assert_eq!(admin.names("library/acme"), ["b.png", "b.png.xmp"]);
}
