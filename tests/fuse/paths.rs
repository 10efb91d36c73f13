//! What commands make of a PATH in a mount.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::harness::*;

#[test]
fn a_path_in_any_place_of_a_mount_means_its_asset() {
    let mut s = Studio::mounted();
    fs::create_dir(s.mnt("library/luna")).unwrap();
    fs::write(s.mnt("library/luna/a.png"), png(1200, 1400, 1)).unwrap();
    s.settle();
    fs::write(s.mnt("library/luna/a.png"), png(1200, 1400, 2)).unwrap();
    s.settle();
    s.dam(["set", "library/luna/a.png", "rating=safe", "status.instagram=approved"]);
    let export = "platforms/instagram/post_portrait_4x5/a.jpg";
    wait_until("the export is listed", || s.mnt(export).exists());
    let id = s.id("library/luna/a.png");
    for place in [
        "library/luna/a.png",
        "by/format/png/a.png",
        "find/format=png/a.png",
        "versions/luna/a.png",
        "versions/luna/a.png/1.png",
        "records/luna/a.png.json",
        ".dam/why/library/luna/a.png",
        export,
    ] {
        assert_eq!(s.show(s.mnt(place))["id"], *id, "{place}");
    }
    for here in ["", "by/format", "library/luna"] {
        for target in ["library/luna/a.png", &id] {
            let out = s.command(["show", target]).current_dir(s.mnt(here)).output().unwrap();
            assert!(out.status.success(), "{target} from {here}: {}", text(&out));
        }
    }
    // Who may see no more than a proxy has the same id for it.
    s.dam(["member", "add", "rita", "--role", "client-reviewer"]);
    let rita = s.mount("rita", &["--as", "rita"]);
    assert_eq!(s.show(rita.join("library/luna/a.png"))["id"], *id);
    let (code, said) = s.dam_fails(["show".as_ref(), s.mnt("library/luna").as_os_str()]);
    assert!(code == 2 && said.contains("folder") && !said.contains("dam set"), "{said}");
    fs::write(s.mnt("library/luna/.~lock.a.odt#"), b"x").unwrap();
    let (code, said) = s.dam_fails(["show".as_ref(), s.mnt("library/luna/.~lock.a.odt#").as_os_str()]);
    assert!(code == 2 && said.contains("never"), "{said}");
}

#[test]
fn the_library_is_the_one_that_a_path_lies_in() {
    let s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    s.settle();
    let other = Studio::mounted();
    fs::write(other.mnt("library/b.png"), png(64, 64, 2)).unwrap();
    other.settle();
    // `s.command` names its own library in the environment.
    let there = other.mnt("library/b.png");
    let shown = s.show(&there);
    assert_eq!(shown["path"], "library/b.png");
    let link = s.path("link");
    std::os::unix::fs::symlink(&there, &link).unwrap();
    assert_eq!(s.show(&link)["path"], "library/b.png");
    let library = s.library();
    let args = ["show".as_ref(), there.as_os_str(), "--library".as_ref(), library.as_os_str()];
    let (code, said) = s.dam_fails(args);
    assert!(code == 1 && said.contains("another library"), "{said}");
    // An empty variable names none.
    let out = s.command(["find", "kind=image"]).env("DAM_LIBRARY", "").output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
}

#[test]
fn a_name_that_is_no_utf8_has_its_id_in_lines_and_its_bytes_with_print0() {
    let s = Studio::mounted();
    let name = OsStr::from_bytes(b"gr\xfcn.png");
    fs::write(s.mnt("library").join(name), png(64, 64, 1)).unwrap();
    s.settle();
    let lines = s.find("kind=image");
    assert_eq!(lines, [xattr(&s.mnt("library").join(name), "user.dam.id").unwrap()]);
    assert_eq!(s.show(&lines[0])["id"], *lines[0]);
    let out = s.command(["find", "-0", "kind=image"]).output().unwrap();
    assert_eq!(out.stdout, b"library/gr\xfcn.png\0");
    let raw = OsString::from_vec(out.stdout[..out.stdout.len() - 1].to_vec());
    assert!(s.mnt(raw).exists());
}

#[test]
fn a_typed_query_for_a_value_that_nothing_has_is_not_there_and_says_why() {
    let s = Studio::mounted();
    fs::create_dir(s.mnt("by/persona/luna")).unwrap();
    assert!(s.mnt("find/persona=luna").is_dir(), "a word made with mkdir is known");
    assert!(!s.mnt("find/persona=lun").exists());
    let why = fs::read_to_string(s.mnt(".dam/errors")).unwrap();
    assert!(why.contains("unknown persona `lun`; did you mean `luna`?"), "{why}");
}
