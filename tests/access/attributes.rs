//! Attributes that are the record, and those of the file.

use crate::world::*;
use damfs::fs::SetAttr;

const TAGS: &str = "user.xdg.tags";
const COMMENT: &str = "user.xdg.comment";
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
fn ratings_and_dublin_core_are_attributes_of_the_file() {
    let (_world, admin) = World::studio();
    for (name, value) in [("user.baloo.rating", "8"), ("user.dublincore.title", "x")] {
        admin.setxattr(FILE, name, value).unwrap();
        assert_eq!(admin.getxattr(FILE, name).unwrap(), value);
    }
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
