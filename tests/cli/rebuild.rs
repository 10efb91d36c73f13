//! `dam snapshot` and `dam fsck --rebuild`: the catalogue is destroyed, and everything is there again

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::lab::{Lab, png};

const EVERYTHING: &str = "state=active+archived+expired+held+trashed";

fn catalog(lab: &Lab) -> PathBuf {
    lab.library().join("catalog.db")
}

/// Every asset's record with its versions, by id.
fn records(lab: &Lab) -> BTreeMap<String, Value> {
    let found = lab.json(&["find", EVERYTHING]);
    let ids = found["assets"].as_array().unwrap().iter().map(|asset| asset["id"].as_str().unwrap().to_owned());
    ids.map(|id| (id.clone(), lab.json(&["show", &id]))).collect()
}

/// A record's bytes, read through a mount.
fn bytes(lab: &Lab, path: &str) -> Vec<u8> {
    lab.in_mount(path, |mount, caller, folder, name| {
        let file = mount.lookup(caller, folder, name)?.attr;
        let fh = mount.open(caller, 0, file.ino, damfs::fs::OpenMode { read: true, ..Default::default() })?.fh;
        let bytes = mount.read(caller, fh, 0, usize::try_from(file.size).unwrap())?;
        mount.release(caller, fh)?;
        Ok(bytes)
    })
}

/// Two pictures with tags, a verdict and versions, one more in the trash.
fn used() -> Lab {
    let lab = Lab::with_two();
    lab.image("more/sea & sun.png", 3);
    lab.ok(&["import", lab.path("more").to_str().unwrap(), "--into", "luna/by the sea"]);
    lab.ok(&["tag", "add", "beach.evening", "library/luna/beach.png", "library/luna/city.png"]);
    lab.overwrite("library/luna/beach.png", &png(24, 32, 9, None));
    lab.ok(&["set", "library/luna/beach.png", "status.instagram=approved", "rating=safe"]);
    lab.overwrite("library/luna/beach.png", &png(24, 32, 10, None));
    lab.image("gone/old.png", 4);
    lab.ok(&["import", lab.path("gone").to_str().unwrap()]);
    let old = lab.ok(&["find", "text=luna"]).lines().find(|line| line.contains("old.png")).unwrap().to_owned();
    lab.remove(&old);
    lab
}

type Destruction = (&'static str, fn(&Lab));

/// What a catalogue can suffer.
fn destructions() -> Vec<Destruction> {
    vec![
        ("deleted", |lab| fs::remove_file(catalog(lab)).unwrap()),
        ("emptied", |lab| fs::write(catalog(lab), b"").unwrap()),
        ("cut off", |lab| {
            let file = fs::OpenOptions::new().write(true).open(catalog(lab)).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        }),
        ("its first page garbage", |lab| {
            let file = fs::OpenOptions::new().write(true).open(catalog(lab)).unwrap();
            file.write_all_at(&[0xa5; 4096], 0).unwrap();
        }),
        ("pages in the middle garbage", |lab| {
            let file = fs::OpenOptions::new().write(true).open(catalog(lab)).unwrap();
            let pages = file.metadata().unwrap().len() / 4096;
            for page in (2..pages).step_by(5) {
                file.write_all_at(&[0x5a; 4096], page * 4096).unwrap();
            }
        }),
    ]
}

fn is_whole(lab: &Lab, how: &str) {
    let report = lab.json(&["fsck", "--deep"]);
    assert_eq!(report["clean"], true, "{how}: {report}");
}

#[test]
fn from_a_snapshot_everything_is_there_again() {
    for (how, destroy) in destructions() {
        let lab = used();
        lab.ok(&["snapshot"]);
        let before = records(&lab);
        let picture = bytes(&lab, "library/luna/beach.png");
        destroy(&lab);
        lab.fails(1, &["find", "kind=image"]);
        let report = lab.json(&["fsck", "--rebuild"]);
        assert_eq!(report["old"].is_null(), how == "deleted", "{how}: {report}");
        assert!(report["from"].as_str().unwrap().starts_with("the snapshot of "), "{how}: {report}");
        assert_eq!(records(&lab), before, "{how}");
        assert!(bytes(&lab, "library/luna/beach.png") == picture, "{how}");
        is_whole(&lab, how);
        assert_eq!(lab.library().join("catalog.db.damaged-1").exists(), how != "deleted");
        assert!(!lab.library().join("rebuild").exists());
    }
}

#[test]
fn behind_a_snapshot_saves_imports_and_moves_come_from_the_store() {
    let lab = used();
    lab.ok(&["snapshot"]);
    lab.overwrite("library/luna/city.png", &png(24, 32, 20, None));
    lab.ok(&["tag", "add", "later", "library/luna/city.png"]);
    lab.overwrite("library/luna/city.png", &png(24, 32, 21, None));
    lab.image("new/harbour.png", 22);
    lab.ok(&["import", lab.path("new").to_str().unwrap(), "--into", "ports", "--set", "tag=harbour"]);
    let before = records(&lab);
    fs::remove_file(catalog(&lab)).unwrap();
    let dry = lab.json(&["fsck", "--rebuild", "--dry-run"]);
    assert_eq!((&dry["versions_added"], &dry["assets_made"]), (&3.into(), &1.into()), "{dry}");
    assert!(!catalog(&lab).exists(), "a dry run changes nothing");
    lab.ok(&["fsck", "--rebuild"]);
    assert_eq!(records(&lab), before);
    assert_eq!(bytes(&lab, "library/luna/city.png"), png(24, 32, 21, None));
    is_whole(&lab, "rebuilt");
    // It goes on from there.
    lab.overwrite("library/luna/city.png", &png(24, 32, 23, None));
    assert_eq!(lab.json(&["versions", "library/luna/city.png"])["versions"].as_array().unwrap().len(), 4);
    is_whole(&lab, "used again");
}

#[test]
fn without_a_snapshot_the_manifests_are_enough() {
    let lab = used();
    let mut before = records(&lab);
    fs::remove_file(catalog(&lab)).unwrap();
    let report = lab.json(&["fsck", "--rebuild"]);
    assert_eq!(report["assets_made"], 4, "{report}");
    let lost = report["lost"].to_string();
    assert!(lost.contains("the audit log") && lost.contains("folders without assets"), "{lost}");
    let mut after = records(&lab);
    // What was done to a record after its last version: one tag, one removal.
    for (id, record) in &mut before {
        let now = after.get_mut(id).unwrap();
        if record["view_name"] == "city.png" {
            assert_eq!(
                (now["tag"].take(), record["tag"].take()),
                (Value::from(Vec::<Value>::new()), vec!["beach/evening"].into())
            );
        }
        if record["view_name"] == "old.png" {
            assert_eq!(now["state"].take(), "active");
            assert!(now["path"].take().as_str().unwrap().contains("library/Unsorted/"));
            for part in ["state", "path", "trashed"] {
                record[part].take();
            }
        }
        record["changed"].take();
        now["changed"].take();
    }
    assert_eq!(after, before);
    assert_eq!(
        after.values().find(|r| r["view_name"] == "beach.png").unwrap()["status"]["instagram"]["value"],
        "approved"
    );
    assert_eq!(
        bytes(&lab, "library/luna/by the sea/sea & sun.png").len(),
        after.values().find(|r| r["view_name"] == "sea & sun.png").unwrap()["size"]
    );
    is_whole(&lab, "manifests alone");
}

/// What a guideline refused must not circulate because nobody knows the guideline any more.
#[test]
fn approvals_by_a_guideline_that_is_lost_are_stale() {
    let lab = Lab::with_two();
    let (beach, city) = ("library/luna/beach.png", "library/luna/city.png");
    lab.ok(&["set", city, "status.instagram=approved", "status.x=approved", "rating=safe"]);
    let rules = lab.file("rules.md", b"refuse: `likeness=synthetic` people must be real\n");
    lab.ok(&["guideline", "put", "instagram", rules.to_str().unwrap()]);
    lab.ok(&["set", beach, "status.instagram=approved", "status.x=approved", "rating=safe"]);
    lab.overwrite(beach, &png(24, 32, 9, None));
    lab.overwrite(city, &png(24, 32, 10, None));
    fs::remove_file(catalog(&lab)).unwrap();
    let lost = lab.json(&["fsck", "--rebuild"])["lost"].to_string();
    for told in ["guidelines and the board", "remarks", "the guideline of instagram", "stale now (2)"] {
        assert!(lost.contains(told), "{told}: {lost}");
    }
    for path in [beach, city] {
        let status = lab.json(&["show", path])["status"].take();
        assert_eq!((&status["instagram"]["value"], &status["x"]["value"]), (&"stale".into(), &"approved".into()));
    }
    is_whole(&lab, "without its guidelines");
}

/// Regression: a library whose catalogue was deleted opened as an empty one, and its staged bytes were removed as leftovers.
#[test]
fn a_lost_catalogue_is_an_error_and_staged_bytes_stay() {
    let lab = Lab::with_two();
    lab.ok(&["snapshot"]);
    lab.in_mount("library/luna/beach.png", |mount, caller, folder, name| {
        let file = mount.lookup(caller, folder, name)?.attr.ino;
        let fh = mount.open(caller, 0, file, damfs::fs::OpenMode { write: true, ..Default::default() })?.fh;
        mount.write(caller, fh, 0, b"unsettled", false)?;
        mount.fsync(caller, fh, false)?;
        // Two files with staged bytes, as a crash leaves them: the one is settled when this mount ends.
        for side in ["idx", "dat"] {
            let stage = lab.library().join("stage");
            for entry in fs::read_dir(&stage).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|e| e == side) {
                    fs::copy(&path, lab.path(path.file_name().unwrap().to_str().unwrap())).unwrap();
                }
            }
        }
        mount.release(caller, fh)
    });
    let staged: Vec<_> = fs::read_dir(lab.path(""))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "idx" || e == "dat"))
        .collect();
    assert_eq!(staged.len(), 2);
    fs::remove_file(catalog(&lab)).unwrap();
    // As it was before the version, and one of a file that nothing tells of.
    fs::remove_dir_all(lab.library().join("store/manifests")).unwrap();
    for path in &staged {
        let side = path.extension().unwrap().to_str().unwrap();
        fs::copy(path, lab.library().join("stage").join(path.file_name().unwrap())).unwrap();
        fs::copy(path, lab.library().join(format!("stage/999.{side}"))).unwrap();
    }
    let said = lab.fails(1, &["find", "kind=image"]);
    assert!(said.contains("it is not there") && said.contains("dam fsck --rebuild"), "{said}");
    let report = lab.json(&["fsck", "--rebuild"]);
    assert_eq!(report["staged"], 1, "{report}");
    assert!(report["lost"].to_string().contains("node 999"), "{report}");
    assert_eq!(bytes(&lab, "library/luna/beach.png")[..9], *b"unsettled");
    assert!(lab.library().join("stage/damaged/999-1.dat").exists());
}

#[test]
fn a_catalogue_that_lost_its_last_part_is_told_and_filled_up() {
    let lab = used();
    // The last mount lets go of the library a moment after its end: a command waits for that, and leaves nothing in the log.
    lab.ok(&["find", "kind=image"]);
    let old = fs::read(catalog(&lab)).unwrap();
    lab.overwrite("library/luna/city.png", &png(24, 32, 30, None));
    lab.image("new/harbour.png", 31);
    lab.ok(&["import", lab.path("new").to_str().unwrap(), "--into", "ports"]);
    let before = records(&lab);
    // The log that had it was deleted.
    fs::write(catalog(&lab), old).unwrap();
    let out = lab.dam(&["fsck"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(
        crate::lab::text(&out.stdout).contains("older than the store, which tells of 2 versions"),
        "{}",
        crate::lab::text(&out.stdout)
    );
    let refused = lab.fails(1, &["fsck", "--rebuild"]);
    assert!(refused.contains("healthy"), "{refused}");
    let report = lab.json(&["fsck", "--rebuild", "--force"]);
    assert_eq!((&report["from"], &report["versions_added"]), (&"the catalogue itself".into(), &2.into()), "{report}");
    assert_eq!(records(&lab), before);
    is_whole(&lab, "filled up");
}

#[test]
fn a_damaged_snapshot_is_passed_over_and_a_lost_extent_is_told() {
    let lab = used();
    lab.ok(&["snapshot"]);
    let snapshots = || Lab::files_below(&lab.library().join("store/snapshots"));
    let first: Vec<_> = snapshots().into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();
    lab.ok(&["set", "library/luna/city.png", "rating=adult"]);
    lab.ok(&["snapshot"]);
    let newest = snapshots();
    assert_eq!((first.len(), newest.len()), (2, 2), "of one day the last one is kept");
    first.iter().for_each(|(bytes, file)| fs::write(file, bytes).unwrap());
    let part = newest.into_iter().find(|f| f.extension().is_some()).unwrap();
    let mut sealed = fs::read(&part).unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    fs::write(&part, sealed).unwrap();
    fs::remove_file(catalog(&lab)).unwrap();
    let report = lab.json(&["fsck", "--rebuild", "--dry-run"]);
    assert_eq!(report["unusable"].as_array().unwrap().len(), 1, "{report}");
    assert!(report["from"].as_str().unwrap().starts_with("the snapshot of "), "{report}");
    fs::remove_dir_all(lab.library().join("store/snapshots")).unwrap();
    let extents = Lab::files_below(&lab.library().join("store/extents"));
    fs::remove_file(&extents[0]).unwrap();
    let report = lab.json(&["fsck", "--rebuild"]);
    assert!(report["lost"].to_string().contains("is missing"), "{report}");
    is_whole(&lab, "without what is lost");
}

#[test]
fn an_import_that_never_ended_leaves_nothing_that_counts() {
    let lab = Lab::with_two();
    let below = lab.library().join("store/manifests");
    let known = Lab::files_below(&below);
    lab.image("new/harbour.png", 31);
    let old = fs::read(catalog(&lab)).unwrap();
    lab.ok(&["import", lab.path("new").to_str().unwrap()]);
    assert_eq!(Lab::files_below(&below).len(), known.len() + 1);
    // Killed between the manifest and the transaction: of all that, the numbers were given.
    fs::write(catalog(&lab), old).unwrap();
    lab.image("other/first.png", 77);
    lab.ok(&["import", lab.path("other").to_str().unwrap(), "--into", "other"]);
    is_whole(&lab, "a manifest of a version that was never made");
    lab.ok(&["import", lab.path("new").to_str().unwrap()]);
    assert_eq!(lab.ok(&["find", "text=luna"]).lines().count(), 4);
    is_whole(&lab, "imported again");
}

/// Regression: a version of bytes that were in the store already had no manifest until a check made one.
#[test]
fn every_version_has_its_manifest_by_itself() {
    let lab = Lab::with_two();
    lab.image("again/beach.png", 5);
    lab.image("again/sub/beach.png", 6);
    for _ in 0..2 {
        lab.ok(&[
            "import",
            lab.path("again").to_str().unwrap(),
            lab.path("again/sub").to_str().unwrap(),
            "--into",
            "luna",
        ]);
    }
    lab.overwrite("library/luna/city.png", &png(24, 32, 7, None));
    lab.ok(&["restore", "--version", "1", "library/luna/city.png"]);
    let mut before = records(&lab);
    let report = lab.json(&["fsck"]);
    assert_eq!((&report["clean"], &report["manifests_made"]), (&true.into(), &0.into()), "{report}");
    fs::remove_file(catalog(&lab)).unwrap();
    lab.ok(&["fsck", "--rebuild"]);
    let mut after = records(&lab);
    // A save by rename takes the file's other times with it.
    before.values_mut().chain(after.values_mut()).for_each(|record| drop(record["changed"].take()));
    assert_eq!(after, before);
    is_whole(&lab, "manifests alone");
}

#[test]
fn who_uses_the_library_keeps_the_rebuild_out() {
    let lab = Lab::with_two();
    lab.in_mount("library/luna/beach.png", |_, _, _, _| {
        let said = lab.fails(1, &["fsck", "--rebuild", "--force"]);
        assert!(said.contains("in use"), "{said}");
        Ok(())
    });
}
