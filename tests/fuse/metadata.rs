//! Metadata that real programs write, through real mounts: sidecars, conflicts, and two mounts that write one file.

use std::fs::{self, OpenOptions};
use std::io::Write;

use crate::harness::*;

#[test]
fn what_exiv2_and_exiftool_write_beside_a_file_is_its_record_and_goes_along_with_it() {
    let s = Studio::mounted();
    fs::create_dir(s.mnt("library/luna")).unwrap();
    fs::write(s.mnt("library/luna/a.jpg"), jpeg(8, 8, 1)).unwrap();
    fs::write(s.mnt("library/luna/b.jpg"), jpeg(8, 8, 2)).unwrap();
    s.settle();
    let at = s.mnt("library/luna");
    let at = at.display();
    sh(&format!(
        "cd {at} && exiv2 -M'set Xmp.dc.subject XmpBag beach' -M'set Xmp.xmp.Rating XmpText 4' a.jpg && exiv2 -eX a.jpg"
    ));
    sh(&format!("cd {at} && exiftool -q -o b.jpg.xmp -XMP-dc:Title='Blue hour' -XMP-dc:Subject=sea b.jpg"));
    s.settle();
    assert_eq!(s.find("stars=8,tag=beach"), ["library/luna/a.jpg"]);
    assert_eq!(s.find("text=blue hour,tag=sea"), ["library/luna/b.jpg"]);
    assert_eq!(xattr(&s.mnt("by/tag/sea/b.jpg"), "user.dublincore.title").unwrap(), "Blue hour");

    fs::rename(s.mnt("library/luna/a.jpg"), s.mnt("library/luna/c.jpg")).unwrap();
    fs::remove_file(s.mnt("library/luna/b.jpg")).unwrap();
    s.settle();
    assert_eq!(names(&s.mnt("library/luna")), ["c.jpg", "c.xmp"]);
    let day = names(&s.mnt("trash")).into_iter().find(|name| name.starts_with('2')).unwrap();
    fs::rename(s.mnt("trash").join(day).join("b.jpg"), s.mnt("library/luna/b.jpg")).unwrap();
    assert_eq!(names(&s.mnt("library/luna")), ["b.jpg", "b.jpg.xmp", "c.jpg", "c.xmp"]);
}

#[test]
fn what_both_sides_changed_is_listed_until_somebody_decides() {
    let s = Studio::mounted();
    let path = s.mnt("library/a.jpg");
    let edit =
        |text: &str| sh(&format!("exiftool -q -overwrite_original -XMP-dc:Description='{text}' {}", path.display()));
    fs::write(&path, jpeg(8, 8, 1)).unwrap();
    edit("one");
    s.settle();
    sh(&format!("setfattr -n user.xdg.comment -v 'by hand' {}", path.display()));
    assert!(!names(&s.mnt("by")).contains(&"conflict".to_owned()));
    edit("two");
    s.settle();
    assert!(names(&s.mnt("by")).contains(&"conflict".to_owned()));
    assert!(s.mnt("by/conflict/note/a.jpg").exists());
    let told = s.dam(["meta", "diff", path.to_str().unwrap()]);
    assert!(told.lines().any(|line| ["note", "two", "by hand"].iter().all(|word| line.contains(word))), "{told}");
    s.dam(["meta", "resolve", path.to_str().unwrap(), "note", "--take", "other"]);
    assert_eq!(xattr(&path, "user.xdg.comment").unwrap(), "by hand");
    assert!(!names(&s.mnt("by")).contains(&"conflict".to_owned()));
    let nothing = s.dam_fails(["meta", "resolve", path.to_str().unwrap(), "--take", "other"]);
    assert_eq!(nothing.0, 3, "{nothing:?}");
}

#[test]
fn two_mounts_that_write_one_file_keep_both_versions() {
    let mut s = Studio::mounted();
    s.dam(["member", "add", "ed", "--uid", "1001", "--role", "editor"]);
    let other = s.mount("ed", &["--as", "ed"]).join("library/f.txt");
    let own = s.mnt("library/f.txt");
    fs::write(&own, "old").unwrap();
    s.settle();
    let mut first = OpenOptions::new().write(true).truncate(true).open(&own).unwrap();
    first.write_all(b"of root").unwrap();
    fs::write(&other, "of ed, longer").unwrap();
    drop(first);
    s.settle();
    let texts: Vec<String> =
        (1..=3).map(|n| fs::read_to_string(s.mnt(format!("versions/f.txt/{n}.txt"))).unwrap()).collect();
    assert_eq!(texts, ["old", "of root", "of ed, longer"]);
    assert_eq!(s.find("conflict=bytes"), ["library/f.txt"]);
    s.dam(["meta", "resolve", "library/f.txt", "bytes", "--take", "other"]);
    assert_eq!(fs::read_to_string(&own).unwrap(), "of root");
    assert_eq!(fs::read_to_string(&other).unwrap(), "of root");
}
