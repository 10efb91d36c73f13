//! How programs save: the asset keeps id, tags and history through each of them, in `library/` and in a view.

use std::fs::{self, OpenOptions};
use std::io::Write;

use crate::harness::*;

/// A studio with one tagged picture at `library/luna/a.png`.
fn studio() -> (Studio, String) {
    let s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("a.png"), png(64, 64, 1)).unwrap();
    s.import(&from, &["--into", "luna", "--set", "persona=luna", "--set", "tag=beach"]);
    let id = s.id("library/luna/a.png");
    (s, id)
}

/// What every save must keep.
fn kept(s: &Studio, id: &str, bytes: &[u8], versions: usize) {
    s.settle();
    assert_eq!(s.id("library/luna/a.png"), id, "the id stays");
    assert_eq!(fs::read(s.mnt("library/luna/a.png")).unwrap(), bytes);
    let record = s.show("library/luna/a.png");
    assert_eq!(record["tag"], serde_json::json!(["beach"]), "tags stay");
    assert_eq!(record["persona"], serde_json::json!(["luna"]));
    assert_eq!(record["versions"].as_array().unwrap().len(), versions, "{record}");
    assert_eq!(s.find("kind=image").len(), 1, "no second asset");
    assert!(s.mnt("by/tag/beach/a.png").exists());
}

/// The two places in which editors open the file.
const PLACES: [&str; 2] = ["library/luna", "by/tag/beach"];

#[test]
fn temp_and_rename() {
    for place in PLACES {
        let (s, id) = studio();
        let new = png(64, 64, 2);
        for temp in [".goutputstream-AB12CD", "a.png.Xk3f9Q", "a.png_exiftool_tmp", ".a.png.h7Gk2p", "sedAb1x9Z"] {
            fs::write(s.mnt(place).join(temp), &new).unwrap();
            fs::rename(s.mnt(place).join(temp), s.mnt(place).join("a.png")).unwrap();
        }
        kept(&s, &id, &new, 2);
    }
}

#[test]
fn any_name_becomes_a_version_when_its_maker_renames_it() {
    let (s, id) = studio();
    let new = png(64, 64, 3);
    fs::write(s.mnt("library/luna/whatever.png"), &new).unwrap();
    fs::rename(s.mnt("library/luna/whatever.png"), s.mnt("library/luna/a.png")).unwrap();
    kept(&s, &id, &new, 2);
}

#[test]
fn old_file_moved_aside_and_removed() {
    for place in PLACES {
        let (s, id) = studio();
        let new = png(64, 64, 4);
        let at = |n: &str| s.mnt(place).join(n);
        fs::rename(at("a.png"), at("a.png~")).unwrap();
        assert!(!at("a.png").exists(), "{place}: the name is free for the new file");
        fs::write(at("a.png"), &new).unwrap();
        fs::remove_file(at("a.png~")).unwrap();
        kept(&s, &id, &new, 2);
    }
}

#[test]
fn old_file_moved_aside_and_kept() {
    let (s, id) = studio();
    let (old, new) = (png(64, 64, 1), png(64, 64, 5));
    let at = |n: &str| s.mnt("library/luna").join(n);
    fs::rename(at("a.png"), at("a.png_original")).unwrap();
    fs::write(at("a.png_exiftool_tmp"), &new).unwrap();
    fs::rename(at("a.png_exiftool_tmp"), at("a.png")).unwrap();
    kept(&s, &id, &new, 2);
    assert_eq!(fs::read(at("a.png_original")).unwrap(), old, "the backup keeps the old bytes");
}

#[test]
fn truncated_twice_and_written_in_place() {
    let (s, id) = studio();
    let new = png(80, 64, 6);
    fs::write(s.mnt("library/luna/a.png"), b"half").unwrap();
    fs::write(s.mnt("library/luna/a.png"), &new).unwrap();
    kept(&s, &id, &new, 2);
}

#[test]
fn removed_and_made_again() {
    let (s, id) = studio();
    let new = png(64, 64, 7);
    fs::remove_file(s.mnt("library/luna/a.png")).unwrap();
    fs::write(s.mnt("library/luna/a.png"), &new).unwrap();
    kept(&s, &id, &new, 2);
}

#[test]
fn opening_for_writing_and_writing_nothing_makes_no_version() {
    let (s, id) = studio();
    let old = fs::read(s.mnt("library/luna/a.png")).unwrap();
    drop(OpenOptions::new().write(true).open(s.mnt("library/luna/a.png")).unwrap());
    kept(&s, &id, &old, 1);
    // The same bytes again make none either.
    fs::write(s.mnt("library/luna/a.png"), &old).unwrap();
    kept(&s, &id, &old, 1);
}

#[test]
fn a_version_comes_by_itself_after_two_quiet_seconds() {
    let (s, _) = studio();
    let mut file = OpenOptions::new().write(true).truncate(true).open(s.mnt("library/luna/a.png")).unwrap();
    file.write_all(&png(64, 64, 8)).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(s.versions("library/luna/a.png"), 1, "not while somebody writes");
    drop(file);
    wait_until("the version", || s.versions("library/luna/a.png") == 2);
}

#[test]
fn moving_one_established_file_over_another_keeps_both() {
    let (s, id) = studio();
    let from = s.path("in2");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("b.png"), png(50, 50, 9)).unwrap();
    s.import(&from, &["--into", "luna"]);
    let other = s.id("library/luna/b.png");
    sh(&format!("mv {} {}", s.mnt("library/luna/b.png").display(), s.mnt("library/luna/a.png").display()));
    assert_eq!(s.id("library/luna/a.png"), other, "the moved asset is the asset there now");
    assert_eq!(s.find("state=trashed"), [id.to_string()], "a trashed asset has no library path and goes by its id");
    let day = names(&s.mnt("trash")).into_iter().find(|n| n.starts_with("20")).unwrap();
    let trashed = names(&s.mnt("trash").join(&day));
    assert!(trashed.len() == 1 && trashed[0].starts_with("a ~"), "the new one has the name: {trashed:?}");
    assert_eq!(s.id(format!("trash/{day}/{}", trashed[0])), id);
    assert_eq!(s.id("find/kind=image/a.png"), other);
    assert_ne!(other, id);
}

#[test]
fn scratch_and_lock_files_are_files_and_never_assets() {
    let (s, _) = studio();
    for name in [".a.png.swp", "4913", ".~lock.a.png#", ".DS_Store", ".a.png.kate-swp", ".goutputstream-QQ12WE"] {
        let path = s.mnt("library/luna").join(name);
        let mut f = fs::File::create(&path).unwrap();
        f.write_all(b"scratch").unwrap();
        drop(f);
        assert_eq!(fs::read(&path).unwrap(), b"scratch", "{name}");
    }
    s.settle();
    assert_eq!(s.find("state=active").len(), 1);
}

#[test]
fn real_programs_save() {
    let (s, id) = studio();
    let file = s.mnt("library/luna/a.png");
    sh(&format!("exiftool -q -overwrite_original -Comment=hello {}", file.display()));
    let bytes = fs::read(&file).unwrap();
    kept(&s, &id, &bytes, 2);
    sh(&format!("exiftool -q -overwrite_original -Comment=view {}", s.mnt("by/tag/beach/a.png").display()));
    let bytes = fs::read(&file).unwrap();
    kept(&s, &id, &bytes, 3);
    sh(&format!("rsync -a {} {}", s.path("in/a.png").display(), s.mnt("library/luna/").display()));
    kept(&s, &id, &png(64, 64, 1), 4);
}

/// Regression: a tag that a person had removed came back with the next save, as it still was in the file.
#[test]
fn metadata_of_a_save_is_merged_with_the_record_three_ways() {
    let s = Studio::mounted();
    let file = s.mnt("library/a.jpg");
    fs::write(&file, jpeg(40, 30, 1)).unwrap();
    s.settle();
    let edit = |args: &str| {
        sh(&format!("exiftool -q -overwrite_original {args} {}", file.display()));
        s.settle();
    };
    let tags = || {
        s.show("library/a.jpg")["tag"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    edit("-XMP-dc:Subject=beach -XMP-dc:Subject=sun -IPTC:Keywords=beach -XMP-dc:Description=first");
    assert_eq!(tags(), ["beach", "sun"]);
    s.dam(["tag", "remove", "beach", "library/a.jpg"]);
    s.dam(["tag", "add", "mine", "library/a.jpg"]);
    edit("-XMP-dc:Subject+=dusk");
    assert_eq!(tags(), ["dusk", "mine", "sun"], "removed stays removed, added comes");
    edit("-XMP-dc:Subject-=sun -XMP-dc:Description=second");
    assert_eq!(tags(), ["dusk", "mine"], "what the program removed goes");
    assert_eq!(s.show("library/a.jpg")["notes"], "second");
    assert_eq!(s.versions("library/a.jpg"), 4);
}
