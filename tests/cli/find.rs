//! `dam find`

use crate::lab::{Lab, png};

#[test]
fn paths_and_nothing_else() {
    let lab = Lab::with_two();
    assert_eq!(lab.ok(&["find", "persona=luna"]), "library/luna/beach.png\nlibrary/luna/city.png\n");
    assert_eq!(lab.ok(&["find", "persona=luna", "--limit", "1"]), "library/luna/beach.png\n");
    assert_eq!(lab.ok(&["find", "persona=luna,rating=safe"]), "");
    assert_eq!(lab.json(&["find", "persona=luna"])["assets"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_found_is_counted_ordered_and_cut() {
    let lab = Lab::new();
    for (name, width) in [("b.png", 10), ("a.png", 30), ("c.png", 20)] {
        lab.file(&format!("in/{name}"), &png(width, 10, 1, None));
    }
    lab.ok(&["import", "in", "--into", "x"]);
    lab.ok(&["set", "library/x/b.png", "rating=adult", "stars=2"]);
    lab.ok(&["set", "library/x/c.png", "rating=safe"]);
    let order = |args: &[&str]| {
        let out = lab.ok(&[&["find"], args].concat());
        out.lines()
            .map(|line| line.trim_start_matches("library/x/").trim_end_matches(".png").to_owned())
            .collect::<String>()
    };
    assert_eq!(order(&["--sort", "width"]), "bca");
    assert_eq!(order(&["kind=image", "--sort", "width,desc", "--limit", "2"]), "ac");
    assert_eq!(order(&["--sort", "path,desc"]), "cba");
    assert_eq!(order(&["--sort", "rating"]), "cba", "by rank, and what has none last");
    assert_eq!(order(&["--sort", "stars,desc"]), "bac");
    assert_eq!(lab.ok(&["find", "--count"]), "3\n");
    assert_eq!(lab.ok(&["find", "--count", "rating=none"]), "1\n");
    assert_eq!(lab.json(&["find", "--count", "--limit", "2"]), serde_json::json!({ "count": 2 }));
    assert!(lab.fails(2, &["find", "--sort", "siez"]).contains("`size`"));
}

#[test]
fn what_is_found_is_printed_as_is_wished() {
    let lab = Lab::with_two();
    let table = lab.ok(&["find", "--format", "table"]);
    assert!(
        table.contains("dimensions") && table.contains("24x32") && table.contains("library/luna/city.png"),
        "{table}"
    );
    let rows = lab.ok(&["find", "--columns", "name,width"]);
    let rows: Vec<Vec<&str>> = rows.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, [["name", "width"], ["beach.png", "24"], ["city.png", "24"]]);
    assert!(lab.fails(2, &["find", "--columns", "nmae"]).contains("`name`"));
    let json: serde_json::Value = serde_json::from_str(&lab.ok(&["find", "--format", "json"])).unwrap();
    assert_eq!(
        (json["assets"].as_array().unwrap().len(), &json["assets"][0]["path"]),
        (2, &"library/luna/beach.png".into())
    );
    assert_eq!(lab.json(&["find", "rating=safe"])["assets"], serde_json::json!([]));
}

/// Every command takes an id.
#[test]
fn what_has_no_path_is_named_by_its_id() {
    let lab = Lab::with_two();
    lab.remove("library/luna/beach.png");
    lab.ok(&["settle"]);
    let out = lab.ok(&["find", "state=trashed"]);
    assert_eq!(lab.json(&["show", out.trim_end()])["state"], "trashed");
    assert_eq!(lab.ok(&["find", "-0", "state=trashed"]).trim_end_matches('\0'), out.trim_end());
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
