//! Backups: `rsync -aX` of `library/` out, after a remount a run that transfers nothing, and into a fresh library with tags intact.

use std::fs;

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
