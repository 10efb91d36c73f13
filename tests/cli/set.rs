//! `dam set`

use crate::lab::Lab;

const BEACH: &str = "library/luna/beach.png";
const CITY: &str = "library/luna/city.png";

#[test]
fn values_are_put_added_and_taken_away() {
    let lab = Lab::with_two();
    let said = lab.ok(&["set", BEACH, CITY, "rating=Safe", "campaign=+summer"]);
    assert_eq!(said, "changed 2, as it was 0\n");
    assert_eq!(lab.ok(&["find", "rating=safe,campaign=summer"]).lines().count(), 2);
    lab.ok(&["set", BEACH, "campaign=-summer", "persona=+mira", "rating="]);
    let record = lab.json(&["show", BEACH]);
    assert_eq!(record["campaign"], serde_json::json!([]));
    assert_eq!(record["persona"], serde_json::json!(["luna", "mira"]));
    assert!(record["rating"].is_null());
    assert_eq!(lab.ok(&["set", CITY, "rating=safe"]), "changed 0, as it was 1\n");
}

#[test]
fn a_verdict_is_bound_to_the_version() {
    let lab = Lab::with_two();
    lab.ok(&["set", BEACH, "status.instagram=approved"]);
    let record = lab.json(&["show", BEACH]);
    assert_eq!(record["status"]["instagram"]["value"], "approved");
    assert_eq!(record["status"]["instagram"]["version"], 1);
    assert_eq!(lab.ok(&["find", "status.instagram=approved"]), format!("{BEACH}\n"));
}

#[test]
fn all_or_nothing() {
    let lab = Lab::with_two();
    lab.fails(3, &["set", BEACH, "library/luna/none.png", "rating=adult"]);
    assert!(lab.json(&["show", BEACH])["rating"].is_null());
}

#[test]
fn wrong_facets_and_values_name_the_nearest() {
    let lab = Lab::with_two();
    assert!(lab.fails(2, &["set", BEACH, "raiting=safe"]).contains("`rating`"));
    assert!(lab.fails(2, &["set", BEACH, "rating=sfae"]).contains("`safe`"));
    assert!(lab.fails(2, &["set", BEACH, "status.instagarm=approved"]).contains("`instagram`"));
    assert!(lab.fails(2, &["set", BEACH, "status=approved"]).contains("platform"));
    assert!(lab.fails(2, &["set", BEACH, "width=10"]).contains("cannot be set"));
    assert!(lab.fails(2, &["set", BEACH, "expires=soon"]).contains("2026-12-31"));
    assert!(lab.fails(3, &["set", BEACH, "owner=nobody-here"]).contains("member"));
    assert!(lab.fails(2, &["set", BEACH, "state=trashed"]).contains("trash"));
    assert!(lab.fails(2, &["set", BEACH, CITY]).contains("facet=value"));
    assert!(lab.fails(2, &["set", "rating=safe", "likeness=self"]).contains("PATH"));
    assert!(lab.fails(2, &["set", "library/luna", "rating=safe"]).contains("folder"));
}
