//! Who opened what to read it is on record, once, by everything that has bytes of an asset.

use damfs::ops::log::Ask;
use damfs::ops::proto::Command;
use serde_json::Value;

use crate::world::*;

const ACME: &str = "library/acme/a.png";
const SECRET: &str = "library/globex/secret.png";

fn reads(world: &World, uid: u32, ask: Ask) -> Vec<Value> {
    world.library.tick();
    world.library.tick_short();
    let rows = world.serve(uid, Command::Log(Ask { reads: true, limit: 1_000, ..ask })).unwrap();
    let mut rows = rows["rows"].as_array().unwrap().clone();
    rows.reverse();
    rows
}

/// `who what path detail`, the oldest first.
fn told(world: &World, uid: u32) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line =
        |row: &Value| format!("{} {} {} {}", word(&row["who"]), word(&row["what"]), word(&row["path"]), row["detail"]);
    reads(world, uid, Ask::default()).iter().map(line).collect()
}

#[test]
fn each_opening_of_an_assets_bytes_is_on_record() {
    let (world, admin) = World::studio();
    let before = told(&world, 0).len();
    assert_eq!(before, 0, "writing is no reading");
    admin.read(ACME).unwrap();
    world.library.tick();
    world.library.tick_short();
    admin.read("by/client/acme/a.png").unwrap();
    admin.read("by/client/acme/a.png").unwrap();
    world.library.tick();
    world.library.tick_short();
    admin.read("versions/acme/a.png/1.png").unwrap();
    assert_eq!(
        told(&world, 0),
        [
            format!("root read.file {ACME} {{\"version\":1}}"),
            format!("root read.file {ACME} {{\"version\":1,\"times\":2}}"),
            format!("root read.version {ACME} {{\"version\":1}}"),
        ]
    );
    // What tells nothing of bytes is no reading of them.
    admin.attr(ACME).unwrap();
    admin.names("library/acme");
    admin.read("records/acme/a.png.json").unwrap();
    admin.overwrite(ACME, b"next").unwrap();
    world.settle();
    assert_eq!(told(&world, 0).len(), 3);
    admin.read(ACME).unwrap();
    assert_eq!(told(&world, 0)[3], format!("root read.file {ACME} {{\"version\":2}}"));
    let verified = world.serve(0, Command::LogVerify { heads: Vec::new() }).unwrap();
    assert_eq!(verified["faults"], serde_json::json!([]));
    assert!(verified["chains"].as_array().unwrap().iter().any(|chain| chain["chain"] == "reads" && chain["rows"] == 4));
}

#[test]
fn everybody_is_told_of_his_own_readings_and_of_nothing_hidden() {
    let (world, admin) = World::studio();
    let ann = world.member("ann", 1001, "editor", Some("client=acme"));
    admin.read(ACME).unwrap();
    admin.read(SECRET).unwrap();
    ann.read(ACME).unwrap();
    assert!(ann.read(SECRET).is_err());
    assert_eq!(told(&world, 1001), [format!("ann read.file {ACME} {{\"version\":1}}")]);
    assert_eq!(told(&world, 0).len(), 3);
    assert_eq!(reads(&world, 0, Ask { member: Some("ann".into()), ..Ask::default() }).len(), 1);
    assert_eq!(reads(&world, 0, Ask { target: Some(SECRET.into()), ..Ask::default() }).len(), 1);
    world.change_member("ann", Some("client=globex"), None);
    assert!(told(&world, 1001).is_empty(), "of what he may not list any more he is told nothing");
}

#[test]
fn readings_are_written_at_the_end_and_not_at_all_when_the_library_says_so() {
    let (world, admin) = World::studio();
    admin.read(ACME).unwrap();
    drop(admin);
    world.library.close();
    let world = world.reopen();
    assert_eq!(told(&world, 0).len(), 1);

    let path = world.library.root().join("damfs.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("audit_reads = false\n{text}")).unwrap();
    let world = world.reopen();
    let admin = world.admin();
    admin.read(ACME).unwrap();
    assert_eq!(told(&world, 0).len(), 1);
}
