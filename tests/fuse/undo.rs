//! `dam undo` beside real programs: what the kernel shows afterwards is what was there before.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::harness::*;

/// Path, inode, mode, modification time, size and id of everything below a folder, and its tags.
fn listing(s: &Studio, below: &str) -> Vec<String> {
    fn walk(at: &Path, out: &mut Vec<String>) {
        for name in names(at) {
            let path = at.join(&name);
            let stat = fs::symlink_metadata(&path).unwrap();
            let mut told = format!("{} {} {:o}", path.display(), stat.ino(), stat.mode());
            if stat.is_dir() {
                out.push(told);
                walk(&path, out);
                continue;
            }
            if stat.is_file() {
                let attributes = ["user.dam.id", "user.xdg.tags", "user.note"].map(|name| xattr(&path, name));
                let hash = blake3::hash(&fs::read(&path).unwrap());
                told += &format!(" {}.{} {} {attributes:?} {hash}", stat.mtime(), stat.mtime_nsec(), stat.size());
            }
            out.push(told);
        }
    }
    let mut out = Vec::new();
    walk(&s.mnt(below), &mut out);
    out
}

/// Pictures in ten nested folders, tagged and settled, and a pause behind them.
fn studio(each: u8) -> Studio {
    let s = Studio::mounted();
    for folder in 0..10u8 {
        let at = s.path(format!("in/set{}/take{}", folder % 4, folder));
        fs::create_dir_all(&at).unwrap();
        for file in 0..each {
            fs::write(at.join(format!("p{folder}_{file}.png")), png(8 + u32::from(folder), 8 + u32::from(file), file))
                .unwrap();
        }
    }
    s.import(&s.path("in"), &["--into", "luna", "--set", "tag=beach", "--set", "persona=luna"]);
    set_mode(&s.mnt("library/luna/set1"), 0o2750);
    sh(&format!("setfattr -n user.note -v kept {}", s.mnt("library/luna/set1/take1/p1_1.png").display()));
    pause();
    s
}

/// Longer than programs pause within a turn.
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(2_300));
}

fn undo(s: &Studio) -> String {
    s.dam(["undo"])
}

#[test]
fn rm_rf_is_taken_back_at_once_and_later_and_done_again() {
    let s = studio(20);
    let before = listing(&s, "library");
    sh(&format!("rm -rf {}", s.mnt("library/luna").display()));
    assert_eq!(names(&s.mnt("library")), Vec::<String>::new());
    let list = s.dam(["undo", "--list", "--limit", "1"]);
    assert!(list.contains("removed 200 files and 15 folders below library/luna"), "{list}");
    let dry = s.dam(["undo", "--dry-run"]);
    assert!(dry.contains("would be taken back: brought back 200 files and 15 folders"), "{dry}");
    assert_eq!(names(&s.mnt("library")), Vec::<String>::new());
    undo(&s);
    assert_eq!(listing(&s, "library"), before);
    assert_eq!(names(&s.mnt("by/tag/beach")).len(), 200);
    undo(&s);
    assert_eq!(names(&s.mnt("library")), Vec::<String>::new());
    undo(&s);
    assert_eq!(listing(&s, "library"), before);
    s.dam(["fsck", "--deep"]);
}

#[test]
fn what_mv_mkdir_rmdir_chmod_and_setfattr_did_is_taken_back() {
    let s = studio(3);
    let before = listing(&s, "library");
    let (luna, lib) = (s.mnt("library/luna"), s.mnt("library"));
    let commands = [
        format!("mv {0}/set1 {1}/moved", luna.display(), lib.display()),
        format!("mv {0}/set0/take0/* {1}", luna.display(), lib.display()),
        format!("mkdir -p {}/new/newer/newest", lib.display()),
        format!("chmod -R go-rwx {}/set2", luna.display()),
        format!("setfattr -x user.note {}/set1/take1/p1_1.png", luna.display()),
        format!("touch -d 2001-01-01 {}/set1/take1/p1_2.png", luna.display()),
        format!("setfattr -n user.xdg.tags -v night {}/set1/take1/p1_0.png", luna.display()),
    ];
    for command in commands {
        sh(&command);
        assert_ne!(listing(&s, "library"), before, "{command}");
        undo(&s);
        assert_eq!(listing(&s, "library"), before, "{command}");
    }
    sh(&format!("mkdir {}/empty", lib.display()));
    pause();
    let before = listing(&s, "library");
    sh(&format!("rmdir {}/empty", lib.display()));
    undo(&s);
    assert_eq!(listing(&s, "library"), before, "under its own number");
}

#[test]
fn saves_copies_and_new_files_are_taken_back() {
    let s = studio(3);
    let file = s.mnt("library/luna/set1/take1/p1_1.png");
    let old = fs::read(&file).unwrap();
    let id = s.id("library/luna/set1/take1/p1_1.png");
    let saves = [
        format!(
            "cp {0} {0}.Ab3Xk9 && printf more >> {0}.Ab3Xk9 && sync {0}.Ab3Xk9 && mv {0}.Ab3Xk9 {0}",
            file.display()
        ),
        format!("printf more >> {}", file.display()),
        format!("sed -i 's/IDAT/XXXX/' {}", file.display()),
    ];
    for save in saves {
        let out = s.path("save.sh");
        fs::write(&out, &save).unwrap();
        sh(&format!("sh {}", out.display()));
        assert_ne!(fs::read(&file).unwrap(), old, "{save}");
        undo(&s);
        assert_eq!(fs::read(&file).unwrap(), old, "{save}");
        assert_eq!(s.id("library/luna/set1/take1/p1_1.png"), id);
        pause();
    }
    let before = listing(&s, "library");
    sh(&format!("cp -r {} {}", s.path("in/set3").display(), s.mnt("library/copy").display()));
    assert!(s.dam(["undo"]).contains("took away 6 files and 3 folders below library/copy"));
    assert_eq!(listing(&s, "library"), before);
}

#[test]
fn what_views_and_commands_set_is_taken_back() {
    let s = studio(3);
    let before = listing(&s, "library");
    let all = s.find("persona=luna");
    let mut set = vec!["set".to_owned(), "rating=safe".to_owned(), "tag=+night".to_owned()];
    set.extend(all.iter().cloned());
    s.dam(&set);
    assert_eq!(s.find("rating=safe,tag=night").len(), 30);
    assert!(s.dam(["undo", "--list"]).contains("set rating, tag of 30 files below library/luna"));
    undo(&s);
    assert_eq!(listing(&s, "library"), before);
    assert_eq!(s.dam_fails(["find", "rating=safe,tag=beach"]).1, "", "nothing has it");

    sh(&format!("rm {}", s.mnt("by/tag/beach/p1_1.png").display()));
    assert!(!s.mnt("by/tag/beach/p1_1.png").exists());
    undo(&s);
    assert!(s.mnt("by/tag/beach/p1_1.png").exists());
    sh(&format!(
        "mkdir {0}/night && cp {1}/set1/take1/p1_2.png {0}/night/",
        s.mnt("by/tag").display(),
        s.mnt("library/luna").display()
    ));
    s.settle();
    assert_eq!(s.show("library/luna/set1/take1/p1_2.png")["tag"], serde_json::json!(["beach", "night"]));
    undo(&s);
    assert_eq!(listing(&s, "library"), before);
}

#[test]
fn what_is_another_by_now_is_left_and_the_exit_code_says_so() {
    let s = studio(3);
    sh(&format!(
        "mv {0}/take1/p1_1.png {0}/take1/p1_2.png {1}",
        s.mnt("library/luna/set1").display(),
        s.mnt("library").display()
    ));
    pause();
    sh(&format!("mv {0}/p1_1.png {0}/mine.png", s.mnt("library").display()));
    let turn = s.dam(["undo", "--list", "--json", "--limit", "2"]);
    let turn: serde_json::Value = serde_json::from_str(&turn).unwrap();
    let (code, said) = s.dam_fails(["undo".to_owned(), turn["turns"][1]["turn"].to_string()]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("p1_1.png: left as it is: changed since by root at 20"), "{said}");
    assert!(s.mnt("library/luna/set1/take1/p1_2.png").exists() && s.mnt("library/mine.png").exists());
    let (code, said) = s.dam_fails(["undo", "999999"]);
    assert_eq!((code, said.contains("no turn 999999")), (3, true), "{said}");
}
