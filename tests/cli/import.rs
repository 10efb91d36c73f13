//! `dam import`

use std::fs;

use crate::lab::{Lab, png, text};

#[test]
fn files_are_filed_read_and_counted() {
    let lab = Lab::new();
    lab.image("in/a.png", 1);
    lab.image("in/deep/b.png", 2);
    let folder = lab.path("in");
    let said = lab.ok(&["import", folder.to_str().unwrap(), "--into", "luna", "--set", "persona=luna"]);
    assert!(said.starts_with("imported 2, already there 0, refused 0, "), "{said}");
    assert_eq!(said.lines().count(), 1);
    assert_eq!(lab.ok(&["find", "persona=luna"]), "library/luna/a.png\nlibrary/luna/deep/b.png\n");
    let record = lab.json(&["show", "library/luna/a.png"]);
    assert_eq!(record["format"], "png");
    assert_eq!((record["width"].as_u64(), record["height"].as_u64()), (Some(24), Some(32)));
    assert_eq!(record["model"], "dream");
    assert_eq!(record["seed"], 1);
    assert_eq!(record["versions"].as_array().unwrap().len(), 1);
}

#[test]
fn without_a_folder_they_go_to_unsorted_by_month() {
    let lab = Lab::new();
    let image = lab.image("x.png", 1);
    lab.ok(&["import", image.to_str().unwrap()]);
    let path = lab.ok(&["find", "kind=image"]);
    let parts: Vec<&str> = path.trim().split('/').collect();
    assert_eq!((parts[0], parts[1], parts[4]), ("library", "Unsorted", "x.png"), "{path}");
    assert_eq!((parts[2].len(), parts[3].len()), (4, 2));
}

#[test]
fn running_it_again_imports_nothing_twice() {
    let lab = Lab::with_two();
    let folder = lab.path("in");
    let said = lab.ok(&["import", folder.to_str().unwrap(), "--into", "elsewhere"]);
    assert!(said.starts_with("imported 0, already there 2, refused 0"), "{said}");
    assert_eq!(lab.ok(&["find", "kind=image"]).lines().count(), 2);
}

#[test]
fn the_same_bytes_under_two_names_are_one_asset() {
    let lab = Lab::new();
    lab.image("in/a.png", 1);
    lab.image("in/b.png", 1);
    let folder = lab.path("in");
    let said = lab.ok(&["import", folder.to_str().unwrap()]);
    assert!(said.starts_with("imported 1, already there 1"), "{said}");
}

#[test]
fn other_bytes_under_a_taken_name_get_a_number() {
    let lab = Lab::with_two();
    let image = lab.image("other/beach.png", 9);
    lab.ok(&["import", image.to_str().unwrap(), "--into", "luna"]);
    assert_eq!(
        lab.ok(&["find", "kind=image"]),
        "library/luna/beach.png\nlibrary/luna/city.png\nlibrary/luna/beach (2).png\n"
    );
}

#[test]
fn what_cannot_be_taken_is_listed_and_the_rest_goes_on() {
    let lab = Lab::new();
    lab.image("in/good.png", 1);
    lab.file("in/empty.png", b"");
    lab.file("in/noise.png", &[7; 900]);
    lab.file("in/.hidden.png", &png(4, 4, 1, None));
    std::os::unix::fs::symlink(lab.path("in/good.png"), lab.path("in/link.png")).unwrap();
    let folder = lab.path("in");
    let missing = lab.path("in/missing.png");
    let out = lab.dam(&["import", folder.to_str().unwrap(), missing.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(1), "what is not in the library must not look as if it were");
    let counts = "imported 1, already there 0, refused 3, left out 2, ";
    assert!(text(&out.stdout).starts_with(counts), "{}", text(&out.stdout));
    let said = text(&out.stderr);
    for name in ["empty.png", "noise.png", "missing.png"] {
        assert!(said.lines().any(|l| l.contains("refused") && l.contains(name)), "{said}");
    }
}

#[test]
fn when_nothing_can_be_taken_it_fails() {
    let lab = Lab::new();
    lab.file("in/noise.png", &[7; 900]);
    let noise = lab.path("in/noise.png");
    lab.fails(1, &["import", noise.to_str().unwrap()]);
    let said = lab.ok(&["import", noise.to_str().unwrap(), "--any"]);
    assert!(said.starts_with("imported 1"), "{said}");
    let nothing = lab.path("nothing");
    fs::create_dir(&nothing).unwrap();
    lab.fails(2, &["import", nothing.to_str().unwrap()]);
}

#[test]
fn the_library_does_not_import_itself() {
    let lab = Lab::with_two();
    let library = lab.library();
    let out = lab.dam(&["import", library.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(lab.ok(&["find", "kind=image"]).lines().count(), 2);
}

#[test]
fn wrong_values_are_said_before_anything_is_read() {
    let lab = Lab::new();
    let image = lab.image("x.png", 1);
    let image = image.to_str().unwrap();
    assert!(lab.fails(2, &["import", image, "--set", "raiting=safe"]).contains("`rating`"));
    assert!(lab.fails(2, &["import", image, "--set", "rating=sfae"]).contains("`safe`"));
    assert!(lab.fails(2, &["import", image, "--set", "rating"]).contains("facet=value"));
    assert!(lab.fails(2, &["import", image, "--into", "../b"]).contains("--into ../b"));
    lab.fails(2, &["import"]);
    assert_eq!(lab.ok(&["find", "kind=image"]), "");
}

#[test]
fn several_values_of_one_facet_stay_together() {
    let lab = Lab::new();
    let image = lab.image("x.png", 1);
    lab.ok(&[
        "import",
        image.to_str().unwrap(),
        "--into",
        "x",
        "--set",
        "tag=a",
        "--set",
        "tag=b.c",
        "--set",
        "persona=luna",
        "--set",
        "persona=mira",
    ]);
    let record = lab.json(&["show", "library/x/x.png"]);
    assert_eq!(record["tag"], serde_json::json!(["a", "b/c"]));
    assert_eq!(record["persona"], serde_json::json!(["luna", "mira"]));
}

#[test]
fn as_json_every_file_has_its_outcome() {
    let lab = Lab::new();
    lab.image("in/a.png", 1);
    lab.file("in/noise.png", &[7; 900]);
    let folder = lab.path("in");
    rustix::fs::mknodat(rustix::fs::CWD, lab.path("in/pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let out = lab.dam(&["--json", "import", folder.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let counts = ["imported", "refused", "left_out"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 1]);
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    assert!(files.iter().any(|f| f["outcome"] == "left-out" && f["given"].as_str().unwrap().ends_with("in/pipe")));
}

#[test]
fn what_is_not_there_is_not_found() {
    let lab = Lab::new();
    assert!(lab.fails(3, &["import", "nosuchfile"]).contains("nosuchfile"));
}

/// No other name is made up for a file.
#[test]
fn a_name_that_is_no_utf8_is_refused_with_its_reason() {
    use std::os::unix::ffi::OsStrExt;
    let lab = Lab::new();
    lab.image("in/good.png", 1);
    let odd = lab.path("in").join(std::ffi::OsStr::from_bytes(b"gr\xfcn.png"));
    fs::write(&odd, png(8, 8, 2, None)).unwrap();
    let folder = lab.path("in");
    let said = lab.fails(1, &["import", folder.to_str().unwrap(), "--into", "x"]);
    assert!(said.contains("not UTF-8"), "{said}");
    assert_eq!(lab.ok(&["find", "kind=image"]), "library/x/good.png\n");
}

#[test]
fn an_import_that_was_killed_goes_on_when_it_is_run_again() {
    let lab = Lab::new();
    for n in 0..150_u32 {
        lab.file(&format!("in/{n}.png"), &png(200, 200 + n, 7, None));
    }
    let folder = lab.path("in");
    let args = ["import", folder.to_str().unwrap(), "--into", "x"];
    for _ in 0..3 {
        let mut child = lab.command(&args).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(150));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    lab.ok(&args);
    assert_eq!(lab.ok(&["find", "kind=image"]).lines().count(), 150);
    assert!(lab.ok(&["import", folder.to_str().unwrap()]).starts_with("imported 0, already there 150, refused 0"));
    assert_eq!(lab.json(&["fsck", "--deep"])["clean"], true);
}

#[test]
fn a_terminal_sees_a_bar() {
    let lab = Lab::new();
    lab.image("in/a.png", 1);
    let line = format!("{} import {}", env!("CARGO_BIN_EXE_dam"), lab.path("in").display());
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm");
    let out = lab.at_home(command).output().unwrap();
    let said = text(&out.stdout);
    assert!(said.contains("1/1") && said.contains("imported 1"), "{said:?}");
}

/// Regression: texts were kept whole, and five times over: sixty hostile files made a catalogue of gigabytes.
#[test]
fn hostile_texts_cost_the_catalogue_little_and_the_record_says_what_was_cut() {
    let lab = Lab::new();
    let loras: String = (0..2_000).map(|n| format!("<lora:{n}{}:1>", "l".repeat(400))).collect();
    let prompt = format!("cat {loras} {}", "word ".repeat(2 << 20));
    for seed in 0..4u8 {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, 8, 8);
        let text = format!("{prompt}\nSteps: 20, Sampler: Euler, Seed: {seed}, Size: 8x8");
        for (key, value) in [("parameters", text), ("workflow", "w".repeat(4 << 20)), ("Comment", "c".repeat(4 << 20))]
        {
            encoder.add_ztxt_chunk(key.to_owned(), value).unwrap();
        }
        encoder.write_header().unwrap().write_image_data(&[seed; 64]).unwrap();
        lab.file(&format!("in/{seed}.png"), &out);
    }
    let folder = lab.path("in");
    let size = || -> u64 {
        let files = ["catalog.db", "catalog.db-wal"].map(|name| lab.library().join(name));
        files.iter().filter_map(|file| fs::metadata(file).ok()).map(|m| m.len()).sum()
    };
    let before = size();
    lab.ok(&["import", folder.to_str().unwrap(), "--into", "luna"]);
    let grown = size() - before;
    assert!(grown < 4 * (3 << 20), "four files of 18 MiB of text grew the catalogue by {grown} bytes");
    let record = lab.json(&["show", "library/luna/1.png"]);
    assert!(record["prompt"].as_str().unwrap().len() <= 64 << 10);
    assert_eq!(record["generation"]["raw"].as_str().unwrap().len(), 1 << 20);
    let cut = record["generation"]["cut"].to_string();
    assert!(cut.contains("`parameters` is too long") && cut.contains("the prompt"), "{cut}");
    assert_eq!(lab.ok(&["find", "prompt=cat"]).lines().count(), 4);
}

#[test]
fn sidecars_are_read_in_whatever_order_they_come() {
    let packet = br#"<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description
        xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></r:RDF>"#;
    for reversed in [false, true] {
        let lab = Lab::new();
        let mut files = [lab.image("in/a.png", 1), lab.file("in/a.png.xmp", packet)];
        if reversed {
            files.reverse();
        }
        for file in files {
            lab.ok(&["import", file.to_str().unwrap(), "--into", "luna", "--any"]);
        }
        assert_eq!(lab.ok(&["find", "stars=8"]), "library/luna/a.png\n", "{reversed}");
    }
}
