//! Earlier versions and removed files can be seen and brought back.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::sync::Arc;

use damfs::clock::{Clock, ManualClock, SystemClock};
use damfs::fs::{Audience, Mount, OpenMode, ROOT, Show};
use damfs::ops::Library;
use damfs::rng::SystemEntropy;
use damfs::types::Caller;

use crate::harness::*;

fn studio() -> Studio {
    let s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("a.png"), png(64, 64, 1)).unwrap();
    s.import(&from, &["--into", "luna", "--set", "tag=beach"]);
    s
}

fn trash_day(s: &Studio) -> String {
    names(&s.mnt("trash")).into_iter().find(|n| n.starts_with("20")).expect("a day in the trash")
}

#[test]
fn a_version_is_restored_by_copying_it_back() {
    let s = studio();
    fs::write(s.mnt("library/luna/a.png"), png(64, 64, 2)).unwrap();
    s.settle();
    assert_eq!(names(&s.mnt("versions/luna/a.png")), ["1.png", "2.png"]);
    assert_eq!(fs::read(s.mnt("versions/luna/a.png/1.png")).unwrap(), png(64, 64, 1));
    let e = fs::write(s.mnt("versions/luna/a.png/1.png"), b"x").unwrap_err();
    assert_eq!(e.raw_os_error(), Some(libc::EROFS));
    let id = s.id("library/luna/a.png");
    sh(&format!("cp {} {}", s.mnt("versions/luna/a.png/1.png").display(), s.mnt("library/luna/a.png").display()));
    s.settle();
    assert_eq!(s.id("library/luna/a.png"), id);
    assert_eq!(fs::read(s.mnt("library/luna/a.png")).unwrap(), png(64, 64, 1));
    assert_eq!(s.versions("library/luna/a.png"), 3);
}

#[test]
fn a_version_and_a_removed_file_come_back_by_command() {
    let s = studio();
    let a = s.mnt("library/luna/a.png");
    let id = s.id("library/luna/a.png");
    fs::write(&a, png(64, 64, 2)).unwrap();
    s.settle();
    assert_eq!(fs::read(&a).unwrap(), png(64, 64, 2));
    s.dam(["restore", "--version", "1", "library/luna/a.png"]);
    assert_eq!(fs::read(&a).unwrap(), png(64, 64, 1), "at once");
    assert_eq!(fs::read(s.mnt("by/tag/beach/a.png")).unwrap(), png(64, 64, 1));
    assert_eq!(s.id("library/luna/a.png"), id);
    assert_eq!(names(&s.mnt("versions/luna/a.png")), ["1.png", "2.png", "3.png"]);
    let second = s.mnt("versions/luna/a.png/2.png");
    s.dam(["restore".as_ref(), second.as_os_str()]);
    assert_eq!(fs::read(&a).unwrap(), png(64, 64, 2));
    assert_eq!(fs::metadata(&a).unwrap().len(), png(64, 64, 2).len() as u64);
    let diff = s.dam(["diff", "--json", second.to_str().unwrap()]);
    assert!(diff.contains("\"same_bytes\": true"), "{diff}");

    fs::remove_file(&a).unwrap();
    let trashed = s.mnt("trash").join(trash_day(&s)).join("a.png");
    s.dam(["restore".as_ref(), trashed.as_os_str()]);
    assert_eq!(s.id("library/luna/a.png"), id);
    assert!(!trashed.exists());
    assert_eq!(s.find("tag=beach"), ["library/luna/a.png"]);
    assert_eq!(s.versions("library/luna/a.png"), 4);
}

/// Makes a file of `library/` with these versions, long ago, in a library that is not mounted.
fn saved_long_ago(s: &Studio, name: &str, versions: &[Vec<u8>]) {
    let key = sh(&format!("find {} -name '*.key'", s.dir.path().display()));
    let clock = Arc::new(ManualClock::at(SystemClock.now().plus_ms(-100 * 86_400_000)));
    let entropy = Arc::new(SystemEntropy::new());
    let library = Library::open(&s.library(), Some(key.trim().as_ref()), clock, entropy).unwrap();
    let (me, show) = (Caller { uid: 0, gid: 0, process: 1 }, Show { uid: 0, gid: 0 });
    let mount = Mount::new(library.clone(), Audience::Member(library.member_for(0).unwrap()), show).unwrap();
    let folder = mount.lookup(&me, ROOT, OsStr::new("library")).unwrap().attr.ino;
    let cut = OpenMode { write: true, truncate: true, ..OpenMode::default() };
    for bytes in versions {
        let fh = match mount.lookup(&me, folder, OsStr::new(name)) {
            Ok(there) => mount.open(&me, 0, there.attr.ino, cut).unwrap().fh,
            Err(_) => mount.create(&me, folder, OsStr::new(name), 0o644, cut).unwrap().1.fh,
        };
        mount.write(&me, fh, 0, bytes, false).unwrap();
        mount.release(&me, fh).unwrap();
        library.settle().unwrap();
    }
}

#[test]
fn a_version_that_is_thinned_out_is_gone_at_once() {
    let mut s = Studio::new();
    let versions: Vec<_> = (1..=4).map(|seed| png(64, 64, seed)).collect();
    saved_long_ago(&s, "old.png", &versions);
    let more: Vec<_> = (11..=16).map(|seed| png(64, 64, seed)).collect();
    saved_long_ago(&s, "swept.png", &more);
    let rules = s.library().join("versions.toml");
    fs::write(&rules, "newest = 4\nall = \"none\"\n").unwrap();
    s.mount("mnt", &[]);
    // The daily sweep has its rules when the other file is thinned: those below are the command's alone.
    let swept = s.mnt("versions/swept.png");
    wait_until("the sweep", || names(&swept) == ["1.png", "3.png", "4.png", "5.png", "6.png"]);
    let all = s.mnt("versions/old.png");
    assert_eq!(names(&all), ["1.png", "2.png", "3.png", "4.png"]);
    let (second, third) = (all.join("2.png"), all.join("3.png"));
    let mut open = fs::File::open(&second).unwrap();
    assert_eq!(fs::read(&third).unwrap(), versions[2]);
    fs::write(&rules, "newest = 1\nall = \"none\"\n").unwrap();
    fs::metadata(&second).and(fs::metadata(&third)).unwrap();
    assert!(s.dam(["thin", s.mnt("library/old.png").to_str().unwrap()]).starts_with("library/old.png: 2, 3 (2 left)"));
    for gone in [&second, &third] {
        assert_eq!(fs::metadata(gone).unwrap_err().raw_os_error(), Some(libc::ENOENT));
        assert_eq!(fs::read(gone).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    }
    assert_eq!(names(&all), ["1.png", "4.png"]);
    let mut bytes = Vec::new();
    open.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, versions[1], "who has it open reads it to its end");
    let (code, said) = s.dam_fails(["restore", second.to_str().unwrap()]);
    assert!(code == 3 && said.contains("version 2 of `versions/old.png` was thinned out"), "{said}");
    assert_eq!(fs::read(s.mnt("library/old.png")).unwrap(), versions[3]);
}

#[test]
fn a_removed_file_is_in_the_trash_and_comes_back_by_moving_it_out() {
    let s = studio();
    let id = s.id("library/luna/a.png");
    fs::remove_file(s.mnt("library/luna/a.png")).unwrap();
    assert!(!s.mnt("by/tag/beach/a.png").exists());
    assert_eq!(s.find("kind=image").len(), 0);
    let trashed = s.mnt("trash").join(trash_day(&s)).join("a.png");
    assert_eq!(fs::read(&trashed).unwrap(), png(64, 64, 1));
    fs::rename(&trashed, s.mnt("library/back.png")).unwrap();
    assert_eq!(s.id("library/back.png"), id);
    assert_eq!(s.find("tag=beach"), ["library/back.png"]);
}

#[test]
fn rm_rf_puts_everything_in_the_trash() {
    let s = studio();
    sh(&format!("rm -rf {}", s.mnt("library/luna").display()));
    assert_eq!(names(&s.mnt("library")), Vec::<String>::new());
    assert_eq!(names(&s.mnt("trash").join(trash_day(&s))), ["a.png"]);
}

#[test]
fn move_to_trash_of_a_file_manager_is_the_librarys_trash() {
    let s = studio();
    let id = s.id("library/luna/a.png");
    let file = s.mnt("library/luna/a.png");
    assert!(sh(&format!("gio info -a access::can-trash {}", file.display())).contains("can-trash: TRUE"));
    sh(&format!("gio trash {}", file.display()));
    assert!(!file.exists());
    assert_eq!(names(&s.mnt("trash").join(trash_day(&s))), ["a.png"]);
    let note = fs::read_to_string(s.mnt(".Trash-0/info/a.png.trashinfo")).unwrap();
    assert!(note.contains("Path=library/luna/a.png\n"), "{note}");
    // What GVfs does for `gio trash --restore`.
    fs::rename(s.mnt(".Trash-0/files/a.png"), &file).unwrap();
    assert_eq!(s.id("library/luna/a.png"), id);
    assert_eq!(s.find("tag=beach"), ["library/luna/a.png"]);
    sh(&format!("gio trash {}", s.mnt("library/luna").display()));
    assert!(!s.mnt("library/luna").exists() && s.mnt(".Trash-0/files/luna").is_dir());
    // At once: what the kernel knows of the closed folder is not that of the open one.
    fs::rename(s.mnt(".Trash-0/files/luna"), s.mnt("library/luna")).unwrap();
    assert_eq!(s.id("library/luna/a.png"), id);
    assert_eq!(names(&s.mnt(".Trash-0/info")), Vec::<String>::new());
    assert!(!names(&s.mnt("")).iter().any(|name| name.starts_with(".Trash")));
}

#[test]
fn records_tell_everything_as_text() {
    let s = studio();
    let text = fs::read_to_string(s.mnt("records/luna/a.png.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["tag"], serde_json::json!(["beach"]));
    assert_eq!(record["path"], "library/luna/a.png");
    assert_eq!(fs::metadata(s.mnt("records/luna/a.png.json")).unwrap().len(), text.len() as u64);
    let status = fs::read_to_string(s.mnt(".dam/status")).unwrap();
    assert!(status.contains("1 asset"), "{status}");
    let why = fs::read_to_string(s.mnt(".dam/why/library/luna/a.png")).unwrap();
    assert!(why.contains("download") && why.contains("admin"), "{why}");
}

/// Regression: `mv` out of what is read-only said EROFS, at which it gives up; EXDEV makes it copy.
#[test]
fn what_is_kept_is_copied_when_it_is_moved() {
    let s = Studio::mounted();
    fs::create_dir(s.mnt("library/p")).unwrap();
    fs::write(s.mnt("library/p/a.png"), png(20, 20, 1)).unwrap();
    s.settle();
    for from in ["versions/p/a.png/1.png", "records/p/a.png.json"] {
        let e = fs::rename(s.mnt(from), s.mnt("library/out")).unwrap_err();
        assert_eq!(e.raw_os_error(), Some(libc::EXDEV), "{from}");
    }
    let e = fs::rename(s.mnt("library/p/a.png"), s.mnt("versions/p/a.png/2.png")).unwrap_err();
    assert_eq!(e.raw_os_error(), Some(libc::EROFS));
}

/// Regression: restored under another name, an asset kept its old one in views.
#[test]
fn what_is_restored_under_another_name_has_that_name_everywhere() {
    let s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(20, 20, 1)).unwrap();
    s.settle();
    fs::remove_file(s.mnt("library/a.png")).unwrap();
    let day = names(&s.mnt("trash")).into_iter().find(|n| n.starts_with('2')).unwrap();
    fs::rename(s.mnt(format!("trash/{day}/a.png")), s.mnt("library/b.png")).unwrap();
    assert!(s.mnt("find/kind=image/b.png").exists());
    assert!(!names(&s.mnt("find/kind=image")).contains(&"a.png".into()));
}
