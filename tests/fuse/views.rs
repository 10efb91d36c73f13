//! Directories that are queries: browsing, narrowing, tagging by copying and moving.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::harness::*;

/// Three pictures of two personas.
fn roster() -> Studio {
    let s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("l1.png"), png(64, 96, 1)).unwrap();
    fs::write(from.join("l2.png"), png(64, 64, 2)).unwrap();
    s.import(&from, &["--into", "luna", "--set", "persona=luna"]);
    let from = s.path("in2");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("m1.jpg"), jpeg(96, 64, 3)).unwrap();
    s.import(&from, &["--into", "mira", "--set", "persona=mira"]);
    s
}

#[test]
fn facets_are_folders_and_a_file_is_the_same_everywhere() {
    let s = roster();
    assert_eq!(names(&s.mnt("by/persona")), ["luna", "mira"]);
    let listed = names(&s.mnt("by/persona/luna"));
    assert!(
        listed.contains(&"l1.png".into()) && listed.contains(&"l2.png".into()) && !listed.contains(&"m1.jpg".into())
    );
    let (a, b) =
        (fs::metadata(s.mnt("library/luna/l1.png")).unwrap(), fs::metadata(s.mnt("by/persona/luna/l1.png")).unwrap());
    assert_eq!((a.ino(), a.len(), b.nlink()), (b.ino(), b.len(), 1));
    assert_eq!(fs::read(s.mnt("by/format/jpeg/m1.jpg")).unwrap(), jpeg(96, 64, 3));
    for facet in ["persona", "campaign", "tag", "rating", "model", "kind", "format", "status", "created"] {
        assert!(s.mnt("by").join(facet).is_dir(), "by/{facet}");
    }
    let (y, m) = {
        let created = s.show("library/luna/l1.png")["created"].as_str().unwrap().to_owned();
        (created[..4].to_owned(), created[5..7].to_owned())
    };
    assert!(s.mnt(format!("by/created/{y}/{m}/l1.png")).exists());
    assert!(!s.mnt("by/persona/luna/m1.jpg").exists());
}

#[test]
fn narrowing_and_typed_queries_resolve() {
    let s = roster();
    s.dam(["tag", "add", "beach", "library/luna/l1.png"]);
    assert_eq!(names(&s.mnt("by/persona/luna/+and/tag/beach")), ["l1.png"]);
    assert!(s.mnt("find/persona=luna,orientation=portrait/l1.png").exists());
    assert!(!s.mnt("find/persona=luna,orientation=portrait/l2.png").exists());
    assert_eq!(names(&s.mnt("find/not.persona=luna")).iter().filter(|n| !n.starts_with('+')).count(), 1);
    assert!(!s.mnt("find/persna=luna").exists());
    let errors = fs::read_to_string(s.mnt(".dam/errors")).unwrap();
    assert!(errors.contains("persona"), "names the nearest field: {errors}");
}

#[test]
fn the_tree_ends() {
    let s = roster();
    s.dam(["tag", "add", "beach", "library/luna/l1.png"]);
    s.dam(["tag", "add", "sunset", "library/luna/l2.png"]);
    let all = sh(&format!("find {} | wc -l", s.mnt("by").display()));
    assert!(all.trim().parse::<u32>().unwrap() < 3_000, "{all}");
}

#[test]
fn a_change_is_seen_at_once_by_everybody() {
    let s = roster();
    assert!(!s.mnt("by/tag/new").exists());
    s.dam(["tag", "add", "new", "library/luna/l1.png"]);
    assert_eq!(names(&s.mnt("by/tag/new")), ["l1.png"]);
    assert!(s.mnt("by/tag/new/l1.png").exists());
    s.dam(["tag", "remove", "new", "library/luna/l1.png"]);
    wait_until("the name is gone", || !s.mnt("by/tag/new/l1.png").exists());
}

#[test]
fn copying_into_a_view_tags_without_a_second_copy() {
    let s = roster();
    let id = s.id("library/luna/l1.png");
    fs::create_dir(s.mnt("by/tag/favourite")).unwrap();
    sh(&format!("cp {} {}", s.mnt("library/luna/l1.png").display(), s.mnt("by/tag/favourite/").display()));
    wait_until("the copy has turned out to be one", || names(&s.mnt("by/tag/favourite")) == ["l1.png"]);
    assert_eq!(s.id("by/tag/favourite/l1.png"), id);
    assert_eq!(s.find("tag=favourite"), ["library/luna/l1.png"]);
    assert_eq!(s.find("kind=image").len(), 3);
}

#[test]
fn a_new_file_in_a_view_is_a_new_asset_with_its_values() {
    let s = roster();
    fs::write(s.path("new.png"), png(50, 50, 9)).unwrap();
    sh(&format!("cp {} {}", s.path("new.png").display(), s.mnt("by/persona/mira/").display()));
    s.settle();
    let found = s.find("persona=mira,format=png");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("library/Unsorted/"), "{found:?}");
    assert!(s.mnt("by/persona/mira/new.png").exists());
}

#[test]
fn moving_between_values_retags_and_removing_untags() {
    let s = roster();
    s.dam(["tag", "add", "beach", "library/luna/l1.png"]);
    fs::create_dir(s.mnt("by/tag/sunset")).unwrap();
    fs::rename(s.mnt("by/tag/beach/l1.png"), s.mnt("by/tag/sunset/l1.png")).unwrap();
    assert_eq!(s.show("library/luna/l1.png")["tag"], serde_json::json!(["sunset"]));
    fs::remove_file(s.mnt("by/tag/sunset/l1.png")).unwrap();
    assert_eq!(s.show("library/luna/l1.png")["tag"], serde_json::json!([]));
    assert!(s.mnt("library/luna/l1.png").exists(), "the asset stays");
    fs::rename(s.mnt("library/luna/l2.png"), s.mnt("by/tag/sunset/l2.png")).unwrap();
    assert_eq!(s.show("library/luna/l2.png")["tag"], serde_json::json!(["sunset"]));
    assert!(s.mnt("library/luna/l2.png").exists(), "its library name stays");
}

#[test]
fn views_that_cannot_say_what_a_file_gets_refuse_with_a_reason() {
    let s = roster();
    for place in ["find/not.persona=luna/x.png", "by/x.png", "find/x.png", "by/kind/image/x.png"] {
        let e = fs::write(s.mnt(place), b"x").unwrap_err();
        assert_eq!(e.raw_os_error(), Some(libc::EPERM), "{place}");
    }
    let errors = fs::read_to_string(s.mnt(".dam/errors")).unwrap();
    assert!(errors.contains("not, or, or a range"), "{errors}");
}

#[test]
fn namesakes_have_names_of_their_own_for_good() {
    let mut s = roster();
    fs::create_dir(s.mnt("library/other")).unwrap();
    fs::write(s.mnt("library/other/l1.png"), png(40, 40, 77)).unwrap();
    s.settle();
    let shown: Vec<String> = names(&s.mnt("find/kind=image")).into_iter().filter(|n| n.starts_with("l1")).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown.contains(&"l1.png".into()));
    let other = shown.iter().find(|n| *n != "l1.png").unwrap();
    assert!(other.starts_with("l1 ~") && other.ends_with(".png"), "{other}");
    let ids = |s: &Studio| [s.id("find/kind=image/l1.png"), s.id(format!("find/kind=image/{other}"))];
    assert_eq!(ids(&s), [s.id("library/luna/l1.png"), s.id("library/other/l1.png")]);
    s.remount();
    assert_eq!(ids(&s), [s.id("library/luna/l1.png"), s.id("library/other/l1.png")]);
    fs::rename(s.mnt("library/luna/l1.png"), s.mnt("library/luna/moved.png")).unwrap();
    wait_until("the name goes over to the other", || {
        s.mnt("find/kind=image/l1.png").exists() && !s.mnt(format!("find/kind=image/{other}")).exists()
    });
    assert_eq!(s.id("find/kind=image/l1.png"), s.id("library/other/l1.png"));
}

/// Regression: one established file moved onto another in a view was EEXIST although nobody asked for that.
#[test]
fn in_a_view_one_file_is_moved_onto_another_as_in_a_folder() {
    let s = roster();
    let id = s.id("library/luna/l1.png");
    fs::rename(s.mnt("by/persona/luna/l1.png"), s.mnt("by/persona/luna/l2.png")).unwrap();
    assert_eq!(s.id("by/persona/luna/l2.png"), id);
    assert_eq!(names(&s.mnt("library/luna")), ["l2.png"]);
    assert_eq!(fs::read(s.mnt("library/luna/l2.png")).unwrap(), png(64, 96, 1));
    let trash = sh(&format!("find {} -name '*.png'", s.mnt("trash").display()));
    assert_eq!(trash.lines().count(), 1, "the other is in the trash: {trash}");
}

/// Regression: the new name was accepted and was not there a second later.
#[test]
fn a_file_that_gets_a_value_keeps_its_name() {
    let s = roster();
    fs::create_dir(s.mnt("by/tag/sunset")).unwrap();
    let e = fs::rename(s.mnt("library/luna/l1.png"), s.mnt("by/tag/sunset/other.png")).unwrap_err();
    assert_eq!(e.raw_os_error(), Some(libc::EPERM));
    assert!(fs::read_to_string(s.mnt(".dam/errors")).unwrap().contains("move it as `l1.png`"));
    fs::rename(s.mnt("library/luna/l1.png"), s.mnt("by/tag/sunset/l1.png")).unwrap();
    assert_eq!(s.show("library/luna/l1.png")["tag"], serde_json::json!(["sunset"]));
}

/// The kernel itself ends a rename between two names of one inode.
#[test]
fn moving_onto_a_value_that_the_asset_has_does_nothing() {
    let s = roster();
    s.dam(["set", "library/luna/l1.png", "tag=beach", "tag=sunset"]);
    let before = s.show("library/luna/l1.png");
    fs::rename(s.mnt("by/tag/beach/l1.png"), s.mnt("by/tag/sunset/l1.png")).unwrap();
    assert_eq!(s.show("library/luna/l1.png"), before);
    assert_eq!(before["tag"], serde_json::json!(["beach", "sunset"]));
    assert!(s.mnt("by/tag/beach/l1.png").exists() && s.mnt("by/tag/sunset/l1.png").exists());
}

/// What a file manager does when a file is dragged to another disk: it copies, and removes the name that it took it from.
#[test]
fn what_is_moved_to_another_disk_loses_the_value_and_stays() {
    let s = roster();
    s.dam(["tag", "add", "beach", "library/luna/l1.png"]);
    let (id, out) = (s.id("library/luna/l1.png"), s.path("out"));
    fs::create_dir(&out).unwrap();
    sh(&format!("mv {} {}", s.mnt("by/tag/beach/l1.png").display(), out.display()));
    assert_eq!(fs::read(out.join("l1.png")).unwrap(), fs::read(s.mnt("library/luna/l1.png")).unwrap());
    assert_eq!(s.id("library/luna/l1.png"), id);
    assert_eq!(s.show("library/luna/l1.png")["tag"], serde_json::json!([]));
    assert_eq!(names(&s.mnt("by/tag/beach")), [""; 0]);
}

#[test]
fn mv_of_a_values_directory_renames_the_value() {
    let s = roster();
    s.dam(["tag", "add", "sea.beach", "library/luna/l1.png"]);
    s.dam(["tag", "add", "sea", "library/luna/l2.png"]);
    let tags = s.mnt("by/tag");
    sh(&format!("cd {} && ls -l sea sea/beach >/dev/null && mv sea ocean && ls -l ocean/beach/l1.png", tags.display()));
    assert_eq!(names(&tags), ["none", "ocean"]);
    assert_eq!(names(&tags.join("ocean/beach")), ["l1.png"]);
    assert_eq!(s.find("tag=ocean"), ["library/luna/l1.png", "library/luna/l2.png"]);
    // A move into another one's directory is a move in the tree; onto one that is there it is refused.
    s.dam(["tag", "add", "lake", "library/mira/m1.jpg"]);
    sh(&format!("cd {} && ! mv -T lake ocean 2>/dev/null && mv lake ocean/", tags.display()));
    assert_eq!(s.find("tag=ocean.lake"), ["library/mira/m1.jpg"]);
    s.dam(["undo"]);
    assert_eq!(s.find("tag=lake"), ["library/mira/m1.jpg"]);
}

#[test]
fn other_words_are_seen_at_once_by_who_has_the_mount() {
    let s = roster();
    s.dam(["tag", "add", "seaside", "library/luna/l1.png"]);
    s.dam(["tag", "add", "city", "library/luna/l2.png"]);
    let tags = s.mnt("by/tag");
    assert_eq!(names(&tags), ["city", "none", "seaside"]);
    assert!(!tags.join("beach").exists());
    let words = s.path("words.toml");
    let text = "strict = [\"persona\"]\n[persona.luna]\n[tag.beach]\naliases = [\"seaside\"]\nimplies = [\"outdoor\"]\n[tag.outdoor]\n";
    fs::write(&words, text).unwrap();
    let edited = s.command(["glossary", "edit"]).env("VISUAL", format!("cp {}", words.display())).output().unwrap();
    assert!(edited.status.success(), "{edited:?}");
    assert_eq!(names(&tags), ["beach", "city", "none", "outdoor"]);
    assert_eq!(names(&tags.join("outdoor")), ["l1.png"]);
    sh(&format!("cp {0}/city/l2.png {0}/seaside/", tags.display()));
    wait_until("the copy has the tag", || s.find("tag=beach").len() == 2);
    assert!(tags.join("outdoor/l2.png").exists());
    let (done, said) = try_sh(&format!("rm {}/outdoor/l1.png", tags.display()));
    assert!(!done && said.contains("Operation not permitted"), "{said}");
    let (done, said) = try_sh(&format!("mkdir {}", s.mnt("by/persona/lnua").display()));
    assert!(!done && said.contains("Operation not permitted"), "{said}");
    let errors = fs::read_to_string(s.mnt(".dam/errors")).unwrap();
    assert!(errors.contains("take tag=seaside from it") && errors.contains("did you mean `luna`?"), "{errors}");
}

/// A program that opens a directory right behind its renaming has the inode that it had before.
#[test]
fn who_stands_in_a_directory_that_is_renamed_stands_in_the_renamed_one() {
    let s = roster();
    s.dam(["tag", "add", "sea", "library/luna/l1.png"]);
    for (place, from, to) in [("by/tag", "sea", "shore"), ("saved", "tag=shore", "mine")] {
        let at = s.mnt(place);
        if place == "saved" {
            fs::create_dir(at.join(from)).unwrap();
        }
        let said = sh(&format!(
            "set -e; cd {0}/{from}; mv {0}/{from} {0}/{to}; ls | grep -v +and; stat -c %s l1.png >/dev/null; test ! -e no.png; cp {1} .",
            at.display(),
            s.mnt("library/luna/l2.png").display()
        ));
        assert_eq!(said, "l1.png\n", "{place}");
        wait_until("the copy has the tag", || s.find("tag=shore").len() == 2);
        s.dam(["tag", "remove", "shore", "library/luna/l2.png"]);
    }
}

#[test]
fn rm_rf_in_a_view_is_stopped_and_taken_back() {
    let s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for n in 0..40u8 {
        fs::write(from.join(format!("{n:02}.png")), png(8 + u32::from(n), 9, n)).unwrap();
    }
    s.import(&from, &["--into", "luna", "--set", "tag=sea"]);
    let view = s.mnt("by/tag/sea");
    let (done, said) = try_sh(&format!("rm -rf {}", view.display()));
    assert!(!done && said.contains("Device or resource busy"), "{said}");
    assert_eq!(s.find("tag=sea").len(), 15);
    assert_eq!(names(&s.mnt("library/luna")).len(), 40, "not one file is gone");
    assert!(fs::read_to_string(s.mnt(".dam/errors")).unwrap().contains("dam bulk allow --for 5m"));
    s.dam(["undo"]);
    assert_eq!(s.find("tag=sea").len(), 40);
    s.dam(["bulk", "allow", "--for", "2m"]);
    sh(&format!("rm -rf {}", view.display()));
    assert!(s.find("persona=none").len() == 40 && names(&s.mnt("by/tag")) == ["none"]);
    let (code, said) = s.dam_fails(["bulk", "allow", "--for", "3 moons"]);
    assert!(code == 2 && said.contains("--for 5m"), "{said}");
}
