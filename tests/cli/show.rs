//! `dam show`

use crate::lab::Lab;

#[test]
fn by_path_and_by_id() {
    let lab = Lab::with_two();
    let record = lab.json(&["show", "library/luna/beach.png"]);
    assert_eq!(record["path"], "library/luna/beach.png");
    assert_eq!(record["prompt"], "luna on a beach, red dress");
    let id = record["id"].as_str().unwrap();
    assert_eq!(lab.json(&["show", id]), record);
    let words = lab.ok(&["show", "library/luna/beach.png"]);
    assert!(words.lines().any(|l| l.starts_with("persona") && l.ends_with("luna")), "{words}");
}

#[test]
fn what_is_not_there_is_not_found() {
    let lab = Lab::with_two();
    lab.fails(3, &["show", "library/luna/none.png"]);
    lab.fails(3, &["show", "library/../../etc/passwd"]);
    lab.fails(3, &["show", "0193a5c2-7d1e-7c3a-9f00-1b2c3d4e5f60"]);
    lab.fails(3, &["show", "/etc/passwd"]);
    assert!(lab.fails(2, &["show", "library/luna"]).contains("folder"));
}
