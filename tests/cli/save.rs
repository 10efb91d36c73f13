//! `dam save`, `dam saved`

use serde_json::json;

use crate::lab::Lab;

#[test]
fn a_query_is_kept_told_of_and_removed() {
    let lab = Lab::with_two();
    let kept =
        lab.json(&["save", "beaches", "persona=luna", "--for", "editor", "--for", "backup", "--until", "2126-12"]);
    let until = "2126-12-31T23:59:59.999999999Z";
    assert_eq!(
        kept,
        json!({
            "name": "beaches", "query": "persona=luna", "owner": kept["owner"], "for": ["backup", "editor"],
            "until": until, "note": null,
        })
    );
    lab.ok(&["save", "beaches", "rating=none"]);
    let told = lab.json(&["saved"])["saved"][0].clone();
    assert_eq!((&told["query"], &told["for"], &told["until"]), (&json!("rating=none"), &kept["for"], &json!(until)));
    lab.ok(&["save", "beaches", "--for", "", "--until", ""]);
    let told = lab.json(&["saved"])["saved"][0].clone();
    assert_eq!((&told["for"], &told["until"]), (&json!([]), &json!(null)), "what is not given stays");
    assert!(lab.ok(&["saved"]).contains("rating=none"));
    lab.ok(&["save", "--remove", "beaches"]);
    assert_eq!(lab.json(&["saved"]), json!({ "saved": [] }));
}

#[test]
fn what_cannot_be_saved_says_why() {
    let lab = Lab::with_two();
    assert!(lab.fails(2, &["save", "x"]).contains("asks nothing"));
    assert!(lab.fails(2, &["save", "x", "raiting=safe"]).contains("`rating`"));
    assert!(
        lab.fails(2, &["save", "a=b", "rating=safe"]).contains("`=`")
            || lab.fails(2, &["save", "a=b"]).contains("field")
    );
    assert!(lab.fails(2, &["save", "persona=luna", "rating=safe"]).contains("reads as a query"));
    assert!(lab.fails(2, &["save", ".x", "rating=safe"]).contains("dot"));
    assert!(lab.fails(2, &["save", "x", "rating=safe", "--for", "editr"]).contains("`editor`"));
    assert!(lab.fails(2, &["save", "x", "rating=safe", "--until", "soon"]).contains("no date"));
    assert!(lab.fails(2, &["save", "x", "rating=safe", "--until", "2001"]).contains("past"));
    lab.ok(&["save", "seas", "rating=safe"]);
    assert!(lab.fails(3, &["save", "--remove", "sea"]).contains("`seas`"));
    lab.fails(2, &["save", "--remove", "seas", "rating=safe"]);
}
