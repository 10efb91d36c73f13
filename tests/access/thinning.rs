//! Who may thin versions, and which he is told of.

use damfs::ops::proto::{Command, FailureKind};
use serde_json::{Value, json};

use crate::world::*;

const ACME: &str = "library/acme/a.png";
const SECRET: &str = "library/globex/secret.png";
const DAY_MS: i64 = 24 * 3_600_000;

fn thin(targets: &[&str]) -> Command {
    Command::Thin { targets: targets.iter().map(|target| (*target).to_owned()).collect(), dry_run: false }
}

/// Four versions of each client's file, all but the first and the last of them to go; a keeper is an admin who knows of acme alone.
fn stage() -> World {
    let (world, admin) = World::studio();
    for more in 1..4 {
        for path in [ACME, SECRET] {
            admin.overwrite(path, &vec![7; 10 + more]).unwrap();
        }
        world.settle();
        world.clock.advance_ms(DAY_MS);
    }
    drop(admin);
    let world = world.with_roles("[role.keeper.allow]\nlist = \"client=acme\"\nadmin = \"*\"\n");
    std::fs::write(world.library.root().join("versions.toml"), "newest = 1\nall = \"none\"\n").unwrap();
    for (name, uid, role) in [("kim", 1001, "keeper"), ("eddy", 1002, "editor")] {
        world.member(name, uid, role, None);
    }
    world.clock.advance_ms(40 * DAY_MS);
    world
}

fn versions(world: &World, path: &str) -> Vec<u64> {
    let told = world.serve(0, Command::Versions { target: path.into() }).unwrap();
    told["versions"].as_array().unwrap().iter().map(|version| version["n"].as_u64().unwrap()).collect()
}

fn last_row(world: &World) -> (String, String, Value) {
    let row = world.library.catalog.read(|tx| tx.audit_head("ops")).unwrap().unwrap();
    (row.actor, row.action, serde_json::from_str(&row.detail).unwrap())
}

#[test]
fn only_an_admin_thins() {
    let world = stage();
    for targets in [&[][..], &[ACME]] {
        assert_eq!(world.kind(1002, thin(targets)), FailureKind::Refused);
    }
    assert_eq!(last_row(&world).1, "deny.admin");
    assert_eq!(versions(&world, ACME), [1, 2, 3, 4]);
}

#[test]
fn an_admin_thins_what_he_may_list_and_is_told_of_nothing_else() {
    let world = stage();
    let secret = world.show(SECRET)["id"].as_str().unwrap().to_owned();
    for target in [SECRET, &secret, "versions/globex/secret.png", "library/globex/none.png"] {
        assert_eq!(world.kind(1001, thin(&[ACME, target])), FailureKind::NotFound, "{target}");
    }
    assert_eq!(versions(&world, ACME), [1, 2, 3, 4], "nothing is thinned when a target is not there");
    let done = world.serve(1001, thin(&[])).unwrap();
    assert_eq!((done["assets"].as_array().unwrap().len(), &done["versions"]), (1, &json!(2)), "{done}");
    assert_eq!(
        (&done["size"], &done["assets"][0]["size"]),
        (&json!(0), &Value::Null),
        "nor how long bytes are that he may not have"
    );
    let expected = ("kim".to_owned(), "asset.thin".to_owned(), json!({ "versions": [2, 3], "size": 23 }));
    assert_eq!(last_row(&world), expected);
    assert_eq!((versions(&world, ACME), versions(&world, SECRET)), (vec![1, 4], vec![1, 2, 3, 4]));
}

#[test]
fn a_number_that_is_gone_is_told_to_who_may_list_the_asset() {
    let world = stage();
    world.serve(0, thin(&[ACME, SECRET])).unwrap();
    let said = |uid, target: &str| {
        let failure = world.serve(uid, Command::Versions { target: target.into() }).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotFound);
        failure.message
    };
    assert_eq!(said(1001, "versions/acme/a.png/2.png"), "version 2 of `versions/acme/a.png` was thinned out");
    for hidden in ["versions/globex/secret.png/2.png", "versions/globex/none.png/2.png"] {
        assert_eq!(said(1001, hidden), format!("no such asset: `{hidden}`"));
    }
}
