//! Sidecars: read into the asset that they lie beside, and along with it wherever it goes.

use std::process::Command;

use damfs::catalog::AuditRow;
use damfs::ops::{Actor, conflicts};
use serde_json::{Value, json};

use crate::world::{User, World};

fn jpeg(seed: u8) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(8, 8, image::Rgb([seed, 0, 0]));
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

/// A sidecar as darktable and digiKam write it.
fn sidecar(tags: &[&str], stars: i8, note: &str) -> Vec<u8> {
    let tags: String = tags.iter().map(|tag| format!("<rdf:li>{tag}</rdf:li>")).collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:darktable="http://darktable.sf.net/" xmp:Rating="{stars}" darktable:xmp_version="5">
<dc:subject><rdf:Seq>{tags}</rdf:Seq></dc:subject>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{note}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>"#
    )
    .into_bytes()
}

fn studio() -> (tempfile::TempDir, World, User) {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(dir.path());
    let me = world.me();
    me.mkdir("luna").unwrap();
    (dir, world, me)
}

fn save(world: &World, user: &User, path: &str, bytes: &[u8]) {
    user.write(path, bytes).unwrap();
    world.wait(3);
}

fn said(world: &World, path: &str) -> [Value; 3] {
    let record = world.show(path);
    ["tag", "stars", "notes"].map(|key| record[key].clone())
}

fn rows(world: &World, action: &str) -> Vec<AuditRow> {
    let rows = world.library().catalog.read(|tx| tx.audit_after("ops", 0, 10_000)).unwrap();
    rows.into_iter().filter(|row| row.action == action).collect()
}

#[test]
fn what_a_sidecar_says_is_merged_into_its_asset() {
    let (_dir, world, me) = studio();
    let eddy = world.member("eddy", 1001, "editor", None);
    save(&world, &me, "luna/a.jpg", &jpeg(1));
    me.tag("luna/a.jpg", "mine");
    // darktable writes its sidecar three times in one go.
    for _ in 0..3 {
        eddy.write("luna/a.jpg.xmp", &sidecar(&["beach", "sun"], 4, "dusk")).unwrap();
    }
    world.wait(3);
    assert_eq!(said(&world, "luna/a.jpg"), [json!(["beach", "mine", "sun"]), json!(8), json!("dusk")]);
    assert_eq!(said(&world, "luna/a.jpg.xmp"), [json!([]), Value::Null, Value::Null], "it says nothing of itself");
    assert_eq!(world.versions("luna/a.jpg"), 1, "the file's bytes are as they were");
    let row = rows(&world, "asset.set").pop().unwrap();
    assert_eq!((row.actor.as_str(), row.subject), ("eddy", me.id("luna/a.jpg")));
    assert_eq!(row.detail, r#"{"sidecar":"library/luna/a.jpg.xmp","version":1}"#);

    // Three ways: what it takes out goes, what it said before and others changed stays.
    me.tag("luna/a.jpg", "beach,mine,sun,more");
    save(&world, &eddy, "luna/a.jpg.xmp", &sidecar(&["beach", "sea"], 4, "dusk"));
    assert_eq!(said(&world, "luna/a.jpg"), [json!(["beach", "mine", "more", "sea"]), json!(8), json!("dusk")]);
    let ino = me.find("luna/a.jpg").unwrap();
    let any = damfs::fs::XattrMode::Any;
    me.mount.setxattr(&me.caller, ino, b"user.xdg.comment", b"by hand", any).unwrap();
    save(&world, &eddy, "luna/a.jpg.xmp", &sidecar(&["beach", "sea"], -1, "night"));
    assert_eq!(said(&world, "luna/a.jpg")[1..], [json!(0), json!("night")]);
    let actor = Actor::of(world.library(), &me.caller).unwrap();
    let fields = conflicts::diff(world.library(), &actor, "library/luna/a.jpg").unwrap()["fields"].clone();
    assert_eq!(
        (&fields[0]["field"], &fields[0]["other"], &fields[0]["by"]),
        (&json!("note"), &json!("by hand"), &json!("eddy"))
    );
    assert_eq!(world.faults(), json!([]));
}

#[test]
fn a_sidecar_that_is_cut_short_takes_nothing_away() {
    let (_dir, world, me) = studio();
    save(&world, &me, "luna/a.jpg", &jpeg(1));
    let whole = sidecar(&["beach"], 4, "dusk");
    save(&world, &me, "luna/a.jpg.xmp", &whole);
    for cut in [&whole[..whole.len() / 2], b"", b"no packet"] {
        save(&world, &me, "luna/a.jpg.xmp", cut);
        assert_eq!(said(&world, "luna/a.jpg"), [json!(["beach"]), json!(8), json!("dusk")]);
    }
    save(&world, &me, "luna/a.jpg.xmp", &sidecar(&["beach", "sea"], 4, "dusk"));
    assert_eq!(said(&world, "luna/a.jpg")[0], json!(["beach", "sea"]));
}

#[test]
fn a_sidecar_that_comes_first_is_read_with_the_first_version() {
    let (_dir, world, me) = studio();
    save(&world, &me, "luna/a.jpg.xmp", &sidecar(&["beach"], 4, "dusk"));
    save(&world, &me, "luna/b.xmp", &sidecar(&["sea"], 2, ""));
    save(&world, &me, "luna/a.jpg", &jpeg(1));
    save(&world, &me, "luna/b.jpg", &jpeg(2));
    assert_eq!(said(&world, "luna/a.jpg"), [json!(["beach"]), json!(8), json!("dusk")]);
    assert_eq!(said(&world, "luna/b.jpg"), [json!(["sea"]), json!(4), Value::Null]);
}

#[test]
fn a_stem_is_that_of_one_file_or_of_the_raw_one() {
    let (_dir, world, me) = studio();
    for (n, path) in
        ["luna/a.nef", "luna/a.jpg", "luna/b.png", "luna/b.jpg", "luna/c.jpg", "luna/c.x.jpg"].into_iter().enumerate()
    {
        save(&world, &me, path, &jpeg(u8::try_from(n).unwrap()));
    }
    for path in ["luna/a.xmp", "luna/b.xmp", "luna/c.XMP"] {
        save(&world, &me, path, &sidecar(&["x"], 1, "n"));
    }
    let tagged: Vec<&str> = ["luna/a.nef", "luna/a.jpg", "luna/b.png", "luna/b.jpg", "luna/c.jpg", "luna/c.x.jpg"]
        .into_iter()
        .filter(|path| world.show(path)["tag"] == json!(["x"]))
        .collect();
    assert_eq!(tagged, ["luna/a.nef", "luna/c.jpg"], "of two that do not tell it is nobody's");
}

/// A picture with a sidecar of either kind, and what macOS keeps beside it.
fn with_sidecars() -> (tempfile::TempDir, World, User) {
    let (dir, world, me) = studio();
    save(&world, &me, "luna/a.jpg", &jpeg(1));
    save(&world, &me, "luna/a.jpg.xmp", &sidecar(&["beach"], 4, "dusk"));
    save(&world, &me, "luna/a.xmp", &sidecar(&["sea"], 4, "dusk"));
    save(&world, &me, "luna/._a.jpg", b"double");
    world.wait(3_600);
    (dir, world, me)
}

const OLD: [&str; 4] = ["._a.jpg", "a.jpg", "a.jpg.xmp", "a.xmp"];
const NEW: [&str; 4] = ["._b.jpg", "b.jpg", "b.jpg.xmp", "b.xmp"];

#[test]
fn a_sidecar_follows_its_asset_when_the_rename_is_final() {
    for settle in [false, true] {
        let (_dir, world, me) = with_sidecars();
        let ids = [me.id("luna/a.jpg.xmp"), me.id("luna/a.xmp")];
        me.mkdir("mira").unwrap();
        let renamed = if settle { "luna/b.jpg" } else { "mira/b.jpg" };
        let folder = renamed.split_once('/').unwrap().0;
        me.rename("luna/a.jpg", renamed).unwrap();
        world.wait(3);
        assert_eq!(
            me.names("luna").iter().filter(|name| *name != "b.jpg").count(),
            3,
            "not yet: a program may rename them, too"
        );
        if settle {
            let settle = damfs::ops::proto::Command::Settle;
            damfs::ops::serve(world.library(), &me.caller, settle, None).unwrap();
        } else {
            world.wait(20);
        }
        assert_eq!(me.names(folder), NEW);
        assert_eq!([me.id(&format!("{folder}/b.jpg.xmp")), me.id(&format!("{folder}/b.xmp"))], ids);
        assert_eq!(me.read(&format!("{folder}/._b.jpg")).unwrap(), b"double");
        let moved: Vec<String> = rows(&world, "asset.move").into_iter().map(|row| row.detail).collect();
        assert!(
            moved.contains(&format!(r#"{{"from":"library/luna/a.jpg.xmp","to":"library/{folder}/b.jpg.xmp"}}"#)),
            "{moved:?}"
        );
        // It goes on being read into it.
        save(&world, &me, &format!("{folder}/b.jpg.xmp"), &sidecar(&["new"], 4, "dusk"));
        assert!(said(&world, renamed)[0].to_string().contains("new"));
        assert_eq!(world.faults(), json!([]));
    }
}

#[test]
fn a_program_that_renames_or_removes_both_finds_both() {
    let (_dir, world, me) = with_sidecars();
    for (old, new) in OLD.into_iter().zip(NEW) {
        me.rename(&format!("luna/{old}"), &format!("luna/{new}")).unwrap();
    }
    world.wait(20);
    assert_eq!(me.names("luna"), NEW);
    for new in NEW {
        me.unlink(&format!("luna/{new}")).unwrap();
    }
    world.wait(20);
    assert_eq!(me.names("luna"), [""; 0]);
}

#[test]
fn a_save_leaves_a_sidecar_where_it_is() {
    for steps in ["mv", "rm"] {
        let (_dir, world, me) = with_sidecars();
        match steps {
            "mv" => me.rename("luna/a.jpg", "luna/a.jpg~").unwrap(),
            _ => me.unlink("luna/a.jpg").unwrap(),
        }
        let settle = damfs::ops::proto::Command::Settle;
        damfs::ops::serve(world.library(), &me.caller, settle, None).unwrap();
        me.write("luna/a.jpg", &jpeg(7)).unwrap();
        world.wait(20);
        let mut names = me.names("luna");
        names.retain(|name| name != "a.jpg~");
        if steps == "rm" {
            // What macOS keeps is local, and went with the removal that `dam settle` took for final.
            names.insert(0, "._a.jpg".into());
        }
        assert_eq!(names, OLD, "{steps}");
    }
}

#[test]
fn a_sidecar_goes_to_the_trash_with_its_asset_and_comes_back() {
    let (_dir, world, me) = with_sidecars();
    let ids = [me.id("luna/a.jpg"), me.id("luna/a.jpg.xmp"), me.id("luna/a.xmp")];
    me.unlink("luna/a.jpg").unwrap();
    world.wait(20);
    assert_eq!(me.names("luna"), [""; 0]);
    let day = me.names("/trash").into_iter().find(|name| name.starts_with('2')).unwrap();
    assert_eq!(me.names(&format!("/trash/{day}")), OLD[1..]);
    assert_eq!(rows(&world, "asset.trash").len(), 3);
    world.wait(3_600);
    me.rename(&format!("/trash/{day}/a.jpg"), "luna/b.jpg").unwrap();
    assert_eq!(me.names("luna"), NEW[1..]);
    assert_eq!([me.id("luna/b.jpg"), me.id("luna/b.jpg.xmp"), me.id("luna/b.xmp")], ids);
    assert_eq!(world.faults(), json!([]));
}

#[test]
fn a_sidecar_goes_with_what_a_file_manager_trashes() {
    let (_dir, world, me) = with_sidecars();
    me.rename("luna/a.jpg", "/.Trash-0/files/a.jpg").unwrap();
    world.wait(20);
    assert_eq!(me.names("luna"), [""; 0]);
    me.rename("/.Trash-0/files/a.jpg", "luna/a.jpg").unwrap();
    assert_eq!(me.names("luna"), OLD[1..]);

    // It trashes both, and a new file of the name is another asset.
    let (_dir, world, me) = with_sidecars();
    let id = me.id("luna/a.jpg");
    for name in ["a.jpg", "a.jpg.xmp"] {
        me.rename(&format!("luna/{name}"), &format!("/.Trash-0/files/{name}")).unwrap();
    }
    save(&world, &me, "luna/a.jpg", &jpeg(5));
    world.wait(20);
    assert_ne!(me.id("luna/a.jpg"), id);
    assert_eq!(me.names("luna"), ["._a.jpg", "a.jpg", "a.xmp"]);
    assert_eq!(world.faults(), json!([]));
}

#[test]
fn a_restart_in_between_keeps_a_sidecar_from_nothing() {
    let (_dir, mut world, me) = with_sidecars();
    me.rename("luna/a.jpg", "luna/b.jpg").unwrap();
    drop(me);
    world.open();
    world.wait(20);
    assert_eq!(world.me().names("luna"), NEW);
}

#[test]
fn what_belongs_to_another_or_finds_no_place_stays() {
    let (_dir, world, me) = with_sidecars();
    save(&world, &me, "luna/a.png", &jpeg(2));
    save(&world, &me, "luna/b.jpg.xmp", &sidecar(&[], 0, "taken"));
    me.rename("luna/a.jpg", "luna/b.jpg").unwrap();
    world.wait(20);
    assert_eq!(me.names("luna"), ["._b.jpg", "a.jpg.xmp", "a.png", "a.xmp", "b.jpg", "b.jpg.xmp"]);

    let (_dir, world, me) = with_sidecars();
    me.rename("luna/a.jpg", "luna/b.jpg").unwrap();
    save(&world, &me, "luna/a.jpg", &jpeg(9));
    world.wait(20);
    assert_eq!(me.names("luna"), ["._a.jpg", "a.jpg", "a.jpg.xmp", "a.xmp", "b.jpg"], "a new file has the name");
}

/// What exiv2 (digiKam's engine) and exiftool write, as they write it.
#[test]
fn sidecars_of_real_programs_are_read() {
    let (dir, world, me) = studio();
    let at = dir.path().join("work");
    std::fs::create_dir(&at).unwrap();
    std::fs::write(at.join("a.jpg"), jpeg(1)).unwrap();
    let run = |program: &str, args: &[&str]| {
        let done = Command::new(program).args(args).current_dir(&at).output().unwrap();
        assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let set = [
        "set Xmp.dc.subject XmpBag beach",
        "set Xmp.xmp.Rating XmpText 4",
        "set Xmp.dc.title LangAlt lang=x-default Blue hour",
    ];
    run("exiv2", &["-M", set[0], "-M", set[1], "-M", set[2], "a.jpg"]);
    run("exiv2", &["-eX", "a.jpg"]);
    run(
        "exiftool",
        &[
            "-o",
            "b.jpg.xmp",
            "-XMP-dc:Creator=Ann",
            "-XMP-dc:Creator=Bob",
            "-XMP-dc:Description=Words",
            "-XMP-xmp:Rating=2",
        ],
    );
    save(&world, &me, "luna/a.jpg", &jpeg(1));
    save(&world, &me, "luna/b.jpg", &jpeg(2));
    save(&world, &me, "luna/a.xmp", &std::fs::read(at.join("a.xmp")).unwrap());
    save(&world, &me, "luna/b.jpg.xmp", &std::fs::read(at.join("b.jpg.xmp")).unwrap());
    assert_eq!(said(&world, "luna/a.jpg"), [json!(["beach"]), json!(8), Value::Null]);
    assert_eq!(world.show("luna/a.jpg")["properties"], json!({ "title": "Blue hour" }));
    assert_eq!(said(&world, "luna/b.jpg"), [json!([]), json!(4), json!("Words")]);
    assert_eq!(world.show("luna/b.jpg")["properties"], json!({ "creator": "Ann; Bob" }));
}
