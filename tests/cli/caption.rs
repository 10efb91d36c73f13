//! `dam caption`

use damfs::policy::Captions;

use crate::lab::{Lab, text};

#[test]
fn a_library_is_made_with_captions_that_an_editor_changes() {
    let lab = Lab::new();
    assert_eq!(std::fs::read_to_string(lab.library().join("captions.toml")).unwrap(), Captions::TEMPLATE);
    assert_eq!(lab.ok(&["caption", "check"]), "sections: 4\n");
    assert!(lab.ok(&["caption"]).contains("every platform"));
    let edit = |draft: &str| {
        let draft = lab.file("draft.toml", draft.as_bytes());
        let mut command = lab.command(&["caption", "edit"]);
        let output = command.env("VISUAL", format!("cp '{}'", draft.display())).output().unwrap();
        (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
    };
    let mine = Captions::TEMPLATE.replace("Made with AI.", "Dreamt by a machine.");
    let (code, said) = edit(&mine);
    assert!(code == 0 && said.contains("4 sections"), "{said}");
    assert_eq!(lab.json(&["caption", "list"])["sections"][0]["disclosure"], "Dreamt by a machine.");
    let wrong = mine.replace("[onlyfans]", "[onlyfan]");
    let (code, said) = edit(&wrong);
    assert!(code == 2 && said.contains("unknown platform `onlyfan`; did you mean `onlyfans`?"), "{said}");
    let draft = lab.file("wrong.toml", wrong.as_bytes());
    let told = lab.fails(1, &["caption", "check", draft.to_str().unwrap()]);
    assert!(told.contains("captions.toml line ") && told.contains("`onlyfan`"), "{told}");
}
