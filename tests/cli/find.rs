//! `dam find`

use crate::lab::Lab;

#[test]
fn paths_and_nothing_else() {
    let lab = Lab::with_two();
    assert_eq!(lab.ok(&["find", "persona=luna"]), "library/luna/beach.png\nlibrary/luna/city.png\n");
    assert_eq!(lab.ok(&["find", "persona=luna", "--limit", "1"]), "library/luna/beach.png\n");
    assert_eq!(lab.ok(&["find", "persona=mira"]), "");
    assert_eq!(lab.json(&["find", "persona=luna"])["assets"].as_array().unwrap().len(), 2);
}

#[test]
fn a_wrong_query_is_usage_and_names_the_nearest() {
    let lab = Lab::with_two();
    assert!(lab.fails(2, &["find", "personna=luna"]).contains("persona"));
    assert!(lab.fails(2, &["find", "rating=sfae"]).contains("safe"));
    lab.fails(2, &["find", "persona="]);
    lab.fails(2, &["find", ""]);
}
