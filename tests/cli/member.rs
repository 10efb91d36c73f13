//! `dam member`

use crate::lab::Lab;

#[test]
fn members_are_added_changed_and_listed() {
    let lab = Lab::new();
    lab.ok(&["member", "add", "anna", "--uid", "4242", "--role", "client-reviewer", "--scope", "client=acme"]);
    lab.ok(&["member", "set", "anna", "--role", "editor", "--scope", ""]);
    let members = lab.json(&["member", "list"]);
    let anna = members["members"].as_array().unwrap().iter().find(|m| m["name"] == "anna").unwrap().clone();
    assert_eq!((anna["role"].as_str(), anna["scope"].as_str()), (Some("editor"), None));
    assert_eq!(anna["uid"], 4242);
}

#[test]
fn what_cannot_be_is_usage() {
    let lab = Lab::new();
    assert!(lab.fails(2, &["member", "add", "a b", "--role", "editor"]).contains("name"));
    assert!(lab.fails(2, &["member", "add", "anna", "--role", "editr"]).contains("`editor`"));
    assert!(lab.fails(2, &["member", "add", "anna", "--role", "editor", "--scope", "cleint=acme"]).contains("client"));
    lab.ok(&["member", "add", "anna", "--uid", "4242", "--role", "editor"]);
    assert!(lab.fails(2, &["member", "add", "anna", "--role", "editor"]).contains("already"));
    assert!(lab.fails(2, &["member", "add", "ben", "--uid", "4242", "--role", "editor"]).contains("anna"));
    assert!(lab.fails(3, &["member", "set", "anan", "--role", "editor"]).contains("`anna`"));
    assert!(lab.fails(2, &["member", "set", "anna"]).contains("nothing to change"));
}

#[test]
fn a_user_id_is_taken_away_and_given_to_another() {
    let lab = Lab::new();
    lab.ok(&["member", "add", "anna", "--uid", "1001", "--role", "editor"]);
    assert!(lab.fails(2, &["member", "add", "zoe", "--uid", "1001", "--role", "editor"]).contains("--uid none"));
    assert!(lab.fails(2, &["member", "set", "anna", "--uid", "nobody"]).contains("`none` takes it away"));
    assert!(lab.json(&["member", "set", "anna", "--uid", "none"])["uid"].is_null());
    lab.ok(&["member", "add", "zoe", "--uid", "1001", "--role", "editor"]);
    let listed = lab.json(&["member", "list"]);
    let own = listed["members"].as_array().unwrap().iter().find(|row| row["role"] == "admin").unwrap();
    let me = own["name"].as_str().unwrap();
    assert!(lab.fails(2, &["member", "set", me, "--uid", "none"]).contains("nobody"));
}

#[test]
fn groups_are_granted_changed_listed_and_taken_away() {
    let lab = Lab::new();
    let told = lab.ok(&["member", "add", "--group", "no such group", "--role", "editor", "--scope", "client=acme"]);
    assert!(told.contains("@no such group"), "{told}");
    lab.ok(&["member", "set", "--group", "no such group", "--role", "backup", "--ends", "2099-12-31"]);
    let listed = lab.json(&["member", "list"]);
    let group = &listed["groups"][0];
    assert_eq!(
        (&group["group"], &group["role"], &group["scope"]),
        (&"no such group".into(), &"backup".into(), &"client=acme".into())
    );
    assert!(lab.ok(&["member", "list"]).contains("@no such group"));
    assert!(lab.fails(2, &["member", "add", "--group", "g", "--role", "admin"]).contains("by name"));
    assert!(lab.fails(2, &["member", "set", "--group", "no such group"]).contains("nothing to change"));
    lab.fails(2, &["member", "add", "anna", "--group", "g", "--role", "editor"]);
    lab.fails(2, &["member", "add", "--role", "editor"]);
    lab.fails(2, &["member", "set", "--group", "no such group", "--active", "false"]);
    lab.fails(2, &["member", "remove"]);
    lab.ok(&["member", "remove", "--group", "no such group"]);
    assert!(lab.json(&["member", "list"]).get("groups").is_none());
    lab.fails(3, &["member", "remove", "--group", "no such group"]);
}

#[test]
fn the_last_admin_stays() {
    let lab = Lab::new();
    let me = lab.json(&["member", "list"])["members"][0]["name"].as_str().unwrap().to_owned();
    let said = lab.fails(1, &["member", "set", &me, "--active", "false"]);
    assert!(said.contains("last active admin"), "{said}");
    lab.fails(1, &["member", "set", &me, "--role", "editor"]);
    lab.fails(1, &["member", "set", &me, "--scope", "client=acme"]);
    lab.ok(&["member", "add", "boss", "--uid", "4242", "--role", "admin"]);
    lab.ok(&["member", "set", &me, "--role", "editor"]);
    // From now on he is no admin.
    let said = lab.fails(4, &["member", "add", "x", "--role", "admin"]);
    assert!(said.contains("only an admin"), "{said}");
    assert_eq!(lab.json(&["member", "list"])["members"].as_array().unwrap().len(), 1);
}
