//! `dam audit access` says what a try of each verb on each asset comes to.

use damfs::ops::proto::{Command, FailureKind};
use serde_json::{Value, json};

use crate::world::{World, assign};

const RITA: u32 = 1001;
const GLOBEX: u32 = 1002;

/// Several members, several assets, one of them rated adult.
fn stage() -> World {
    let (world, admin) = World::studio();
    admin.write("library/acme/wild.png", b"wild").unwrap();
    world.settle();
    world.set("library/acme/wild.png", &["client=acme", "rating=adult"]);
    world.set("library/acme/a.png", &["stage=client-approval", "rating=safe"]);
    world.member("rita", RITA, "client-reviewer", None);
    world.member("gus", GLOBEX, "content-creator", Some("client=globex"));
    world
}

fn ask(world: &World, target: Option<&str>, member: Option<&str>) -> Vec<Value> {
    let command = Command::AuditAccess { target: target.map(str::to_owned), member: member.map(str::to_owned) };
    world.serve(0, command).unwrap()["rows"].as_array().unwrap().clone()
}

/// What `dam why` says of each asset, counted.
fn tried(world: &World, member: &str, verb: &str) -> u64 {
    let assets = ["library/acme/a.png", "library/acme/wild.png", "library/globex/secret.png"];
    let may = |asset: &&str| {
        let told = world.serve(0, Command::Why { target: (*asset).into(), as_member: Some(member.into()) }).unwrap();
        told["verbs"].as_array().unwrap().iter().any(|row| row["verb"] == verb && row["allowed"] == json!(true))
    };
    u64::try_from(assets.iter().filter(|asset| may(asset)).count()).unwrap()
}

#[test]
fn what_the_table_says_is_what_trying_each_verb_comes_to() {
    let world = stage();
    let rows = ask(&world, None, None);
    assert_eq!(rows.len(), 3 * 10, "three members, ten verbs");
    let (mut some, mut none) = (0, 0);
    for row in rows.iter().filter(|row| row["verb"] != "admin") {
        let (member, verb) = (row["member"].as_str().unwrap(), row["verb"].as_str().unwrap());
        let assets = row["assets"].as_u64().unwrap();
        assert_eq!(assets, tried(&world, member, verb), "{row}");
        assert_eq!(assets == 0, row["because"].is_null(), "{row}");
        if assets == 0 {
            none += 1
        } else {
            some += 1
        }
        for asset in ["library/acme/a.png", "library/globex/secret.png"] {
            let of_one = ask(&world, Some(asset), Some(member));
            let told = of_one.iter().find(|one| one["verb"] == verb).unwrap();
            let why = world.serve(0, Command::Why { target: asset.into(), as_member: Some(member.into()) }).unwrap();
            let why = why["verbs"].as_array().unwrap().iter().find(|one| one["verb"] == verb).unwrap().clone();
            assert_eq!((&told["allowed"], &told["because"]), (&why["allowed"], &why["reason"]), "{member} {verb}");
        }
    }
    assert!(some > 10 && none > 5, "{some} {none}");
    let admins = rows.iter().filter(|row| row["verb"] == "admin" && row["allowed"] == json!(true));
    assert_eq!(admins.map(|row| row["member"].clone()).collect::<Vec<_>>(), [json!("root")]);
}

#[test]
fn it_says_when_a_verb_was_used_last() {
    let world = stage();
    let used = |member: &str, verb: &str| {
        let rows = ask(&world, None, Some(member));
        rows.iter().find(|row| row["verb"] == verb).unwrap()["used"].clone()
    };
    assert_eq!(used("gus", "tag"), Value::Null);
    let what = vec!["library/globex/secret.png".to_owned()];
    let command = Command::Set { what: what.into(), set: assign(&["tag=blue"]), dry_run: false, why: None };
    world.serve(GLOBEX, command).unwrap();
    assert!(used("gus", "tag").as_str().unwrap().starts_with("2026-"));
    assert_eq!(used("gus", "review"), Value::Null);
    let told: Vec<bool> = ask(&world, None, Some("gus")).iter().map(|row| row["on_record"] == json!(true)).collect();
    let untold = [false, true, true, true, true, true, true, true, false, true];
    assert_eq!(told, untold, "nothing tells who listed or published");
    let seat = world.seat(GLOBEX);
    seat.open("library/globex/secret.png", true, false).unwrap();
    world.library.write_reads().unwrap();
    assert!(used("gus", "download").is_string());
    assert!(used("root", "review").is_string(), "the stage was set");
}

#[test]
fn it_is_for_admins_alone() {
    let world = stage();
    let command = Command::AuditAccess { target: None, member: None };
    assert_eq!(world.kind(RITA, command), FailureKind::Refused);
    let command = Command::AuditAccess { target: None, member: Some("rota".into()) };
    assert_eq!(world.kind(0, command), FailureKind::NotFound);
}
