//! The board on a real mount: `mv` is the decision, of whoever's program it is.

use std::fs;

use crate::harness::*;
use crate::users::*;

#[test]
fn a_decision_is_a_move_for_real_programs() {
    let mut s = Studio::new();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("other.png"), png(64, 64, 1)).unwrap();
    s.import(&from, &["--into", "acme", "--set", "client=acme"]);
    s.dam(["member", "add", "eddy", "--uid", &EDDY.to_string(), "--role", "content-creator"]);
    let shared = s.mount("shared", &["--shared"]);
    let eddy = |line: &str| code_as(EDDY, &format!("cd {}; {line}", shared.display()));
    let root = |line: &str| try_sh(&format!("cd {}; {line}", shared.display()));
    let picture = s.path("own.png");
    fs::write(&picture, png(64, 96, 2)).unwrap();
    set_mode(&picture, 0o644);
    assert_eq!(eddy(&format!("cp {} library/acme/", picture.display())).0, 0);
    s.settle();
    let number = || eddy("stat -c %i library/acme/own.png").1;
    let (listed, before) = (eddy("ls review review/draft").1, number());
    assert_eq!(
        listed,
        "review:\napproved\nclient-approval\ndraft\ninternal-review\nmine\noverdue\npublished\nrejected\n\nreview/draft:\nother.png\nown.png\n"
    );
    assert_eq!(eddy("mv review/draft/own.png review/internal-review/").0, 0);
    assert_eq!(
        eddy("ls review/draft review/internal-review").1,
        "review/draft:\nother.png\n\nreview/internal-review:\nown.png\n"
    );
    let (code, said) = eddy("mv review/internal-review/own.png review/approved/");
    assert!(code != 0 && said.contains("Permission denied"), "{said}");
    let (done, said) = root("mv review/internal-review/own.png review/rejected/");
    assert!(!done && said.contains("Operation not permitted"), "{said}");
    assert!(root("cat .dam/errors").1.contains("who rejects something says why"), "{}", root("cat .dam/errors").1);
    s.dam(["review", "comment", "library/acme/own.png", "-m", "six fingers"]);
    assert!(root("mv review/internal-review/own.png review/rejected/").0);
    assert_eq!(s.show("library/acme/own.png")["remark"][1]["about"], "stage=rejected");
    assert_eq!(eddy("ls review/rejected").1, "own.png\n");
    assert_eq!(eddy("mv review/rejected/own.png review/internal-review/").0, 0);
    assert!(root("mv review/internal-review/own.png review/approved/").0);
    assert_eq!((eddy("ls review/approved").1, number()), ("own.png\n".into(), before), "the same file all the time");
    let (code, said) = eddy("cp library/acme/own.png review/approved/other.png");
    assert!(code != 0 && said.contains("Operation not permitted"), "{said}");
}
