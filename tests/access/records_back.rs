//! Records put back: on a library that was made anew from the files, and on one that went on.

use std::collections::BTreeMap;
use std::io::Write as _;

use damfs::catalog::{AssetState, ChangeKind, Conflict, MemberRow, Remark, Verdict};
use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::records::{self, Given, How};
use damfs::ops::{OpsError, folders, serve};
use damfs::types::{Caller, Generation, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::*;

/// A file of `library/`, and a record, by path.
#[derive(Default)]
struct Backup {
    files: Vec<(String, Vec<u8>, i64)>,
    records: Vec<(String, Vec<u8>)>,
}

/// What `rsync -a library records` copies.
fn backup(seat: &Seat) -> Backup {
    let mut backup = Backup::default();
    below(seat, "library", &mut |path, bytes, mtime| {
        backup.files.push((path["library/".len()..].into(), bytes, mtime))
    });
    below(seat, "records", &mut |path, bytes, _| {
        if path.ends_with(".json") {
            backup.records.push((path, bytes));
        }
    });
    backup
}

fn below(seat: &Seat, path: &str, each: &mut dyn FnMut(String, Vec<u8>, i64)) {
    for name in seat.names(path) {
        let whole = format!("{path}/{name}");
        let attr = seat.attr(&whole).unwrap();
        if attr.kind == damfs::types::FileKind::Dir {
            below(seat, &whole, each);
        } else {
            each(whole.clone(), seat.read(&whole).unwrap(), attr.mtime.as_nanos());
        }
    }
}

impl Backup {
    /// `dam import backup/library --into library --any --copies` into a new library.
    fn imported(&self) -> World {
        let world = World::new();
        for (path, bytes, mtime) in &self.files {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            let (path, into) = (path.clone(), Some("library".to_owned()));
            let command = Command::Import { path, into, set: Vec::new(), mtime: *mtime, any: true, copies: true };
            let caller = Caller { uid: 0, gid: 0, process: 1 };
            let done = serve::serve(&world.library, &caller, command, Some(file)).unwrap();
            assert_eq!(done["outcome"], "imported", "{done}");
        }
        world
    }

    fn given(&self) -> Vec<Given> {
        let records = self.records.iter().filter(|(path, _)| !path.ends_with("/.library.json"));
        let given = |(file, text): &(String, Vec<u8>)| {
            let told = records::read(text).unwrap();
            assert_eq!(told.unknown, Vec::<String>::new());
            Given { file: file.clone(), record: Box::new(told.record), asset: None }
        };
        records.map(given).collect()
    }
}

fn import(world: &World, records: Vec<Given>, how: How) -> Vec<Value> {
    let done = world.serve(0, Command::RecordsImport { records, how }).unwrap();
    done["records"].as_array().unwrap().clone()
}

fn outcomes(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["outcome"].as_str().unwrap()).collect()
}

/// What is the same on both sides: not the moments of this library, nor versions that no backup of the files holds.
fn comparable(text: &[u8]) -> Value {
    let mut record: Value = serde_json::from_slice(text).unwrap();
    let versions = record["versions"].take();
    let current = versions.as_array().unwrap().iter().find(|version| version["current"] == true).unwrap().clone();
    for (_, verdict) in record["status"].as_object_mut().unwrap() {
        if verdict["version"] != current["n"] {
            verdict["version"] = Value::Null;
        }
    }
    record["versions"] = json!({ "n": current["n"], "size": current["size"], "format": current["format"] });
    record["changed"] = Value::Null;
    record
}

fn is_whole(world: &World) {
    let report = world.serve(0, Command::Fsck { deep: false }).unwrap();
    assert_eq!(report["clean"], true, "{report}");
}

const NAMES: [&str; 8] = [
    "IMG_1.png",
    "a/IMG_1.png",
    "a/50% off & more.txt",
    "a/a%20b.txt",
    "ü/nai\u{308}ve ~x.png",
    "ü/ü.png.json",
    "q\"uo'te\\.txt",
    "a/line\nbreak.txt",
];

/// Values that facets, texts and names may be.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,6}", "[^\\x00]{1,9}", Just("50%25/ü.\"\\".to_owned()), Just("none".to_owned())]
}

#[derive(Debug, Clone)]
struct Wild {
    texts: Vec<Option<String>>,
    sets: Vec<Vec<String>>,
    numbers: (i64, i64, i64, Option<u8>, u32),
    closed: (usize, usize, usize, usize, usize),
    pairs: Vec<(String, String)>,
    xattr: Option<(String, Vec<u8>)>,
    old_verdict: bool,
}

fn wild() -> impl Strategy<Value = Wild> {
    (
        prop::collection::vec(prop::option::of(text()), 8),
        prop::collection::vec(prop::collection::vec(text(), 0..3), 4),
        (any::<i64>(), any::<i64>(), any::<i64>(), prop::option::of(0..=10_u8), 0..=0o7777_u32),
        (0..4_usize, 0..4_usize, 0..4_usize, 0..7_usize, 0..4_usize),
        prop::collection::vec((text(), text()), 0..3),
        prop::option::of((text(), prop::collection::vec(any::<u8>(), 0..9))),
        any::<bool>(),
    )
        .prop_map(|(texts, sets, numbers, closed, pairs, xattr, old_verdict)| Wild {
            texts,
            sets,
            numbers,
            closed,
            pairs,
            xattr,
            old_verdict,
        })
}

/// The record becomes all that, as years of use would make it.
fn become_wild(world: &World, path: &str, wild: &Wild) {
    let word = |words: &[&str], at: usize| words.get(at).map(|word| (*word).to_owned());
    world
        .library
        .catalog
        .write(|tx| -> Result<(), OpsError> {
            let node = folders::resolve(tx, path)?.unwrap();
            let mut asset = tx.asset(node.asset.unwrap())?.unwrap();
            let versions = tx.versions(asset.id)?;
            let member = tx.member_by_name("mila")?.unwrap().id;
            let mut texts = wild.texts.iter().cloned();
            let mut next = || texts.next().flatten();
            (asset.client, asset.model, asset.sampler, asset.prompt) = (next(), next(), next(), next());
            (asset.negative, asset.notes, asset.generator) = (next(), next(), next());
            let mut sets = wild.sets.iter().map(|set| set.iter().cloned().collect());
            let mut set = || sets.next().unwrap();
            (asset.personas, asset.campaigns, asset.tags, asset.loras) = (set(), set(), set(), set());
            let (created, imported, seed, stars, mode) = wild.numbers;
            (asset.created, asset.imported) = (Timestamp::from_nanos(created), Timestamp::from_nanos(imported));
            (asset.seed, asset.stars) = (Some(seed), stars);
            asset.expires = stars.map(|_| Timestamp::from_nanos(seed));
            asset.rating = word(&["safe", "suggestive", "adult"], wild.closed.0);
            asset.rights = word(&["exclusive", "editorial", "unrestricted"], wild.closed.1);
            asset.likeness = word(&["synthetic", "self", "licensed"], wild.closed.2);
            let stages = ["draft", "internal-review", "client-approval", "approved", "rejected", "published"];
            asset.stage = word(&stages, wild.closed.3);
            let states = [AssetState::Active, AssetState::Archived, AssetState::Expired, AssetState::Held];
            asset.state = states[wild.closed.4];
            if wild.old_verdict {
                (asset.owner, asset.owner_name) = (Some(member), "mila".into());
            }
            asset.properties = wild.pairs.iter().cloned().collect();
            let verdict =
                |value: &str, version| Verdict::new(value, version, Some(member), Timestamp::from_nanos(seed));
            let reasoned = Verdict {
                reason: wild.texts[1].clone().filter(|text| !text.is_empty()),
                guideline: Some("0a1b".into()),
                ..verdict("approved", asset.head)
            };
            asset.status.insert("instagram".into(), reasoned);
            (asset.reviewer, asset.due) = (stars.map(|_| "mila".into()), stars.map(|_| Timestamp::from_nanos(created)));
            let remark = |text: &String| Remark {
                at: Timestamp::from_nanos(seed),
                by: Some(member),
                version: stars.map(|_| 1),
                about: Some("stage=rejected".into()),
                text: text.clone(),
            };
            asset.remarks = wild.texts.iter().flatten().filter(|text| !text.is_empty()).map(remark).collect();
            asset.status.insert("x".into(), verdict("rejected", versions.first().map(|version| version.id)));
            asset.status.insert("a place of tomorrow".into(), verdict("needs-review", None));
            if let Some((other, _)) = wild.pairs.first() {
                let (other, version) = (Some(other.clone()), versions.last().unwrap().n);
                let at = Timestamp::from_nanos(imported);
                asset.conflicts.insert("note".into(), Conflict { other, version, by: Some(member), at });
                let fields = wild.pairs.iter().cloned().collect();
                let raw = wild.texts[0].clone().unwrap_or_default();
                let generation = Generation {
                    tool: "a1111".into(),
                    raw,
                    fields,
                    inherited: true,
                    version: Some(1),
                    ..Generation::default()
                };
                tx.put_generation(asset.id, &generation)?;
            }
            tx.put_asset(&asset)?;
            tx.change(ChangeKind::Asset, &asset.id.to_string())?;
            if let Some((name, value)) = &wild.xattr {
                tx.set_xattr(node.id, format!("user.{name}").as_bytes(), value)?;
            }
            tx.put_node(&damfs::catalog::NodeRow { mode, ..node })?;
            Ok(())
        })
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]

    /// A backup of `library/` and `records/` alone, and a library made anew from it.
    #[test]
    fn everything_comes_back_with_its_id(wilds in prop::collection::vec(wild(), NAMES.len())) {
        let world = World::new();
        world.member("mila", 1003, "editor", None);
        let admin = world.admin();
        for folder in ["library/a", "library/ü", "library/long"] {
            admin.mkdir(folder).unwrap();
        }
        let long = format!("long/{}.txt", "é".repeat(125));
        let names: Vec<&str> = NAMES.into_iter().chain([long.as_str()]).collect();
        for (n, name) in names.iter().enumerate() {
            // Two are the same bytes.
            admin.write(&format!("library/{name}"), format!("first {}", n / 2).as_bytes()).unwrap();
        }
        world.settle();
        world.clock.advance_ms(3_000);
        for name in &names[..3] {
            admin.overwrite(&format!("library/{name}"), name.as_bytes()).unwrap();
        }
        world.settle();
        for (name, wild) in names.iter().zip(&wilds) {
            become_wild(&world, &format!("library/{name}"), wild);
        }
        let copied = backup(&admin);
        prop_assert_eq!((copied.files.len(), copied.records.len()), (9, 10));

        let new = copied.imported();
        let dry = How { dry_run: true, ..How::default() };
        let before = backup(&new.admin()).records;
        let said = import(&new, copied.given(), dry);
        prop_assert_eq!(&backup(&new.admin()).records, &before, "a dry run changes nothing");
        let done = import(&new, copied.given(), How::default());
        prop_assert_eq!(&said, &done);
        prop_assert!(done.iter().all(|row| row["outcome"] == "put"), "{:?}", done);
        let after: BTreeMap<_, _> = backup(&new.admin()).records.into_iter().collect();
        for (path, text) in copied.records.iter().filter(|(path, _)| !path.ends_with("/.library.json")) {
            prop_assert_eq!(comparable(&after[path]), comparable(text), "{}", path);
        }
        let members = new.serve(0, Command::MemberList).unwrap();
        prop_assert!(members["members"].as_array().unwrap().iter().any(|m| m["name"] == "mila" && m["active"] == false));
        let again = import(&new, copied.given(), How::default());
        prop_assert!(again.iter().all(|row| row["outcome"] == "same"), "{:?}", again);
        is_whole(&new);
    }
}

#[test]
fn what_was_changed_here_since_is_left_unless_it_is_forced_and_undo_takes_it_back() {
    let (world, admin) = World::studio();
    world.set("library/acme/a.png", &["rating=safe", "tag=old"]);
    let copied = backup(&admin);
    world.clock.advance_ms(5_000);
    world.set("library/acme/a.png", &["rating=adult", "tag=+new"]);
    let rows = import(&world, copied.given(), How::default());
    assert_eq!(outcomes(&rows), ["newer", "same"]);
    assert_eq!(world.show("library/acme/a.png")["rating"], "adult");
    // By another process: a turn of its own.
    let command = Command::RecordsImport { records: copied.given(), how: How { force: true, ..How::default() } };
    let done = serve::serve(&world.library, &Caller { uid: 0, gid: 0, process: 2 }, command, None).unwrap();
    assert_eq!(outcomes(done["records"].as_array().unwrap()), ["put", "same"]);
    let shown = world.show("library/acme/a.png");
    assert_eq!((&shown["rating"], &shown["tag"]), (&json!("safe"), &json!(["old"])));
    world.serve(0, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    let shown = world.show("library/acme/a.png");
    assert_eq!((&shown["rating"], &shown["tag"]), (&json!("adult"), &json!(["new", "old"])));
}

#[test]
fn an_undo_gives_back_everything_but_the_ids() {
    let (world, admin) = World::studio();
    world.set("library/acme/a.png", &["rating=safe", "status.x=approved", "owner=root"]);
    admin.setxattr("library/acme/a.png", "user.mine", "x").unwrap();
    let copied = backup(&admin);
    let new = copied.imported();
    let before = new.show("library/acme/a.png");
    let command = Command::RecordsImport { records: copied.given(), how: How::default() };
    serve::serve(&new.library, &Caller { uid: 0, gid: 0, process: 2 }, command, None).unwrap();
    let id = new.show("library/acme/a.png")["id"].clone();
    assert_eq!(id, world.show("library/acme/a.png")["id"]);
    let undone = new.serve(0, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    assert_eq!(undone["left"], json!([]));
    let after = new.show("library/acme/a.png");
    for key in ["rating", "status", "client", "file", "created"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(after["id"], id);
}

#[test]
fn an_id_is_brought_back_only_where_no_other_has_it_and_nothing_came_of_another() {
    let (world, admin) = World::studio();
    let copied = backup(&admin);
    let id = |world: &World, path: &str| world.show(path)["id"].clone();
    let wanted = id(&world, "library/acme/a.png");

    // Edited here since it was imported: it has lived under its own id.
    let edited = copied.imported();
    let own = id(&edited, "library/acme/a.png");
    edited.admin().overwrite("library/acme/a.png", b"edited").unwrap();
    edited.settle();
    assert_eq!(outcomes(&import(&edited, copied.given(), How::default()))[0], "newer", "it may be another's by now");
    import(&edited, copied.given(), How { force: true, ..How::default() });
    assert_eq!(id(&edited, "library/acme/a.png"), own);
    assert_eq!(edited.show("library/acme/a.png")["client"], "acme", "its record is put when that is asked for");

    // In the trash: it is its owner's to bring back.
    let trashed = copied.imported();
    import(&trashed, copied.given(), How::default());
    trashed.admin().unlink("library/acme/a.png").unwrap();
    trashed.pass(16_000);
    assert_eq!(outcomes(&import(&trashed, copied.given(), How::default())), ["trashed", "same"]);
    trashed.admin().write("library/acme/a.png", b"another").unwrap();
    trashed.settle();
    let client = trashed.show("library/acme/a.png")["client"].clone();
    assert_eq!(
        outcomes(&import(&trashed, copied.given(), How::default())),
        ["newer", "same"],
        "it is another's record"
    );
    assert_eq!(trashed.show("library/acme/a.png")["client"], client);
    let rows = import(&trashed, copied.given(), How { force: true, ..How::default() });
    assert_eq!(outcomes(&rows), ["put", "same"]);
    assert_ne!(id(&trashed, "library/acme/a.png"), wanted);
    assert_eq!(trashed.show(wanted.as_str().unwrap())["state"], "trashed");
    is_whole(&trashed);
}

#[test]
fn a_verdict_is_bound_to_no_other_bytes() {
    let (world, admin) = World::studio();
    world.set("library/acme/a.png", &["status.x=approved"]);
    let mut copied = backup(&admin);
    let bound = |world: &World| world.show("library/acme/a.png")["status"]["x"]["version"].clone();
    let rows = |copied: &Backup| {
        let new = copied.imported();
        let rows = import(&new, copied.given(), How { force: true, ..How::default() });
        (bound(&new), rows[0]["left"].as_array().unwrap().len())
    };
    assert_eq!(rows(&copied), (json!(1), 0));
    // A copy that lost its time, and one of other bytes: nothing says that these were judged.
    copied.files[0].2 += 1;
    assert_eq!(rows(&copied), (Value::Null, 1));
    copied.files[0].1 = b"other bytes".to_vec();
    assert_eq!(rows(&copied), (Value::Null, 1));
}

#[test]
fn a_file_under_another_name_is_found_by_its_bytes_when_it_is_the_only_one() {
    let (world, admin) = World::studio();
    admin.write("library/acme/twin.png", b"equal").unwrap();
    admin.write("library/acme/twin2.png", b"equal").unwrap();
    world.settle();
    let mut copied = backup(&admin);
    for (path, ..) in &mut copied.files {
        *path = path.to_uppercase();
    }
    let new = copied.imported();
    let rows = import(&new, copied.given(), How::default());
    assert_eq!(outcomes(&rows), ["missing"; 4]);
    let look = How { by_bytes: true, dry_run: true, ..How::default() };
    let found: Vec<bool> = import(&new, copied.given(), look).iter().map(|row| !row["at"].is_null()).collect();
    assert_eq!(found, [true, false, false, true], "of two with one look nobody says which is which");
    let asset = import(&new, copied.given(), look)[0]["at"].as_str().unwrap().parse().unwrap();
    let given = Given { asset: Some(asset), ..copied.given().remove(0) };
    assert_eq!(outcomes(&import(&new, vec![given], How::default())), ["put"]);
    assert_eq!(new.show("library/ACME/A.PNG")["id"], world.show("library/acme/a.png")["id"]);
    // It is said which; it has to be one that could be it.
    let given = Given { asset: Some(asset), ..copied.given().remove(3) };
    assert_eq!(outcomes(&import(&new, vec![given], How::default())), ["missing"]);
}

#[test]
fn only_an_admin_imports_records() {
    let (world, admin) = World::studio();
    let copied = backup(&admin);
    world.member("eddy", 1001, "editor", None);
    for how in [How::default(), How { dry_run: true, by_bytes: true, ..How::default() }] {
        let command = Command::RecordsImport { records: copied.given(), how };
        assert!(matches!(world.kind(1001, command), FailureKind::Refused));
    }
    let text = &copied.records.iter().find(|(path, _)| path.ends_with("/.library.json")).unwrap().1;
    let shelf = records::Shelf::read(text).unwrap();
    assert!(matches!(world.kind(1001, Command::RecordsShelf { shelf, how: How::default() }), FailureKind::Refused));
}

#[test]
fn what_is_beside_the_records_comes_back_too() {
    let (world, admin) = World::studio();
    admin.mkdir("by/tag/waiting").unwrap();
    world.serve(0, Command::FolderRule { folder: "globex/50% ü".into(), set: assign(&["client=globex"]) }).unwrap();
    let (query, roles) = (Some("client=acme".to_owned()), Some(vec!["editor".to_owned()]));
    world.serve(0, Command::Save { name: "acme".into(), query, roles, until: None }).unwrap();
    let copied = backup(&admin);
    let new = copied.imported();
    let text = |backup: &Backup| {
        let found = backup.records.iter().find(|(path, _)| path.ends_with("/.library.json"));
        found.unwrap().1.clone()
    };
    let shelf = || records::Shelf::read(&text(&copied)).unwrap();
    let put = |how| new.serve(0, Command::RecordsShelf { shelf: shelf(), how }).unwrap();
    assert_eq!(put(How { dry_run: true, ..How::default() }), json!({ "put": 3, "left": [] }));
    assert!(!new.admin().has("by/tag/waiting"));
    assert_eq!(put(How::default()), json!({ "put": 3, "left": [] }));
    assert_eq!(text(&backup(&new.admin())), text(&copied));
    assert_eq!(put(How::default()), json!({ "put": 0, "left": [] }));
    // What is another here stays.
    new.serve(0, Command::FolderRule { folder: "globex/50% ü".into(), set: assign(&["client=acme"]) }).unwrap();
    let left = put(How::default());
    assert_eq!((&left["put"], left["left"].as_array().unwrap().len()), (&json!(0), 1));
    assert_eq!(put(How { force: true, ..How::default() })["put"], 1);
}

/// A member whom nobody knows here is a name and may nothing.
#[test]
fn nobody_gets_in_by_a_record() {
    let (world, admin) = World::studio();
    world.member("mila", 1003, "admin", None);
    world.set("library/acme/a.png", &["owner=mila"]);
    let new = backup(&admin).imported();
    import(&new, backup(&admin).given(), How::default());
    let row = new.library.catalog.read(|tx| tx.member_by_name("mila")).unwrap().unwrap();
    assert_eq!(row, MemberRow { uid: None, role: "content-creator".into(), active: false, ..row.clone() });
}
