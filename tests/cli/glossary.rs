//! `dam glossary`

use std::fs;
use std::path::Path;

use damfs::policy::Glossary;
use serde_json::json;

use crate::lab::{Lab, text};

const BEACH: &str = "library/luna/beach.png";
const WORDS: &str =
    "strict = [\"persona\"]\n[persona.luna]\n[tag.beach]\naliases = [\"seaside\"]\ndefinition = \"Sand.\"\n";

/// What an editor does that saves this text.
fn edit(lab: &Lab, words: &str) -> (i32, String) {
    let draft = lab.file("draft.toml", words.as_bytes());
    let mut command = lab.command(&["glossary", "edit"]);
    let output = command.env("VISUAL", format!("cp '{}'", draft.display())).output().unwrap();
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

fn words_of(library: &Path) -> String {
    fs::read_to_string(library.join("glossary.toml")).unwrap()
}

#[test]
fn a_library_is_made_with_a_glossary_that_an_editor_changes() {
    let lab = Lab::with_two();
    assert_eq!(words_of(&lab.library()), Glossary::TEMPLATE);
    assert_eq!(lab.ok(&["glossary", "check"]), "terms: 0\n");
    let (code, said) = edit(&lab, Glossary::TEMPLATE);
    assert!(code == 0 && said.contains("nothing was changed"), "{said}");
    let (code, said) = edit(&lab, WORDS);
    assert!(code == 0 && said.contains("2 terms"), "{said}");
    assert_eq!(words_of(&lab.library()), WORDS);
    lab.ok(&["tag", "add", "seaside", BEACH]);
    let told = lab.json(&["glossary"]);
    assert_eq!((&told["strict"], &told["terms"][1]["term"]), (&json!(["persona"]), &json!("beach")));
    let uses: Vec<u64> = told["terms"].as_array().unwrap().iter().map(|term| term["uses"].as_u64().unwrap()).collect();
    assert_eq!(uses, [2, 1]);
    assert!(lab.ok(&["glossary", "list"]).contains("seaside"));
    assert_eq!(lab.ok(&["find", "tag=seaside"]), format!("{BEACH}\n"));
    let refused = lab.fails(2, &["set", BEACH, "persona=lnua"]);
    assert!(refused.contains("did you mean `luna`?") && refused.contains("dam glossary edit"), "{refused}");
}

#[test]
fn a_mistake_is_put_in_by_no_editor_and_the_text_is_kept() {
    let lab = Lab::with_two();
    let wrong = "[tag.beach]\nalias = []\n";
    let (code, said) = edit(&lab, wrong);
    assert!(code == 1 && said.contains("line 2: unknown key of a term `alias`; did you mean `aliases`?"), "{said}");
    let (_, kept) = said.trim().rsplit_once(' ').unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap(), wrong);
    fs::remove_file(kept).unwrap();
    assert_eq!(words_of(&lab.library()), Glossary::TEMPLATE);
    let draft = lab.file("draft.toml", wrong.as_bytes());
    assert!(lab.fails(1, &["glossary", "check", draft.to_str().unwrap()]).contains("line 2"));
    // Written by hand it keeps the library closed, and says where to look.
    fs::write(lab.library().join("glossary.toml"), wrong).unwrap();
    let closed = lab.fails(1, &["find", "kind=image"]);
    assert!(closed.contains("line 2") && closed.contains("dam glossary check"), "{closed}");
    assert!(lab.fails(1, &["glossary", "check"]).contains("line 2"));
}

#[test]
fn an_audit_ends_with_1_while_there_is_something() {
    let lab = Lab::with_two();
    lab.ok(&["audit", "metadata"]);
    lab.ok(&["tag", "add", "seaside", BEACH]);
    edit(&lab, &format!("core = [\"rating\"]\n{WORDS}"));
    let found = lab.dam(&["audit", "metadata"]);
    assert_eq!(found.status.code(), Some(1));
    let said = text(&found.stdout);
    assert!(said.contains(&format!("{BEACH}: has no rating\n")), "{said}");
    assert!(said.contains(&format!("{BEACH}: tag=seaside is another name of beach\n")), "{said}");
    assert!(lab.fails(1, &["audit", "metadata", "--fix"]).contains("mended: 1; dam undo takes it back"));
    lab.ok(&["set", BEACH, "library/luna/city.png", "rating=safe"]);
    assert!(text(&lab.dam(&["audit", "metadata"]).stderr).contains("looked at: 2; nothing is wrong"));
    assert_eq!(lab.json(&["audit", "metadata", "tag=beach"])["assets"], json!(1));
    lab.fails(2, &["audit", "metadata", "tga=beach"]);
}
