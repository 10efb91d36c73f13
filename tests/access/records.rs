//! Records as a tree of texts: each has those of what he may list, by his mount and by export alike.

use std::collections::BTreeMap;

use damfs::ops::folders;
use damfs::ops::proto::Command;
use serde_json::{Value, json};

use crate::world::*;

/// Everything below a directory, by path.
fn texts(seat: &Seat, path: &str, into: &mut BTreeMap<String, String>) {
    for name in seat.names(path) {
        let below = format!("{path}/{name}");
        if name.ends_with(".json") && seat.open(&below, true, false).is_ok() {
            into.insert(below.clone(), String::from_utf8(seat.read(&below).unwrap()).unwrap());
        } else if !name.starts_with(".no") && !name.starts_with(".tr") {
            texts(seat, &below, into);
        }
    }
}

/// What an export gives, as the files that it stands for.
fn exported(world: &World, uid: u32, expr: Option<&str>) -> BTreeMap<String, String> {
    let page = world.serve(uid, Command::Records { expr: expr.map(str::to_owned), after: None }).unwrap();
    let text = |value: &Value| format!("{value:#}\n");
    let mut files: BTreeMap<String, String> = page["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let names = row["file"].as_str().unwrap().split('/');
            let names: Vec<_> = names.map(|n| String::from_utf8(folders::unescape(n).unwrap()).unwrap()).collect();
            (format!("records/{}", names.join("/")), text(&row["record"]))
        })
        .collect();
    if !page["library"].is_null() {
        files.insert("records/.library.json".into(), text(&page["library"]));
    }
    files
}

#[test]
fn an_export_is_what_the_mount_shows_and_tells_nothing_of_the_rest() {
    let (world, admin) = World::studio();
    admin.mkdir("library/acme/50% off & more").unwrap();
    admin.write("library/acme/50% off & more/ü (1).png", b"umlaut").unwrap();
    admin.mkdir("by/tag/waiting").unwrap();
    world.settle();
    world.set("library/acme/50% off & more/ü (1).png", &["client=acme", "status.x=approved"]);
    world.serve(0, Command::FolderRule { folder: "globex".into(), set: assign(&["client=globex"]) }).unwrap();
    world.member("bea", 1002, "backup", None);
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));

    let mut shown = BTreeMap::new();
    texts(&admin, "records", &mut shown);
    assert_eq!(shown.len(), 4, "{:?}", shown.keys());
    assert_eq!(exported(&world, 0, None), shown);
    assert_eq!(exported(&world, 1002, None), shown, "who keeps backups has everything");
    let library: Value = serde_json::from_str(&shown["records/.library.json"]).unwrap();
    let rules = json!([{ "path": "library/globex", "rules": { "client": "globex" } }]);
    assert_eq!((&library["folders"], &library["words"]), (&rules, &json!({ "tag": ["waiting"] })));

    let mut his = BTreeMap::new();
    texts(&eddy, "records", &mut his);
    assert_eq!(exported(&world, 1001, None), his);
    assert_eq!(
        his.keys().map(String::as_str).collect::<Vec<_>>(),
        ["records/acme/50% off & more/ü (1).png.json", "records/acme/a.png.json"]
    );
    assert!(!eddy.has("records/.library.json") && admin.has("records/.library.json"));
    assert!(!his.values().any(|text| text.contains("globex")));
    assert_eq!(exported(&world, 1001, Some("status.x=approved")).len(), 1);
    // An id that he may not know begins no page.
    let hidden = world.show("library/globex/secret.png")["id"].as_str().unwrap().parse().unwrap();
    assert!(world.serve(1001, Command::Records { expr: None, after: Some(hidden) }).is_err());
    assert!(world.serve(0, Command::Records { expr: None, after: Some(hidden) }).is_ok());
}

#[test]
fn a_scope_ends_what_is_read_of_the_library_record() {
    let (world, _admin) = World::studio();
    let bea = world.member("bea", 1002, "backup", None);
    let fh = bea.open("records/.library.json", true, false).unwrap();
    assert!(bea.pread(fh).is_ok());
    world.change_member("bea", Some("client=acme"), None);
    assert!(bea.pread(fh).is_err() && !bea.has("records/.library.json"));
    bea.close(fh);
}

#[test]
fn a_record_says_what_goes_with_the_file_and_its_time_moves_with_that() {
    let (world, admin) = World::studio();
    let before = admin.attr("records/acme/a.png.json").unwrap();
    world.clock.advance_ms(5_000);
    admin.setxattr("library/acme/a.png", "user.mine", "50% ü").unwrap();
    let mode = damfs::fs::SetAttr { mode: Some(0o640), ..Default::default() };
    admin.setattr("library/acme/a.png", mode).unwrap();
    let record: Value = serde_json::from_slice(&admin.read("records/acme/a.png.json").unwrap()).unwrap();
    assert_eq!(record["file"]["mode"], "0640");
    assert_eq!(record["file"]["xattrs"], json!({ "user.mine": "50%25%20%C3%BC" }));
    assert_eq!(record["record"], 1);
    let after = admin.attr("records/acme/a.png.json").unwrap();
    assert!(after.mtime > before.mtime, "{before:?} {after:?}");
}

/// An answer has a size; the export goes on behind each.
#[test]
fn pages_go_on_until_everything_was_told_once() {
    let (world, admin) = World::studio();
    for n in 0..210 {
        admin.write(&format!("library/acme/{n}.txt"), format!("{n}").as_bytes()).unwrap();
    }
    world.settle();
    let (mut ids, mut after, mut pages) = (std::collections::BTreeSet::new(), None, 0);
    loop {
        let page = world.serve(0, Command::Records { expr: None, after }).unwrap();
        let rows = page["records"].as_array().unwrap();
        ids.extend(rows.iter().map(|row| row["record"]["id"].as_str().unwrap().to_owned()));
        pages += 1;
        assert_eq!(page["library"].is_null(), after.is_some());
        match page["next"].as_str() {
            Some(id) => after = Some(id.parse().unwrap()),
            None => break,
        }
    }
    assert_eq!((ids.len(), pages), (212, 2));
}
