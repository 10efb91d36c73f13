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
