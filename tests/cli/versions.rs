//! `dam versions`, `dam diff`

use serde_json::{Value, json};

use crate::lab::{Lab, png};

const BEACH: &str = "library/luna/beach.png";

/// beach.png with a second version: another size, another seed, no negative prompt.
fn edited() -> Lab {
    let lab = Lab::with_two();
    let text =
        "luna on a beach, red dress\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 99, Size: 48x32, Model: dream";
    lab.overwrite(BEACH, &png(48, 32, 9, Some(text)));
    lab
}

fn field(diff: &Value, name: &str) -> Option<(Value, Value)> {
    let fields = diff["fields"].as_array().unwrap();
    fields.iter().find(|f| f["field"] == name).map(|f| (f["from"].clone(), f["to"].clone()))
}

#[test]
fn versions_are_listed_newest_last() {
    let lab = edited();
    let told = lab.json(&["versions", BEACH]);
    let versions = told["versions"].as_array().unwrap();
    let short: Vec<_> =
        versions.iter().map(|v| (v["n"].as_u64(), v["width"].as_u64(), v["current"].as_bool())).collect();
    assert_eq!(short, [(Some(1), Some(24), Some(false)), (Some(2), Some(48), Some(true))]);
    assert!(versions.iter().all(|v| v["by"].is_string() && v["made"].is_string() && v["format"] == "png"), "{told}");
    let words = lab.ok(&["versions", BEACH]);
    let last = words.lines().last().unwrap();
    assert!(last.contains("48x32") && last.trim_end().ends_with("current"), "{words}");
    lab.fails(3, &["versions", "library/luna/none.png"]);
    assert!(lab.fails(2, &["versions", "library/luna"]).contains("folder"));
}

#[test]
fn paths_below_versions_and_trash_name_their_asset_without_a_mount() {
    let lab = edited();
    let told = lab.json(&["versions", BEACH]);
    for path in ["versions/luna/beach.png", "versions/luna/beach.png/1.png", told["id"].as_str().unwrap()] {
        assert_eq!(lab.json(&["versions", path]), told, "{path}");
    }
    for path in ["versions/luna/beach.png/3.png", "versions/luna/beach.png/1.jpg", "versions/none", "versions/.nomedia"]
    {
        lab.fails(3, &["versions", path]);
    }
    assert!(lab.fails(2, &["show", "versions/luna"]).contains("folder"));
    let id = told["id"].clone();
    lab.remove(BEACH);
    lab.fails(3, &["show", "versions/luna/beach.png"]);
    let day = lab.json(&["show", id.as_str().unwrap()])["trashed"].as_str().unwrap()[..10].to_owned();
    assert_eq!(lab.json(&["versions", &format!("trash/{day}/beach.png")])["id"], id);
    lab.fails(3, &["versions", &format!("trash/{day}/city.png")]);
    lab.fails(3, &["versions", "trash/2020-01-01/beach.png"]);
}

#[test]
fn a_difference_names_the_fields_that_differ_and_no_other() {
    let lab = edited();
    let diff = lab.json(&["diff", BEACH]);
    assert_eq!((&diff["from"], &diff["to"], &diff["same_bytes"]), (&json!(1), &json!(2), &json!(false)));
    assert_eq!(field(&diff, "seed"), Some((json!(1), json!(99))));
    assert_eq!(field(&diff, "width"), Some((json!(24), json!(48))));
    assert_eq!(field(&diff, "negative"), Some((json!("blurry"), Value::Null)), "what the file says no more");
    for same in ["prompt", "model", "sampler", "height", "format", "by", "keywords"] {
        assert_eq!(field(&diff, same), None, "{same}");
    }
    assert_eq!(lab.json(&["diff", BEACH, "1"]), diff);
    assert_eq!(lab.json(&["diff", "versions/luna/beach.png/1.png"]), diff, "a version's path and the current one");
    let back = lab.json(&["diff", BEACH, "2", "1"]);
    assert_eq!(field(&back, "seed"), Some((json!(99), json!(1))));
    assert_eq!(lab.json(&["diff", BEACH, "2", "2"])["fields"], json!([]));
    let words = lab.ok(&["diff", BEACH]);
    let said = |line: &str| words.lines().any(|l| l == line);
    assert!(words.starts_with("--- version 1\n+++ version 2\n"), "{words}");
    assert!(said("-seed         1") && said("+seed         99") && said("-negative     blurry"), "{words}");
    assert!(!words.contains("+negative"), "{words}");
}

#[test]
fn what_a_program_stripped_is_inherited_until_one_says_it_again() {
    let lab = Lab::with_two();
    let generation = || lab.json(&["show", BEACH])["generation"].clone();
    let told = |made: &Value| (made["inherited"].clone(), made["version"].clone(), made["seed"].clone());
    assert_eq!(told(&generation()), (json!(false), json!(1), json!(1)));
    for _ in 0..2 {
        lab.overwrite(
            BEACH,
            &png(48, 32, lab.json(&["versions", BEACH])["versions"].as_array().unwrap().len() as u8, None),
        );
        assert_eq!(told(&generation()), (json!(true), json!(1), json!(1)), "no version but the first has said it");
    }
    assert_eq!(lab.json(&["versions", BEACH])["inherited"], 1);
    assert_eq!(lab.json(&["diff", BEACH, "1", "3"])["inherited"], 1);
    assert_eq!(lab.json(&["diff", BEACH, "1", "2"])["inherited"], Value::Null, "it is the record that inherits");
    assert!(lab.ok(&["show", BEACH]).contains("(inherited: version 1 said so last)"));
    assert_eq!(lab.json(&["find", "seed=1"])["assets"].as_array().unwrap().len(), 1);

    lab.overwrite(
        BEACH,
        &png(48, 32, 9, Some("a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 99, Size: 48x32")),
    );
    assert_eq!(told(&generation()), (json!(false), json!(4), json!(99)));
    assert_eq!(lab.json(&["versions", BEACH])["inherited"], Value::Null);
    assert!(!lab.ok(&["show", BEACH]).contains("inherited"));
}

#[test]
fn a_version_that_is_not_there_is_not_found() {
    let lab = edited();
    assert!(lab.fails(3, &["diff", BEACH, "1", "7"]).contains("dam versions"));
    lab.fails(2, &["diff", BEACH, "one"]);
    assert!(lab.fails(1, &["diff", "library/luna/city.png"]).contains("no two versions"));
    lab.fails(3, &["diff", "library/luna/none.png"]);
}
