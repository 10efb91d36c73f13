//! `dam why`, and what a role refuses.

use crate::lab::Lab;

const BEACH: &str = "library/luna/beach.png";

/// Makes the caller what he is told; another is admin.
fn become_role(lab: &Lab, role: &str, scope: &str) {
    let me = lab.json(&["member", "list"])["members"][0]["name"].as_str().unwrap().to_owned();
    lab.ok(&["member", "add", "boss", "--uid", "4242", "--role", "admin"]);
    lab.ok(&["member", "set", &me, "--role", role, "--scope", scope]);
}

#[test]
fn every_verb_has_its_reason() {
    let lab = Lab::with_two();
    lab.ok(&["member", "add", "anna", "--role", "client-reviewer", "--scope", "client=acme"]);
    let mine = lab.json(&["why", BEACH]);
    let verbs = mine["verbs"].as_array().unwrap();
    assert_eq!(verbs.len(), 10);
    assert!(verbs.iter().all(|v| v["allowed"] == true), "{mine}");
    let hers = lab.json(&["why", BEACH, "--as", "anna"]);
    assert_eq!(hers["member"], "anna");
    for verb in hers["verbs"].as_array().unwrap() {
        assert_eq!(verb["allowed"], false, "{verb}");
        assert!(!verb["reason"].as_str().unwrap().is_empty());
    }
    assert!(lab.fails(3, &["why", BEACH, "--as", "anan"]).contains("`anna`"));
    lab.fails(3, &["why", "library/none.png"]);
}

#[test]
fn what_may_not_be_listed_is_not_there() {
    let lab = Lab::with_two();
    become_role(&lab, "content-creator", "client=acme");
    assert_eq!(lab.ok(&["find", "kind=image"]), "");
    lab.fails(3, &["show", BEACH]);
    lab.fails(3, &["set", BEACH, "rating=safe"]);
    lab.fails(3, &["why", BEACH]);
}

#[test]
fn what_may_be_listed_but_not_done_is_refused_with_its_reason() {
    let lab = Lab::with_two();
    become_role(&lab, "backup", "");
    assert_eq!(lab.ok(&["find", "kind=image"]).lines().count(), 2);
    let said = lab.fails(4, &["set", BEACH, "rating=safe"]);
    assert!(said.contains("backup"), "{said}");
    assert!(lab.fails(4, &["set", BEACH, "status.instagram=approved"]).contains("dam why"));
    assert!(!lab.fails(4, &["fsck"]).contains("dam why"), "an admin's right is no matter of a path");
    lab.fails(4, &["why", BEACH, "--as", "boss"]);
    let image = lab.image("new.png", 77);
    lab.fails(4, &["import", image.to_str().unwrap()]);
    assert!(lab.json(&["show", BEACH])["rating"].is_null());
}

#[test]
fn nobody_moves_an_asset_out_of_his_scope() {
    let lab = Lab::with_two();
    lab.ok(&["set", BEACH, "client=acme"]);
    become_role(&lab, "content-creator", "client=acme");
    lab.ok(&["set", BEACH, "rating=safe"]);
    let said = lab.fails(4, &["set", BEACH, "client=other"]);
    assert!(said.contains("out of reach"), "{said}");
    lab.fails(4, &["set", BEACH, "owner=boss"]);
}

#[test]
fn a_stranger_is_refused() {
    let lab = Lab::with_two();
    let me = lab.json(&["member", "list"])["members"][0]["name"].as_str().unwrap().to_owned();
    lab.ok(&["member", "add", "boss", "--uid", "4242", "--role", "admin"]);
    lab.ok(&["member", "set", &me, "--active", "false"]);
    let said = lab.fails(4, &["find", "kind=image"]);
    assert!(said.contains("dam member"), "{said}");
}
