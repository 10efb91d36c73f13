//! `dam evidence`

use std::fs;
use std::process::Command;

use crate::lab::{Lab, text};

const BEACH: &str = "library/luna/beach.png";

#[test]
fn evidence_is_made_and_checked_from_the_command_line() {
    let lab = Lab::with_two();
    lab.ok(&["member", "add", "zoe", "--role", "editor"]);
    let early = lab.ok(&["log", "head"]);
    lab.ok(&["set", BEACH, "rights=exclusive", "status.x=approved"]);
    let told = lab.ok(&["evidence", BEACH, "-o", "beach.zip", "--with-bytes"]);
    assert!(told.starts_with("beach.zip: ") && told.contains("signed with "), "{told}");
    assert!(lab.fails(1, &["evidence", BEACH, "-o", "beach.zip"]).contains("is there already"));
    lab.fails(3, &["evidence", "library/luna/none.png", "-o", "none.zip"]);
    assert!(!lab.path("none.zip").exists(), "nothing half made is left");
    lab.fails(2, &["evidence", BEACH]);

    let pem = lab.ok(&["evidence", "key"]);
    lab.file("studio.pem", pem.as_bytes());
    let digits = lab.json(&["evidence", "key"])["key"].as_str().unwrap().to_owned();
    // Without a library at all.
    let elsewhere = Lab::empty();
    fs::copy(lab.path("beach.zip"), elsewhere.path("beach.zip")).unwrap();
    fs::copy(lab.path("studio.pem"), elsewhere.path("studio.pem")).unwrap();
    for key in [digits.as_str(), "studio.pem"] {
        let told = elsewhere.json(&["evidence", "verify", "beach.zip", "--key", key]);
        assert!(told["whole"] == true && told["key_known"] == true, "{told}");
    }
    assert_eq!(elsewhere.json(&["evidence", "verify", "beach.zip"])["key_known"], false);
    assert!(elsewhere.fails(1, &["evidence", "verify", "none.zip"]).contains("cannot read none.zip"));
    let heads = lab.ok(&["log", "head"]);
    elsewhere.file("heads.txt", heads.as_bytes());
    elsewhere.ok(&["evidence", "verify", "beach.zip", "--heads", "heads.txt"]);
    // A row of something else, of which it tells nothing.
    elsewhere.file("early.txt", early.as_bytes());
    let told = elsewhere.fails(1, &["evidence", "verify", "beach.zip", "--heads", "early.txt"]);
    assert!(told.contains("not held to: row "), "{told}");

    let mut bytes = fs::read(lab.path("beach.zip")).unwrap();
    let rights = b"\"rights\": \"exclusive";
    let at = bytes.windows(rights.len()).position(|w| w == rights).unwrap();
    bytes[at + rights.len() - 1] = b'E';
    elsewhere.file("other.zip", &bytes);
    let said = elsewhere.fails(1, &["evidence", "verify", "other.zip"]);
    assert!(said.starts_with("dam: other.zip: record.json: "), "{said}");
    let out = elsewhere.dam(&["--json", "evidence", "verify", "other.zip"]);
    let told: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(out.status.code() == Some(1) && told["whole"] == false, "{told}");
}

/// As README.txt in the bundle says, with nothing of ours.
#[test]
fn evidence_is_checked_with_openssl_and_sha256sum_alone() {
    let lab = Lab::with_two();
    lab.ok(&["evidence", BEACH, "-o", "beach.zip", "--with-bytes"]);
    let unpacked = lab.path("unpacked");
    let mut archive = zip::ZipArchive::new(fs::File::open(lab.path("beach.zip")).unwrap()).unwrap();
    archive.extract(&unpacked).unwrap();
    let readme = fs::read_to_string(unpacked.join("README.txt")).unwrap();
    let commands: Vec<&str> =
        readme.lines().map(str::trim).filter(|line| line.starts_with("openssl ") || line.starts_with("sed ")).collect();
    let [signature, sums] = commands[..] else { panic!("{readme}") };
    let run = |command: &str| {
        let out = Command::new("sh").args(["-c", command]).current_dir(&unpacked).output().unwrap();
        (out.status.success(), text(&out.stdout) + &text(&out.stderr))
    };
    let (is_signed, said) = run(signature);
    assert!(is_signed && said.contains("Verified Successfully"), "{said}");
    let (are_whole, said) = run(sums);
    let files = Lab::files_below(&unpacked).len();
    assert!(are_whole && said.lines().filter(|line| line.ends_with(": OK")).count() == files - 2, "{said}");

    let record = unpacked.join("record.json");
    let was = fs::read_to_string(&record).unwrap();
    fs::write(&record, was.replacen("luna", "mira", 1)).unwrap();
    let (are_whole, said) = run(sums);
    assert!(!are_whole && said.contains("record.json: FAILED"), "{said}");
    let manifest = unpacked.join("manifest.json");
    let was = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, was.replacen("record.json", "Record.json", 1)).unwrap();
    assert!(!run(signature).0);
}
