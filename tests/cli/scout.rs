//! `dam scout`

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::lab::{Lab, png, text};

/// Renders as they lie about.
fn scattered(lab: &Lab) {
    lab.image("in/a.png", 1);
    lab.image("in/old/copy of a.png", 1);
    lab.image("in/b.png", 2);
    lab.file("in/B.PNG", &png(20, 20, 3, None));
    lab.file("in/Ämter.txt", b"text");
    lab.file("in/a\u{308}mter.txt", b"other text");
    lab.file("in/cut.png", &png(64, 64, 4, None)[..80]);
    lab.file("in/empty.png", b"");
    lab.file("in/a.xmp", b"<x/>");
    lab.file("in/gone.jpg.xmp", b"<other/>");
    lab.file("in/.hidden", b"x");
    symlink(lab.path("in/a.png"), lab.path("in/link.png")).unwrap();
}

fn scout(lab: &Lab, without_library: bool) -> Value {
    let mut command = lab.command(&["--json", "scout", "in"]);
    if without_library {
        command.env_remove("DAM_LIBRARY");
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", text(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn folders_are_told_of_and_nothing_is_written() {
    let lab = Lab::empty();
    scattered(&lab);
    let before = Lab::files_below(&lab.path(""));
    let found = scout(&lab, true);
    assert_eq!(found["all"]["files"], 10);
    assert_eq!(found["formats"]["image/png"]["files"], 5);
    assert_eq!(found["formats"]["sidecar"]["files"], 2);
    assert_eq!((&found["generated"], &found["generators"]), (&json!(3), &json!({ "a1111": 3 })));
    assert_eq!(found["duplicates"][0]["files"], json!(["in/a.png", "in/old/copy of a.png"]));
    assert_eq!(
        (found["duplicates"].as_array().unwrap().len(), &found["to_be_saved"]),
        (1, &found["duplicates"][0]["bytes"])
    );
    assert_eq!(found["clashes"], json!([["in/a\u{308}mter.txt", "in/Ämter.txt"], ["in/B.PNG", "in/b.png"]]));
    let broken: Vec<&str> = found["broken"].as_array().unwrap().iter().map(|b| b["path"].as_str().unwrap()).collect();
    assert_eq!(broken, ["in/cut.png", "in/empty.png"]);
    assert_eq!(found["sidecars_alone"], json!(["in/gone.jpg.xmp"]));
    assert_eq!((&found["left_out"], &found["known"]), (&json!(2), &Value::Null));
    assert_eq!(Lab::files_below(&lab.path("")), before);
}

#[test]
fn a_library_knows_what_it_has() {
    let lab = Lab::with_two();
    lab.image("more/again.png", 1);
    lab.image("more/new.png", 9);
    let found = lab.json(&["scout", "more"]);
    assert_eq!(found["known"], json!([{ "path": "more/again.png", "library": "library/luna/beach.png" }]));
    let said = lab.ok(&["scout", "more"]);
    assert!(said.contains("1 in the library already") && said.contains("dam import more"), "{said}");
}

#[test]
fn what_is_not_there_is_said() {
    let lab = Lab::empty();
    assert!(lab.fails(3, &["scout", "nowhere"]).contains("nowhere"));
    lab.fails(2, &["scout"]);
}
