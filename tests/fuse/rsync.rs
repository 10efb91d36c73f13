//! Backups: `rsync -aX` of `library/` out, after a remount a run that transfers nothing, and into a fresh library with tags intact; with
//! `records/` beside it everything.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use crate::harness::*;

#[test]
fn rsync_out_again_and_into_a_fresh_library() {
    let mut s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for i in 0..12u8 {
        fs::write(from.join(format!("p{i}.png")), png(40, 40, i)).unwrap();
    }
    s.import(&from, &["--into", "luna", "--set", "persona=luna"]);
    s.dam(["tag", "add", "beach", "library/luna/p1.png", "library/luna/p2.png"]);
    fs::write(s.mnt("library/luna/edited.png"), png(41, 41, 99)).unwrap();
    sh(&format!("setfattr -n user.note -v kept {}", s.mnt("library/luna/p3.png").display()));
    s.settle();
    let out = s.path("backup");
    sh(&format!("rsync -aX {}/ {}/", s.mnt("library").display(), out.display()));
    assert_eq!(xattr(&out.join("luna/p1.png"), "user.xdg.tags").unwrap(), "beach");
    assert_eq!(xattr(&out.join("luna/p1.png"), "user.dam.id"), None, "ids are not cloned");
    s.remount();
    let again = sh(&format!("rsync -aXi {}/ {}/", s.mnt("library").display(), out.display()));
    assert_eq!(again, "", "nothing is transferred or changed again");

    sh(&format!("setfattr -n user.dublincore.description -v dusk {}", out.join("luna/p4.png").display()));
    sh(&format!("setfattr -n user.baloo.rating -v 8 {}", out.join("luna/p4.png").display()));
    let fresh = Studio::mounted();
    sh(&format!("rsync -aX {}/ {}/", out.display(), fresh.mnt("library").display()));
    fresh.settle();
    assert_eq!(fresh.find("tag=beach"), ["library/luna/p1.png", "library/luna/p2.png"]);
    assert_eq!(fresh.find("kind=image").len(), 13);
    assert_eq!(xattr(&fresh.mnt("library/luna/p3.png"), "user.note").unwrap(), "kept");
    let again = sh(&format!("rsync -aXi {}/ {}/", out.display(), fresh.mnt("library").display()));
    assert!(!again.contains(">f"), "{again}");
    // rsync takes away every attribute that its source has not; the comment is there under one of its names.
    assert_eq!(xattr(&fresh.mnt("library/luna/p4.png"), "user.xdg.comment").unwrap(), "dusk");
    assert_eq!(fresh.find("stars=8..max"), ["library/luna/p4.png"]);
}

/// A record but for the moments of its library.
fn lasting(s: &Studio, target: &str) -> Value {
    let mut record: Value = serde_json::from_str(&s.dam(["--json", "show", target])).unwrap();
    for key in ["changed", "versions"] {
        record.as_object_mut().unwrap().remove(key);
    }
    record
}

#[test]
fn library_and_records_alone_are_a_whole_backup() {
    let s = Studio::mounted();
    fs::create_dir(s.mnt("library/luna")).unwrap();
    let odd = OsStr::from_bytes(b"luna/\xff 50%.png");
    let names = [OsStr::new("luna/a.png"), OsStr::new("luna/copy of a.png"), OsStr::new("luna/b.png"), odd];
    for (n, name) in [1, 1, 2, 3].into_iter().zip(names) {
        fs::write(s.mnt("library").join(name), png(40, 40, n)).unwrap();
    }
    s.settle();
    fs::write(s.mnt("library/luna/b.png"), png(40, 40, 9)).unwrap();
    s.settle();
    s.dam(["set", "library/luna/a.png", "rating=adult", "status.x=approved"]);
    s.dam(["set", "library/luna/b.png", "tag=sea", "status.x=approved"]);
    sh(&format!("setfattr -n user.note -v kept {}; chmod 600 {0}", s.mnt("library/luna/a.png").display()));
    let out = s.path("backup");
    let copy = format!("{} {} {}/", s.mnt("library").display(), s.mnt("records").display(), out.display());
    sh(&format!("rsync -a {copy}"));
    assert_eq!(sh(&format!("rsync -ai {copy}")), "", "nothing is transferred again");
    let id = |s: &Studio, name: &OsStr| xattr(&s.mnt("library").join(name), "user.dam.id").unwrap();

    // By commands; a name that is no text takes a mount.
    let fresh = Studio::new();
    let kept = fresh.path("kept");
    sh(&format!("cp -a {} {}", out.join("library").display(), kept.display()));
    fs::remove_file(kept.join(odd)).unwrap();
    fresh.dam(["import".as_ref(), kept.as_os_str(), "--into".as_ref(), "library".as_ref(), "--copies".as_ref()]);
    let (_, said) = fresh.dam_fails(["records".as_ref(), "import".as_ref(), out.join("records").as_os_str()]);
    assert!(said.contains("put 3, ") && said.contains("without an asset 1, refused 0"), "{said}");
    for name in ["library/luna/a.png", "library/luna/copy of a.png", "library/luna/b.png"] {
        assert_eq!(lasting(&fresh, name), lasting(&s, name));
    }

    // Through a mount.
    let fresh = Studio::mounted();
    sh(&format!("rsync -a {}/ {}/", out.join("library").display(), fresh.mnt("library").display()));
    fresh.settle();
    let said = fresh.dam(["records".as_ref(), "import".as_ref(), out.join("records").as_os_str()]);
    assert!(said.starts_with("put 4, "), "{said}");
    for name in names {
        assert_eq!(id(&fresh, name), id(&s, name));
        assert_eq!(lasting(&fresh, &id(&fresh, name)), lasting(&s, &id(&s, name)));
    }
    assert_eq!(fresh.find("status.x=approved"), s.find("status.x=approved"));
    assert_eq!(names_below(&fresh, "platforms/x"), names_below(&s, "platforms/x"));
    assert_eq!(xattr(&fresh.mnt("library/luna/a.png"), "user.note").unwrap(), "kept");
    assert!(fresh.dam(["fsck"]).contains("clean"));
}

fn names_below(s: &Studio, path: &str) -> String {
    sh(&format!("cd {} && find . -type f | sort", s.mnt(path).display()))
}
