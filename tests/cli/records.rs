//! `dam records`

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::lab::Lab;

#[test]
fn an_export_writes_a_tree_and_leaves_alone_what_is_as_it_was() {
    let lab = Lab::with_two();
    lab.ok(&["tag", "add", "beach", "library/luna/beach.png"]);
    let dir = lab.path("backup/records");
    let export = |more: &[&str]| {
        let mut args = vec!["records", "export", dir.to_str().unwrap()];
        args.extend(more);
        lab.json(&args)
    };
    let done = export(&[]);
    assert_eq!((done["written"].as_u64(), done["same"].as_u64()), (Some(3), Some(0)));
    let beach = dir.join("luna/beach.png.json");
    let record: serde_json::Value = serde_json::from_slice(&fs::read(&beach).unwrap()).unwrap();
    let mut shown = lab.json(&["show", "library/luna/beach.png"]);
    shown.as_object_mut().unwrap().remove("view_name");
    assert_eq!(record, shown);

    let inode = |name: &str| fs::metadata(dir.join(name)).unwrap().ino();
    let before = (inode("luna/beach.png.json"), inode("luna/city.png.json"));
    lab.ok(&["set", "library/luna/city.png", "rating=safe"]);
    let done = export(&[]);
    assert_eq!((done["written"].as_u64(), done["same"].as_u64()), (Some(1), Some(2)));
    let after = (inode("luna/beach.png.json"), inode("luna/city.png.json"));
    assert!(before.0 == after.0 && before.1 != after.1);

    // What is gone stays until it is said that it goes; what is no record always.
    lab.remove("library/luna/city.png");
    fs::write(dir.join("luna/notes.json"), b"{}").unwrap();
    assert_eq!(export(&[])["removed"], 0);
    assert!(dir.join("luna/city.png.json").exists());
    assert_eq!(export(&["--delete"])["removed"], 1);
    assert!(!dir.join("luna/city.png.json").exists() && dir.join("luna/notes.json").exists());

    assert_eq!(export(&["--query", "tag=beach"])["same"], 1);
    let other = lab.path("other");
    lab.ok(&["records", "export", other.to_str().unwrap(), "--query", "tag=beach"]);
    assert_eq!(Lab::files_below(&other), [other.join("luna/beach.png.json")]);
    lab.fails(1, &["records", "export", lab.library().join("x").to_str().unwrap()]);
    lab.fails(2, &["records", "export", other.to_str().unwrap(), "--query", "tag=nothing"]);
}

/// A library made anew from a folder of its files, as a backup of `library/` has them, and the folder of its records.
fn anew(lab: &Lab) -> (Lab, std::path::PathBuf) {
    let records = lab.path("backup/records");
    lab.ok(&["records", "export", records.to_str().unwrap()]);
    let new = Lab::new();
    let files = lab.path("in");
    new.ok(&["import", files.to_str().unwrap(), "--into", "library/luna", "--any", "--copies"]);
    (new, records)
}

fn record(lab: &Lab, target: &str) -> serde_json::Value {
    let mut record = lab.json(&["show", target]);
    for key in ["changed", "versions"] {
        record.as_object_mut().unwrap().remove(key);
    }
    record
}

#[test]
fn a_library_made_anew_gets_its_records_back_and_keeps_them_through_a_rebuild() {
    let lab = Lab::with_two();
    lab.ok(&[
        "set",
        "library/luna/beach.png",
        "rating=adult",
        "tag=sea.beach",
        "status.x=approved",
        "likeness=synthetic",
    ]);
    let (new, records) = anew(&lab);
    let dir = records.to_str().unwrap();
    let (beach, city) = (record(&lab, "library/luna/beach.png"), record(&lab, "library/luna/city.png"));
    assert_ne!(record(&new, "library/luna/beach.png"), beach);
    assert!(new.ok(&["records", "import", dir, "--dry-run"]).starts_with("would put 2, "));
    assert_ne!(record(&new, "library/luna/beach.png"), beach);
    assert!(new.ok(&["records", "import", dir]).starts_with("put 2, as they were 0, "));
    assert_eq!(record(&new, "library/luna/beach.png"), beach);
    assert_eq!(record(&new, "library/luna/city.png"), city);
    assert!(new.ok(&["records", "import", dir]).starts_with("put 0, as they were 2, "));
    assert_eq!(new.json(&["fsck", "--deep"])["clean"], true);
    // The store knows by which id each is called now.
    fs::remove_file(new.library().join("catalog.db")).unwrap();
    new.ok(&["fsck", "--rebuild"]);
    assert_eq!(record(&new, "library/luna/beach.png"), beach);
    assert_eq!(new.json(&["find", "kind=image"])["assets"].as_array().unwrap().len(), 2);
    assert_eq!(new.json(&["fsck", "--deep"])["clean"], true);
}

/// The store knows of the ids, and the catalogue that is gone was copied before they came back.
#[test]
fn ids_that_came_back_since_the_last_snapshot_come_from_the_store() {
    let lab = Lab::with_two();
    lab.ok(&["set", "library/luna/beach.png", "rating=adult"]);
    let (new, records) = anew(&lab);
    new.ok(&["snapshot"]);
    new.ok(&["records", "import", records.to_str().unwrap()]);
    fs::remove_file(new.library().join("catalog.db")).unwrap();
    new.ok(&["fsck", "--rebuild"]);
    assert_eq!(record(&new, "library/luna/beach.png"), record(&lab, "library/luna/beach.png"));
    assert_eq!(new.json(&["find", "kind=image"])["assets"].as_array().unwrap().len(), 2);
    assert_eq!(new.json(&["fsck", "--deep"])["clean"], true);
}

#[test]
fn what_cannot_be_put_is_told_by_file_and_place_and_the_rest_is_put() {
    let lab = Lab::with_two();
    lab.image("in/third.png", 3);
    lab.image("in/fourth.png", 4);
    lab.ok(&["import", lab.path("in").to_str().unwrap(), "--into", "luna"]);
    for name in ["beach", "city", "third", "fourth"] {
        lab.ok(&["set", &format!("library/luna/{name}.png"), "rating=safe"]);
    }
    let (new, dir) = anew(&lab);
    let file = |name: &str| dir.join("luna").join(format!("{name}.png.json"));
    let change = |name: &str, what: &dyn Fn(String) -> String| {
        fs::write(file(name), what(fs::read_to_string(file(name)).unwrap())).unwrap();
    };
    change("beach", &|text| text.replacen("\"rating\": \"safe\",", "\"rating\": safe,", 1));
    change("city", &|text| text.replacen("\"seed\": 2", "\"seed\": \"two\"", 1));
    change("third", &|text| {
        let text = text.replacen("\"rating\": \"safe\"", "\"rating\": \"mild\",\n  \"mood\": \"calm\"", 1);
        text.replacen("\"status\": {}", "\"status\": { \"x\": { \"value\": \"maybe\", \"version\": 1, \"by\": null, \"at\": \"2026-01-01T00:00:00Z\" } }", 1)
    });
    fs::write(dir.join("luna/newer.json"), "{ \"record\": 2 }").unwrap();
    fs::write(dir.join("luna/stray.json"), "{}").unwrap();
    let said = new.fails(1, &["records", "import", dir.to_str().unwrap()]);
    let line = |file: &str| said.lines().filter(|line| line.contains(file)).collect::<Vec<_>>().join("\n");
    assert!(line("beach.png.json").contains("no JSON") && line("beach.png.json").contains("line "), "{said}");
    assert!(line("city.png.json").contains("line ") && line("city.png.json").contains("two"), "{said}");
    assert!(line("newer.json").contains("a newer damfs") && line("stray.json").contains("no record"), "{said}");
    let third = line("third.png.json");
    assert!(third.contains("mild") && third.contains("`mood`") && third.contains("maybe"), "{said}");
    let rating = |name: &str| new.json(&["show", &format!("library/luna/{name}.png")])["rating"].clone();
    let id = |lab: &Lab, name: &str| lab.json(&["show", &format!("library/luna/{name}.png")])["id"].clone();
    assert!(rating("beach").is_null() && rating("city").is_null(), "nothing is taken from a file with a mistake");
    assert_eq!(rating("fourth"), "safe");
    assert_eq!(id(&new, "third"), id(&lab, "third"));
    let totals = new.dam(&["--json", "records", "import", dir.to_str().unwrap()]);
    let totals: serde_json::Value = serde_json::from_slice(&totals.stdout).unwrap();
    assert_eq!((&totals["same"], &totals["refused"]), (&2.into(), &4.into()), "{totals}");
    new.fails(3, &["records", "import", dir.join("none").to_str().unwrap()]);
}

#[test]
fn files_under_other_names_are_found_by_what_they_are() {
    let lab = Lab::with_two();
    lab.ok(&["set", "library/luna/beach.png", "rating=safe"]);
    let records = lab.path("backup/records");
    lab.ok(&["records", "export", records.to_str().unwrap()]);
    fs::rename(lab.path("in/beach.png"), lab.path("in/BEACH.PNG")).unwrap();
    let new = Lab::new();
    new.ok(&["import", lab.path("in").to_str().unwrap(), "--into", "elsewhere", "--any"]);
    assert!(new.ok(&["records", "import", records.to_str().unwrap()]).starts_with("put 2, "));
    let (was, is) = (record(&lab, "library/luna/beach.png"), record(&new, "library/elsewhere/BEACH.PNG"));
    assert_eq!((&is["id"], &is["rating"]), (&was["id"], &was["rating"]));
}
