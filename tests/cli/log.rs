//! `dam log`

use std::fs;

use crate::lab::Lab;

#[test]
fn what_was_done_is_told_and_verified_from_the_command_line() {
    let lab = Lab::with_two();
    lab.ok(&["tag", "add", "beach", &first(&lab)]);
    let told = lab.ok(&["log", "--limit", "1"]);
    assert!(told.contains("asset.set") && told.contains("beach"), "{told}");
    let rows = lab.json(&["log"]);
    assert_eq!((&rows["rows"][0]["what"], &rows["next"]), (&"asset.set".into(), &serde_json::Value::Null));
    assert!(lab.ok(&["log", &first(&lab)]).contains("asset.set"));
    assert!(lab.ok(&["log", "verify"]).contains("ops: "));

    let heads = lab.file("heads.txt", lab.ok(&["log", "head"]).as_bytes());
    let file = heads.to_str().unwrap();
    assert!(lab.ok(&["log", "verify", "--heads", file]).contains("rows"));
    let other = Lab::with_two();
    let said = other.fails(1, &["log", "verify", "--heads", file]);
    assert!(said.contains("this library has not told it"), "{said}");
    fs::write(&heads, "nonsense\n").unwrap();
    assert!(lab.fails(2, &["log", "verify", "--heads", file]).contains("dam log head"));
    assert!(lab.fails(1, &["log", "verify", "--heads", "/nowhere"]).contains("cannot read /nowhere"));
    assert!(lab.fails(2, &["log", "--since", "soon"]).contains("how long ago"));
}

#[test]
fn a_file_for_heads_that_is_gone_or_no_path_is_told() {
    let lab = Lab::with_two();
    let info = lab.library().join("damfs.toml");
    let said = fs::read_to_string(&info).unwrap();
    fs::write(&info, format!("{said}audit_heads = \"heads\"\n")).unwrap();
    assert!(lab.fails(1, &["log"]).contains("must be a path from the root"));
    let file = lab.path("heads");
    fs::write(&info, format!("{said}audit_heads = {:?}\n", file.to_str().unwrap())).unwrap();
    assert!(lab.fails(1, &["log", "verify"]).contains("is gone"));
    let told = lab.ok(&["log", "head"]);
    fs::write(&file, &told).unwrap();
    lab.ok(&["log", "verify"]);
    // Regression: half a line, which a full disk leaves, kept everything from being verified.
    fs::write(&file, [&told.as_bytes()[..40], b"\xff\n\n", told.as_bytes()].concat()).unwrap();
    let output = lab.dam(&["log", "verify", "--json"]);
    let verified: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let faults = verified["faults"].as_array().unwrap();
    assert!(output.status.code() == Some(1) && faults.len() == 1, "{verified}");
    assert!(faults[0].as_str().unwrap().starts_with("audit_heads: `damfs-audit-head-1"), "{verified}");
    assert_eq!(verified["heads"], told.lines().count());
}

fn first(lab: &Lab) -> String {
    lab.json(&["find"])["assets"][0]["path"].as_str().unwrap().to_owned()
}
