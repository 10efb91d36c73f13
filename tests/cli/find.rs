//! `dam find`

use crate::lab::Lab;

#[test]
fn paths_and_nothing_else() {
    let lab = Lab::with_two();
    assert_eq!(lab.ok(&["find", "persona=luna"]), "library/luna/beach.png\nlibrary/luna/city.png\n");
    assert_eq!(lab.ok(&["find", "persona=luna", "--limit", "1"]), "library/luna/beach.png\n");
    assert_eq!(lab.ok(&["find", "persona=luna,rating=safe"]), "");
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

/// A word that is typed wrong must not look like "nothing found".
#[test]
fn a_value_that_nothing_has_is_usage_and_names_the_nearest() {
    let lab = Lab::with_two();
    lab.ok(&["set", "library/luna/beach.png", "tag=places.beach", "campaign=summer", "client=acme"]);
    for (query, nearest) in [
        ("persona=lun", "`luna`"),
        ("format=pgn", "`png`"),
        ("tag=place", "`places"),
        ("tag=places.bech", "`places.beach`"),
        ("campaign=sumer", "`summer`"),
        ("client=acne", "`acme`"),
        ("model=drem", "`dream`"),
        ("not.persona=lun", "`luna`"),
        ("persona=luna+lun", "`luna`"),
        ("any(persona=lun;kind=image)", "`luna`"),
    ] {
        let said = lab.fails(2, &["find", query]);
        assert!(said.contains("unknown") && said.contains(nearest), "{query}: {said}");
    }
    assert_eq!(lab.ok(&["find", "tag=places"]).lines().count(), 1);
    assert_eq!(lab.ok(&["find", "lora=none"]).lines().count(), 2);
    // Roles, scopes and rules may speak of what does not exist yet.
    lab.ok(&["member", "add", "anna", "--role", "editor", "--scope", "client=nobody-yet"]);
}

#[test]
fn a_name_that_is_no_line_is_shown_by_its_id() {
    let lab = Lab::new();
    lab.image("in/a\nb.png", 1);
    lab.image("in/c d.png", 2);
    let folder = lab.path("in");
    lab.ok(&["import", folder.to_str().unwrap(), "--into", "luna"]);
    let out = lab.ok(&["find", "kind=image"]);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines.len(), lines[1]), (2, "library/luna/c d.png"), "{out}");
    assert_eq!(lab.json(&["show", lines[0]])["path"], "library/luna/a\nb.png");
    assert_eq!(lab.ok(&["find", "-0", "kind=image"]), "library/luna/a\nb.png\0library/luna/c d.png\0");
    lab.fails(2, &["find", "-0", "--json", "kind=image"]);
}
