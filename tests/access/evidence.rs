//! Evidence of one asset: who makes it, what it tells, and that whatever is done to it is found without the library.

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use damfs::audit::heads::Head;
use damfs::ops::evidence;
use damfs::ops::proto::{Command, Failure, FailureKind};
use damfs::ops::serve;
use damfs::types::Caller;
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::world::*;

const ACME: &str = "library/acme/a.png";
const SECRET: &str = "library/globex/secret.png";

struct Bench {
    world: World,
    dir: tempfile::TempDir,
}

impl Bench {
    /// Two clients' files; one has versions, verdicts by a guideline, and a refusal.
    fn new() -> Self {
        let (world, admin) = World::studio();
        let put = |text: &str| {
            let (platform, text) = ("facebook".to_owned(), text.to_owned());
            world.serve(0, Command::GuidelinePut { platform, text, base: None }).unwrap();
        };
        put("# One\nflag: `rating=suggestive` say why\n");
        world.set(ACME, &["rating=suggestive", "likeness=licensed"]);
        let set = assign(&["status.facebook=approved"]);
        let why = Some("the client asked for it".to_owned());
        world.serve(0, Command::Set { what: vec![ACME.into()].into(), set, dry_run: false, why }).unwrap();
        put("# Two\n");
        world.set(SECRET, &["model=hidden-model"]);
        admin.overwrite(ACME, b"acme, once more").unwrap();
        world.settle();
        let eddy = world.member("eddy", 1002, "editor", Some("client=acme"));
        eddy.read(ACME).unwrap();
        let set = assign(&["status.facebook=rejected"]);
        let refused = Command::Set { what: vec![ACME.into()].into(), set, dry_run: false, why: Some("no".into()) };
        assert_eq!(world.kind(1002, refused), FailureKind::Refused);
        drop(admin);
        Self { world, dir: tempfile::tempdir().unwrap() }
    }

    fn make(&self, uid: u32, name: &str, command: Command) -> Result<(Value, PathBuf), Failure> {
        let path = self.dir.path().join(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        let caller = Caller { uid, gid: uid, process: 1 };
        serve::serve(&self.world.library, &caller, command, Some(file)).map(|told| (told, path))
    }

    fn bundle(&self, name: &str, with_bytes: bool) -> PathBuf {
        self.make(0, name, of(ACME, with_bytes)).unwrap().1
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn of(target: &str, with_bytes: bool) -> Command {
    Command::Evidence { target: target.into(), since: None, with_bytes }
}

fn check(path: &Path) -> Result<Value, String> {
    evidence::verify(File::open(path).unwrap(), None, &[])
}

fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    (0..archive.len())
        .map(|at| {
            let mut file = archive.by_index(at).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

fn text(files: &[(String, Vec<u8>)], name: &str) -> String {
    let (_, bytes) = files.iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8(bytes.clone()).unwrap()
}

fn json(files: &[(String, Vec<u8>)], name: &str) -> Value {
    serde_json::from_str(&text(files, name)).unwrap()
}

/// An archive as a stranger makes it.
fn zipped(files: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options =
            SimpleFileOptions::default().compression_method(method).last_modified_time(zip::DateTime::default());
        archive.start_file(name.as_str(), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn evidence_is_made_by_admins_of_what_they_list_and_is_on_record() {
    let bench = Bench::new();
    let world = &bench.world;
    assert_eq!(bench.make(1002, "a", of(ACME, false)).unwrap_err().kind, FailureKind::Refused);
    let text = format!("{}\n[role.keeper.allow]\nlist = \"client=acme\"\nadmin = \"*\"\n", world.roles_text());
    world.roles(&text);
    world.member("kim", 1001, "keeper", None);
    assert_eq!(bench.make(1001, "b", of(SECRET, false)).unwrap_err().kind, FailureKind::NotFound);
    assert_eq!(bench.make(1001, "c", of(ACME, true)).unwrap_err().kind, FailureKind::Refused, "he may not download");
    // The rows of the log tell what bytes they are, and how many: of these he has none, in no file of it.
    let refused = bench.make(1001, "d", of(ACME, false)).unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused);
    assert!(fs::read(bench.dir.path().join("d")).unwrap().is_empty());
    let log = |uid| {
        let ask = damfs::ops::log::Ask { target: Some(ACME.into()), limit: 99, ..Default::default() };
        world.serve(uid, Command::Log(ask)).unwrap()["rows"].as_array().unwrap().clone()
    };
    let tells = |row: &Value| ["content", "size"].iter().any(|key| !row["detail"][key].is_null());
    assert!(log(0).iter().any(tells) && !log(1001).is_empty());
    assert!(!log(1001).iter().any(tells), "{:?}", log(1001));
    world.roles(&format!("{text}download = \"client=acme\"\n"));
    let (told, _) = bench.make(1001, "f", of(ACME, false)).unwrap();
    let row = world.library.catalog.read(|tx| tx.audit_head("ops")).unwrap().unwrap();
    assert_eq!((row.actor.as_str(), row.action.as_str()), ("kim", "asset.evidence"));
    assert!(row.detail.contains(told["manifest"].as_str().unwrap()), "{}", row.detail);

    bench.bundle("e", true);
    let row = world.library.catalog.read(|tx| tx.audit_head("reads")).unwrap().unwrap();
    assert_eq!((row.actor.as_str(), row.action.as_str()), ("root", "read.file"), "its bytes were handed out");
}

#[test]
fn evidence_tells_all_of_its_asset_and_nothing_of_others() {
    let bench = Bench::new();
    let (told, path) = bench.make(0, "a.zip", of(ACME, true)).unwrap();
    let checked = check(&path).unwrap();
    assert_eq!((&checked["rows"], &checked["asset"]), (&told["rows"], &told["asset"]));
    let files = files(&path);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.is_sorted() && names.contains(&"bytes/current.bin"), "{names:?}");
    assert_eq!(text(&files, "bytes/current.bin"), "acme, once more");
    let id = told["asset"].as_str().unwrap();
    let own = bench.world.admin().read("records/acme/a.png.json").unwrap();
    assert_eq!(text(&files, "record.json").as_bytes(), own, "the record is that of records/");
    let record = json(&files, "record.json");
    assert_eq!(
        (&record["likeness"], &record["status"]["facebook"]["reason"]),
        (&"licensed".into(), &"the client asked for it".into())
    );
    let digits = record["status"]["facebook"]["guideline"].as_str().unwrap();
    assert_eq!(text(&files, &format!("guidelines/facebook-{digits}.md")), "# One\nflag: `rating=suggestive` say why\n");
    assert_eq!(json(&files, "versions.json").as_array().unwrap().len(), 2);
    let rows: Vec<Value> =
        text(&files, "log/ops.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is = |action: &str| rows.iter().any(|row| row["action"] == action && row["subject"] == id);
    assert!(is("asset.create") && is("asset.set") && is("deny.review"), "{rows:?}");
    assert!(rows.iter().any(|row| row["detail"].as_str().unwrap().contains(digits)), "the row names the guideline");
    assert!(text(&files, "log/reads.jsonl").contains("\"actor\":\"eddy\""));
    let policies = json(&files, "policies.json");
    assert!(policies[0]["version"] == 1 && policies[0]["digest"].is_string() && policies[0]["text"].is_null());
    let all: Vec<u8> = fs::read(&path).unwrap();
    let secret = bench.world.show(SECRET)["id"].as_str().unwrap().to_owned();
    for hidden in ["globex", "secret", "hidden-model", &secret] {
        assert!(!all.windows(hidden.len()).any(|bytes| bytes == hidden.as_bytes()), "{hidden}");
    }
}

#[test]
fn the_same_evidence_is_the_same_file() {
    let bench = Bench::new();
    let record = |name| {
        let path = bench.bundle(name, true);
        files(&path)
            .into_iter()
            .filter(|(name, _)| !name.starts_with("log/") && !name.starts_with("manifest"))
            .collect::<Vec<_>>()
    };
    assert_eq!(record("a.zip"), record("b.zip"));
    let files = files(&bench.bundle("c.zip", false));
    let again = bench.put("d.zip", &zipped(&files, CompressionMethod::Stored));
    check(&again).unwrap();
}

/// Wherever a byte is another: what was signed is not there, or the archive's frame alone has changed and its files are the same.
#[test]
fn each_byte_that_is_changed_in_a_bundle_is_found() {
    let bench = Bench::new();
    let path = bench.bundle("a.zip", true);
    let (bytes, whole) = (fs::read(&path).unwrap(), files(&path));
    let (mut found, mut frame) = (0, 0);
    // Each in turn would take minutes: each of the frame's and the manifest's neighbourhoods is met by a stride that is no multiple of theirs.
    for at in (0..bytes.len()).step_by(7) {
        for flip in [0x01, 0x80] {
            let mut other = bytes.clone();
            other[at] ^= flip;
            let other = bench.put("b.zip", &other);
            match check(&other) {
                Err(_) => found += 1,
                Ok(_) => {
                    assert_eq!(files(&other), whole, "byte {at} was changed and not found");
                    frame += 1;
                }
            }
        }
    }
    assert!(found > 20 * frame, "{found} found, {frame} of the frame alone");
}

#[test]
fn a_bundle_that_was_cut_off_or_went_on_is_found() {
    let bench = Bench::new();
    let bytes = fs::read(bench.bundle("a.zip", false)).unwrap();
    for len in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        assert!(check(&bench.put("b.zip", &bytes[..len])).is_err(), "{len}");
    }
    for more in [&b"x"[..], &[0; 22], &bytes[..]] {
        assert!(check(&bench.put("b.zip", &[&bytes[..], more].concat())).is_err());
        assert!(check(&bench.put("b.zip", &[more, &bytes[..]].concat())).is_err());
    }
}

type Change = fn(&mut Vec<(String, Vec<u8>)>, &[(String, Vec<u8>)]);

fn at<'a>(files: &'a mut [(String, Vec<u8>)], name: &str) -> &'a mut Vec<u8> {
    &mut files.iter_mut().find(|(found, _)| found == name).unwrap().1
}

/// What a stranger does to a bundle, and what is said of it.
const CHANGES: &[(&str, Change, &str)] = &[
    (
        "drop a row",
        |files, _| {
            let rows = at(files, "log/ops.jsonl");
            let end = rows.iter().position(|byte| *byte == b'\n').unwrap();
            rows.drain(..=end);
        },
        "log/ops.jsonl: it has",
    ),
    (
        "turn a verdict",
        |files, _| {
            let record = String::from_utf8(at(files, "record.json").clone()).unwrap();
            *at(files, "record.json") = record.replace("approved", "rejected").into_bytes();
        },
        "record.json: its bytes are not those that were signed",
    ),
    ("drop a file", |files, _| files.retain(|(name, _)| name != "record.json"), "record.json is missing"),
    ("drop the signature", |files, _| files.retain(|(name, _)| name != "manifest.sig"), "manifest.sig is missing"),
    ("drop the manifest", |files, _| files.retain(|(name, _)| name != "manifest.json"), "manifest.json is missing"),
    ("put a file in", |files, _| files.push(("zz.txt".into(), b"x".to_vec())), "zz.txt: it is not in manifest.json"),
    (
        "swap signatures",
        |files, other| *at(files, "manifest.sig") = at(&mut other.to_vec(), "manifest.sig").clone(),
        "the signature is not that of manifest.json",
    ),
    (
        "swap rows of another asset in",
        |files, other| *at(files, "log/ops.jsonl") = at(&mut other.to_vec(), "log/ops.jsonl").clone(),
        "log/ops.jsonl: ",
    ),
    ("another key", |files, _| at(files, "key.pem")[40] ^= 1, "key.pem: its bytes are not those that were signed"),
    (
        "a newer bundle",
        |files, _| {
            let text = String::from_utf8(at(files, "manifest.json").clone()).unwrap();
            *at(files, "manifest.json") = text.replace("\"evidence\": 1", "\"evidence\": 2").into_bytes();
        },
        "a newer damfs made it: version 2; this one knows 1",
    ),
    ("no manifest at all", |files, _| *at(files, "manifest.json") = b"[1, 2".to_vec(), "manifest.json: "),
];

#[test]
fn what_a_stranger_changes_is_named() {
    let bench = Bench::new();
    let whole = files(&bench.bundle("a.zip", false));
    let other = files(&bench.make(0, "other.zip", of(SECRET, false)).unwrap().1);
    for (what, change, said) in CHANGES {
        let mut changed = whole.clone();
        change(&mut changed, &other);
        let path = bench.put("b.zip", &zipped(&changed, CompressionMethod::Stored));
        let fault = check(&path).expect_err(what);
        assert!(fault.starts_with(said), "{what}: {fault}");
    }
}

#[test]
fn a_bundle_that_unpacks_to_more_than_itself_is_not_unpacked() {
    let bench = Bench::new();
    let mut files = files(&bench.bundle("a.zip", false));
    let packed = bench.put("b.zip", &zipped(&files, CompressionMethod::Stored));
    check(&packed).unwrap();
    // A file of which the table says that it is far longer than the archive.
    let mut bytes = zipped(&files, CompressionMethod::Stored);
    let name = b"record.json";
    let table = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let at = table + bytes[table..].windows(name.len()).position(|w| w == name).unwrap();
    for field in [at - 46 + 20, at - 46 + 24] {
        bytes[field..field + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    }
    let fault = check(&bench.put("c.zip", &bytes)).unwrap_err();
    assert!(fault.starts_with("it is no whole bundle of evidence"), "{fault}");
    // One name twice.
    let twin = vec![("yey.pem".into(), b"another key".to_vec())];
    let mut bytes = zipped(&[files.clone(), twin].concat(), CompressionMethod::Stored);
    let found: Vec<usize> = (0..bytes.len() - 7).filter(|at| &bytes[*at..*at + 7] == b"yey.pem").collect();
    assert_eq!(found.len(), 2);
    found.into_iter().for_each(|at| bytes[at] = b'k');
    let fault = check(&bench.put("e.zip", &bytes)).unwrap_err();
    assert!(fault.contains("duplicate file names"), "{fault}");
    // A manifest that is a tree of very many things.
    let mut long = files.clone();
    *self::at(&mut long, "manifest.json") = vec![b'['; 5 << 20];
    let fault = check(&bench.put("h.zip", &zipped(&long, CompressionMethod::Stored))).unwrap_err();
    assert!(fault.starts_with("manifest.json: it is longer than"), "{fault}");
    // Very many files.
    files.extend((0..10_001).map(|n| (format!("f{n}"), Vec::new())));
    let fault = check(&bench.put("f.zip", &zipped(&files, CompressionMethod::Stored))).unwrap_err();
    assert!(fault.contains("files, and may have"), "{fault}");
    for nothing in [&b""[..], b"PK\x05\x06", &[0; 100], b"no archive at all"] {
        assert!(check(&bench.put("g.zip", nothing)).is_err());
    }
    assert!(evidence::verify(File::open(bench.dir.path()).unwrap(), None, &[]).is_err(), "a folder");
}

#[test]
fn a_bundle_is_held_to_a_key_and_to_heads_that_were_kept() {
    let bench = Bench::new();
    let heads = |world: &World| -> Vec<String> {
        let told = world.serve(0, Command::LogHead).unwrap();
        told["heads"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    let now = heads(&bench.world);
    let path = bench.bundle("a.zip", false);
    let key = bench.world.serve(1002, Command::EvidenceKey).unwrap();
    let with = |key: &str, heads: &[String]| evidence::verify(File::open(&path).unwrap(), Some(key), heads);
    for text in [&key["key"], &key["pem"]] {
        assert_eq!(with(text.as_str().unwrap(), &[]).unwrap()["key_known"], true);
    }
    let key = key["key"].as_str().unwrap();
    let other = Bench::new();
    let others = other.world.serve(0, Command::EvidenceKey).unwrap();
    assert!(with(others["key"].as_str().unwrap(), &[]).unwrap_err().contains("another key than the one given"));
    // The last rows are known as they were.
    assert_eq!(with(key, &now).unwrap()["held"], now.len());
    assert!(with(key, &heads(&other.world)).unwrap_err().contains("of another library"));
    let told = bench.bundle("later.zip", false);
    // Of rows that it has it says what they are, whether they were told before or not; of another asset's it does not, and says that.
    let of_row = |subject: bool| {
        let rows = bench.world.library.catalog.read(|tx| tx.audit_after("ops", 0, 1_000)).unwrap();
        let id = bench.world.show(ACME)["id"].as_str().unwrap().to_owned();
        let row = rows.into_iter().find(|row| (row.subject == id) == subject).unwrap();
        Head::of(now[0].split(' ').nth(1).unwrap(), &row, row.at, &[0; 32])
    };
    let held_to = |head: &Head| evidence::verify(File::open(&told).unwrap(), None, &[head.to_string()]);
    let mut own = of_row(true);
    let checked = held_to(&own).unwrap();
    assert_eq!((&checked["held"], checked["not_held"].as_array().map(Vec::len)), (&1.into(), Some(0)));
    own.hash = [7; 32];
    assert!(held_to(&own).unwrap_err().contains("is not what it was"));
    let checked = held_to(&of_row(false)).unwrap();
    assert_eq!((&checked["held"], checked["not_held"].as_array().map(Vec::len)), (&0.into(), Some(1)));
    let ops = now.iter().position(|line| line.contains(" ops ")).unwrap();
    let mut parts: Vec<String> = now[ops].split(' ').map(str::to_owned).collect();
    parts[4] = "00".repeat(32);
    assert!(with(key, &[parts.join(" ")]).unwrap_err().contains("is not what it was"));
    parts[3] = "999999".to_owned();
    bench.world.clock.advance_ms(1);
    let later = bench.bundle("b.zip", false);
    let fault = evidence::verify(File::open(later).unwrap(), None, &[parts.join(" ")]).unwrap_err();
    assert!(fault.contains("chain ops ends with row"), "{fault}");
    assert!(with(key, &["nonsense".to_owned()]).unwrap_err().contains("dam log head"));
}

#[test]
fn no_evidence_is_made_of_a_log_that_is_not_whole() {
    let Bench { world, dir } = Bench::new();
    let world = world.tampered("UPDATE audit SET actor = 'nobody' WHERE chain = 'ops' AND seq = 3");
    let bench = Bench { world, dir };
    let refused = bench.make(0, "a.zip", of(ACME, false)).unwrap_err();
    assert!(refused.message.contains("chain ops: row 3 was altered"), "{}", refused.message);
    assert!(refused.hint.unwrap().contains("dam log verify"));
    assert!(fs::read(bench.dir.path().join("a.zip")).unwrap().is_empty());
}

#[test]
fn since_leaves_older_rows_out_and_says_so() {
    let bench = Bench::new();
    bench.world.clock.advance_ms(3_600_000);
    bench.world.set(ACME, &["tag=+late"]);
    let command = Command::Evidence { target: ACME.into(), since: Some("30m".into()), with_bytes: false };
    let (told, path) = bench.make(0, "a.zip", command).unwrap();
    let checked = check(&path).unwrap();
    assert!(told["rows"] == 1 && checked["since"].is_string(), "{told} {checked}");
}
