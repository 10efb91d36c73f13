//! `dam review`, `dam takedown`, `dam workflow`, `dam guideline`

use std::fs;

use damfs::policy::Workflow;
use serde_json::json;

use crate::lab::{Lab, text};

const BEACH: &str = "library/luna/beach.png";

#[test]
fn the_board_is_worked_from_the_command_line() {
    let lab = Lab::with_two();
    assert_eq!(lab.ok(&["review", "submit", BEACH]), "changed 1, as it was 0\n");
    let list = lab.json(&["review"]);
    assert_eq!((&list["count"], &list["assets"][0]["stage"]), (&json!(1), &json!("internal-review")));
    assert!(lab.ok(&["review", "list", "internal-review"]).contains(BEACH));
    assert!(lab.fails(2, &["review", "list", "internal"]).contains("internal-review"));
    assert!(lab.fails(2, &["review", "reject", BEACH]).contains("-m TEXT"));
    assert!(lab.fails(2, &["review", "comment", BEACH]).contains("-m TEXT"));
    let said = lab.fails(4, &["set", BEACH, "status.x=rejected"]);
    assert!(said.contains("who rejects something says why") && said.contains("dam review reject"), "{said}");
    lab.ok(&["review", "comment", BEACH, "-m", "six fingers"]);
    let members = lab.json(&["member", "list"]);
    let admin = members["members"][0]["name"].as_str().unwrap();
    lab.ok(&["review", "assign", BEACH, "--to", admin, "--due", "2026-12-01"]);
    assert_eq!(lab.json(&["review", "list", "--mine"])["assets"][0]["due"], "2026-12-01T00:00:00Z");
    lab.ok(&["review", "reject", BEACH, "-m", "not yet"]);
    lab.ok(&["review", "reject", BEACH, "--for", "x", "-m", "wrong crop"]);
    let shown = lab.ok(&["show", BEACH]);
    assert!(shown.contains("wrong crop") && shown.contains("six fingers"), "{shown}");
    lab.ok(&["review", "move", "draft", BEACH]);
    lab.ok(&["review", "approve", "--for", "x", "--for", "instagram", BEACH, "-m", "as agreed"]);
    let record = lab.json(&["show", BEACH]);
    assert_eq!(record["status"]["instagram"]["reason"], "as agreed");
    assert!(lab.fails(2, &["takedown", BEACH]).contains("-m TEXT"));
    assert_eq!(lab.ok(&["takedown", BEACH, "-m", "a claim"]), "changed 1, as it was 0\n");
    assert_eq!(lab.json(&["show", BEACH])["status"]["x"]["value"], "rejected");
    assert_eq!(lab.ok(&["review", "list", "--overdue"]).matches(BEACH).count(), 0);
}

#[test]
fn the_board_and_guidelines_are_texts_that_an_editor_changes() {
    let lab = Lab::with_two();
    assert_eq!(lab.ok(&["workflow"]), Workflow::TEMPLATE);
    let edit = |args: &[&str], saved: &str| {
        let draft = lab.file("draft", saved.as_bytes());
        let mut command = lab.command(args);
        let output = command.env("VISUAL", format!("cp '{}'", draft.display())).output().unwrap();
        (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
    };
    let mine = Workflow::TEMPLATE.replace("days = 2", "days = 9");
    let (code, said) = edit(&["workflow", "edit"], &mine);
    assert!(code == 0 && said.contains("the board is version 1"), "{said}");
    assert_eq!(lab.ok(&["workflow", "show"]), mine);
    let (code, said) = edit(&["workflow", "edit"], &mine.replace("needs = \"edit\"", "needs = \"edt\""));
    assert!(code == 1 && said.contains("workflow.toml line ") && said.contains("did you mean `edit`?"), "{said}");
    let wrong = lab.file("wrong.toml", b"[[move]]\n");
    assert!(lab.fails(1, &["workflow", "check", wrong.to_str().unwrap()]).contains("line 1"));

    let (code, said) = edit(&["guideline", "edit", "instagram"], "refuse: `likeness=synthetic` people must be real\n");
    assert!(code == 0 && said.contains("version 1; see dam guideline stale instagram"), "{said}");
    lab.ok(&["set", BEACH, "likeness=synthetic"]);
    let said = lab.fails(4, &["review", "approve", BEACH, "--for", "instagram"]);
    assert!(said.contains("line 1 of the guideline of instagram: `likeness=synthetic`, people must be real"), "{said}");
    let rules = lab.file("rules.md", b"all is well\n");
    lab.ok(&["guideline", "put", "instagram", rules.to_str().unwrap()]);
    assert_eq!(lab.ok(&["guideline", "show", "instagram"]), fs::read_to_string(&rules).unwrap());
    lab.ok(&["review", "approve", BEACH, "--for", "instagram"]);
    fs::write(&rules, "flag: `likeness=synthetic`\n").unwrap();
    lab.ok(&["guideline", "put", "instagram", rules.to_str().unwrap()]);
    assert_eq!(lab.ok(&["guideline", "stale", "instagram"]), format!("{BEACH}\napproved by another text: 1\n"));
    assert_eq!(lab.ok(&["guideline", "stale", "instagram", "--mark"]), format!("{BEACH}\nmarked stale: 1\n"));
    assert!(lab.fails(2, &["guideline", "show", "instagrm"]).contains("did you mean `instagram`?"));
    assert_eq!(lab.json(&["guideline"])["guidelines"][0]["version"], 3);
}

/// Regression: an editor's text was held to the platforms that ship, and one of the library's own was called a mistake.
#[test]
fn texts_may_speak_of_platforms_of_the_librarys_own() {
    let lab = Lab::with_two();
    let path = lab.library().join("platforms.csv");
    let table = fs::read_to_string(&path).unwrap();
    let cell = |column: &str| match column {
        "platform" => "mysite",
        "placement" => "post",
        "kind" => "image",
        "width" | "height" => "40",
        "fit" => "crop",
        "formats" => "jpeg",
        _ => "",
    };
    let row: Vec<&str> = table.lines().next().unwrap().split(',').map(|column| cell(column.trim())).collect();
    fs::write(&path, format!("{}\n{}\n", table.trim_end(), row.join(","))).unwrap();
    let edit = |args: &[&str], saved: &str| {
        let draft = lab.file("draft", saved.as_bytes());
        let mut command = lab.command(args);
        let output = command.env("VISUAL", format!("cp '{}'", draft.display())).output().unwrap();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    };
    edit(&["guideline", "edit", "mysite"], "refuse: `status.mysite=stale`\n");
    let members = lab.json(&["member", "list"]);
    let admin = members["members"][0]["name"].as_str().unwrap();
    let rule =
        format!("[[reviewer]]\nstage = \"internal-review\"\nwhen = \"status.mysite=stale\"\nmember = \"{admin}\"\n");
    edit(&["workflow", "edit"], &format!("{}\n{rule}", Workflow::TEMPLATE));
}
