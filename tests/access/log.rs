//! Who is told what is on record, and whether it is whole.

use damfs::ops::log::Ask;
use damfs::ops::proto::{Command, FailureKind};
use serde_json::{Value, json};

use crate::world::*;

const ACME: &str = "library/acme/a.png";
const SECRET: &str = "library/globex/secret.png";

fn ask() -> Ask {
    Ask { limit: 1_000, ..Ask::default() }
}

fn rows(world: &World, uid: u32, ask: Ask) -> Vec<Value> {
    world.serve(uid, Command::Log(ask)).unwrap()["rows"].as_array().unwrap().clone()
}

/// `who what on`.
fn told(world: &World, uid: u32, ask: Ask) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |row: &Value| format!("{} {} {}", word(&row["who"]), word(&row["what"]), word(&row["path"]));
    rows(world, uid, ask).iter().map(line).collect()
}

/// Two clients' files, a keeper who is an admin and knows of acme alone, and an editor of acme.
fn stage() -> World {
    let (world, admin) = World::studio();
    drop(admin);
    let world = world.with_roles("[role.keeper.allow]\nlist = \"client=acme\"\nadmin = \"*\"\n");
    world.member("kim", 1001, "keeper", None);
    let eddy = world.member("eddy", 1002, "editor", Some("client=acme"));
    eddy.mkdir("library/acme/new").unwrap();
    world
        .serve(
            1002,
            Command::Tag { what: vec![ACME.into()].into(), tag: "beach".into(), remove: false, dry_run: false },
        )
        .unwrap();
    assert_eq!(world.kind(1002, Command::Thin { targets: Vec::new(), dry_run: false }), FailureKind::Refused);
    world.clock.advance_ms(7_200_000);
    world.set(SECRET, &["model=hidden-model"]);
    world
}

#[test]
fn everybody_is_told_what_he_did_and_an_admin_what_others_did() {
    let world = stage();
    let own = told(&world, 1002, ask());
    assert_eq!(own, ["eddy deny.admin -", "eddy asset.set library/acme/a.png", "eddy folder.create -"]);
    let all = told(&world, 0, ask());
    assert_eq!(all[0], "root asset.set library/globex/secret.png");
    assert!(own.iter().all(|row| all.contains(row)) && all.iter().any(|row| row.starts_with("root member.add")));
    assert_eq!(told(&world, 0, Ask { member: Some("eddy".into()), ..ask() }), own);
    assert_eq!(told(&world, 1002, Ask { member: Some("eddy".into()), ..ask() }), own);
    assert_eq!(world.kind(1002, Command::Log(Ask { member: Some("root".into()), ..ask() })), FailureKind::Refused);
    assert_eq!(told(&world, 1002, Ask { target: Some(ACME.into()), ..ask() }), own[1..2]);
    assert_eq!(told(&world, 0, Ask { denied: true, member: Some("eddy".into()), ..ask() })[1..], own[..1]);
}

#[test]
fn nobody_is_told_of_what_he_may_not_list() {
    let world = stage();
    let secret = world.show(SECRET)["id"].as_str().unwrap().to_owned();
    for uid in [1001, 1002] {
        for target in [SECRET, &secret, "library/globex/none.png"] {
            let ask = Ask { target: Some(target.into()), ..ask() };
            assert_eq!(world.kind(uid, Command::Log(ask)), FailureKind::NotFound, "{uid} {target}");
        }
        let all = json!(rows(&world, uid, ask())).to_string();
        assert!(!all.contains("globex") && !all.contains(&secret) && !all.contains("hidden-model"), "{uid} {all}");
    }
    let kim = told(&world, 1001, ask());
    assert!(kim.contains(&"eddy asset.set library/acme/a.png".into()), "{kim:?}");
    assert!(!kim.iter().any(|row| row.contains("folder.create")), "a folder may be anybody's: {kim:?}");
    // What he did is his no more when he may not know of the thing.
    world.set(ACME, &["client=other"]);
    assert_eq!(told(&world, 1002, ask()), ["eddy deny.admin -", "eddy folder.create -"]);
}

#[test]
fn rows_come_by_time_and_page_by_page() {
    let world = stage();
    let since = |text: &str| told(&world, 0, Ask { since: Some(text.into()), ..ask() });
    assert_eq!(since("1h"), ["root asset.set library/globex/secret.png"]);
    let all = told(&world, 0, ask());
    assert_eq!((since("1d"), since("2026-01-01"), since("2027-01-01").len()), (all.clone(), all.clone(), 0));
    assert_eq!(world.kind(0, Command::Log(Ask { since: Some("soon".into()), ..ask() })), FailureKind::Usage);
    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let page = world.serve(0, Command::Log(Ask { before, limit: 2, ..ask() })).unwrap();
        paged.extend(page["rows"].as_array().unwrap().iter().map(|row| row["n"].as_u64().unwrap()));
        before = page["next"].as_u64();
        if before.is_none() {
            break;
        }
    }
    let numbers: Vec<u64> = rows(&world, 0, ask()).iter().map(|row| row["n"].as_u64().unwrap()).collect();
    assert_eq!(paged, numbers);
    assert!(numbers.windows(2).all(|pair| pair[0] == pair[1] + 1), "{numbers:?}");
}

fn faults(world: &World, heads: &[String]) -> Vec<String> {
    let told = world.serve(0, Command::LogVerify { heads: heads.to_vec() }).unwrap();
    told["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned()).collect()
}

fn heads(world: &World) -> Vec<String> {
    let told = world.serve(0, Command::LogHead).unwrap();
    told["heads"].as_array().unwrap().iter().map(|head| head.as_str().unwrap().to_owned()).collect()
}

fn edited(sql: &str, heads: &[String], world: World) -> (World, Vec<String>) {
    let world = world.tampered(sql);
    let faults = faults(&world, heads);
    (world, faults)
}

#[test]
fn a_log_that_was_changed_or_cut_off_is_found_out() {
    let world = stage();
    assert_eq!(world.kind(1002, Command::LogVerify { heads: Vec::new() }), FailureKind::Refused);
    assert_eq!(world.kind(1002, Command::LogHead), FailureKind::Refused);
    let before = heads(&world);
    assert_eq!(faults(&world, &before), [""; 0]);
    world.set(ACME, &["model=more"]);
    let after = heads(&world);
    assert_eq!(faults(&world, &[before.clone(), after.clone()].concat()), [""; 0]);
    let mut forged = before[0].clone();
    forged.replace_range(forged.len() - 1.., if forged.ends_with('0') { "1" } else { "0" });
    assert!(faults(&world, &[forged])[0].contains("has not told it"));
    assert_eq!(world.kind(0, Command::LogVerify { heads: vec!["nonsense".into()] }), FailureKind::Usage);

    let rows = rows(&world, 0, ask());
    let last = rows[0]["n"].as_u64().unwrap();
    let cut = format!("DELETE FROM audit WHERE chain = 'ops' AND seq = {last}");
    let (world, found) = edited(&cut, &after, world);
    assert!(found.len() == 1 && found[0].contains("its end was cut off"), "{found:?}");
    assert_eq!(faults(&world, &before), [""; 0], "what was told before is there still");
    assert_eq!(faults(&world, &[]), [""; 0], "by itself it is whole");
    // The next row takes the number of the one that was cut off.
    world.set(ACME, &["model=other"]);
    let found = faults(&world, &after);
    assert!(found.len() == 1 && found[0].contains("is not what it was"), "{found:?}");
}

#[test]
fn a_row_that_was_changed_or_taken_out_breaks_the_chain() {
    for (sql, said) in [
        ("UPDATE audit SET actor = 'eddy' WHERE chain = 'ops' AND seq = 3", "row 3 was altered"),
        ("DELETE FROM audit WHERE chain = 'ops' AND seq = 3", "row 3 is missing, row 4 comes instead"),
    ] {
        let world = stage();
        let told = heads(&world);
        let (_world, found) = edited(sql, &told, world);
        assert!(found.len() == 1 && found[0].contains(said), "{found:?}");
    }
}
