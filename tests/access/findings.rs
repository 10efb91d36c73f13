//! `dam audit metadata`: what is told of whom, and what is mended.

use damfs::blob::ObjectKind;
use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::undo::{Ask, undo};
use damfs::ops::{Actor, serve};
use damfs::policy::platforms;
use damfs::types::Caller;
use damfs::view::recipes::{object_name, recipe_for};
use serde_json::{Value, json};

use crate::world::World;

const WORDS: &str = r#"
core = ["rating", "persona"]
strict = ["persona"]
[tag.beach]
aliases = ["seaside"]
[tag.promo]
replaced-by = "beach"
[tag.gone]
retired = true
[persona.luna]
[persona.lu]
replaced-by = "luna"
[model.sdxl]
aliases = ["SDXL 1.0"]
"#;

fn audit(world: &World, uid: u32, query: Option<&str>, fix: bool) -> Value {
    world.serve(uid, Command::AuditMetadata { query: query.map(str::to_owned), fix }).unwrap()
}

/// Each finding in one line.
fn lines(told: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |found: &Value| ["path", "what", "field", "value", "instead"].map(|key| word(&found[key])).join(" ");
    told["findings"].as_array().unwrap().iter().map(line).collect()
}

/// A file with these values, from before there was a glossary.
fn studio(files: &[&[&str]]) -> World {
    let world = World::new();
    let admin = world.admin();
    for (n, set) in files.iter().enumerate() {
        admin.write(&format!("library/{n}.png"), format!("bytes {n}").as_bytes()).unwrap();
        world.settle();
        world.set(&format!("library/{n}.png"), set);
    }
    world.words(WORDS);
    world
}

#[test]
fn what_does_not_keep_to_the_glossary_is_told_asset_by_asset() {
    let world = studio(&[
        &["rating=safe", "persona=luna", "tag=beach", "tag=fine"],
        &["persona=lna", "tag=seaside.north"],
        &["rating=safe", "persona=lu", "tag=promo.x", "tag=gone", "tag=baech"],
        &["rating=safe", "persona=luna", "model=SDXL 1.0"],
    ]);
    world.admin().mkdir("by/tag/waiting").unwrap();
    let told = audit(&world, 0, None, false);
    assert_eq!(
        lines(&told),
        [
            "library/1.png missing rating  -",
            "library/1.png unknown persona lna luna",
            "library/1.png alias tag seaside.north beach.north",
            "library/2.png retired persona lu luna",
            "library/2.png misspelt tag baech beach",
            "library/2.png retired tag gone -",
            "library/2.png retired tag promo.x beach.x",
            "library/3.png alias model SDXL 1.0 sdxl",
            "- unused tag waiting -",
        ]
    );
    assert_eq!((&told["assets"], &told["more"], &told["fixed"]), (&json!(4), &json!(0), &json!(0)));
    assert_eq!(told["counts"]["retired"], json!(3));
    assert_eq!(lines(&audit(&world, 0, Some("tag=fine"), false)), [""; 0]);
    let wrong = Command::AuditMetadata { query: Some("tga=x".into()), fix: false };
    assert_eq!(world.kind(0, wrong), FailureKind::Usage);
}

#[test]
fn what_is_certain_is_mended_in_one_turn_and_comes_back() {
    let world =
        studio(&[&["tag=seaside", "tag=beach"], &["tag=promo.x", "model=SDXL 1.0"], &["persona=lu", "tag=baech"]]);
    let before: Vec<Value> = (0..3).map(|n| world.show(&format!("library/{n}.png"))).collect();
    // Another command is another turn.
    let fix = Command::AuditMetadata { query: None, fix: true };
    let told = serve::serve(&world.library, &Caller { uid: 0, gid: 0, process: 77 }, fix, None).unwrap();
    assert_eq!(told["fixed"], json!(3));
    let left = told["counts"].as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(left, ["missing", "misspelt"], "what is a guess stays");
    let field = |n: usize, key: &str| world.show(&format!("library/{n}.png"))[key].clone();
    assert_eq!((field(0, "tag"), field(1, "tag")), (json!(["beach"]), json!(["beach/x"])));
    assert_eq!((field(1, "model"), field(2, "persona")), (json!("sdxl"), json!(["luna"])));
    assert_eq!(audit(&world, 0, None, true)["fixed"], json!(0));
    let actor = Actor::of(&world.library, &world.admin().caller).unwrap();
    let undone = undo(&world.library, &actor, &Ask::default()).unwrap();
    assert_eq!(undone["left"], json!([]), "{undone}");
    for (n, before) in before.iter().enumerate() {
        let after = world.show(&format!("library/{n}.png"));
        for key in ["tag", "persona", "model"] {
            assert_eq!(after[key], before[key]);
        }
    }
}

/// What he may not list is not counted, and what he may not tag he does not mend.
#[test]
fn nobody_hears_of_what_he_may_not_list() {
    let (world, _admin) = World::studio();
    world.set("library/acme/a.png", &["tag=seaside"]);
    world.set("library/globex/secret.png", &["tag=promo"]);
    world.words(WORDS);
    world.member("anna", 1001, "content-creator", Some("client=acme"));
    world.member("rita", 1002, "backup", None);
    let told = audit(&world, 1001, None, false);
    assert_eq!((&told["assets"], told["counts"].get("retired")), (&json!(1), None));
    let fix = Command::AuditMetadata { query: None, fix: true };
    assert_eq!(world.kind(1002, fix), FailureKind::Refused);
    assert_eq!(world.show("library/acme/a.png")["tag"], json!(["seaside"]), "all of it or nothing");
    assert_eq!(audit(&world, 1001, None, true)["fixed"], json!(1));
    assert_eq!(world.show("library/globex/secret.png")["tag"], json!(["promo"]));
}

/// A TIFF that says where it was taken.
fn located() -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let tags = [entry(0x0100, 4, 1, 8), entry(0x0101, 4, 1, 8), entry(0x8825, 4, 1, 50)];
    tiff.extend(3u16.to_le_bytes());
    tiff.extend(tags.concat());
    tiff.extend([0; 4]);
    tiff.extend(1u16.to_le_bytes());
    tiff.extend(entry(0x0002, 5, 3, 68));
    tiff.extend([0; 4]);
    tiff.extend([1; 24]);
    tiff
}

#[test]
fn places_and_prompts_that_go_out_are_told() {
    let world = World::new();
    let admin = world.admin();
    admin.write("library/a.tif", &located()).unwrap();
    world.settle();
    world.set("library/a.tif", &["rating=safe", "status.instagram=approved"]);
    let what = || lines(&audit(&world, 0, None, false));
    assert_eq!(what(), ["library/a.tif gps bytes  -"]);
    let (asset, version) = world
        .library
        .catalog
        .read(|tx| {
            let asset = tx.find(&damfs::policy::parse("kind=image").unwrap(), 0, 1)?.remove(0);
            let version = tx.version(asset.head.unwrap())?.unwrap();
            Ok::<_, damfs::catalog::CatalogError>((asset, version))
        })
        .unwrap();
    let placement = platforms::shipped().get("instagram", "profile").unwrap();
    let name = object_name(
        version.content,
        &world.library.catalog.read(|tx| recipe_for(tx, &asset, &version, placement, None, None)).unwrap(),
    );
    world.library.vault.put_object(ObjectKind::Rendition, &name, &located()).unwrap();
    assert_eq!(what(), ["library/a.tif gps bytes  -", "library/a.tif export-gps instagram/profile  -"]);
    world.set("library/a.tif", &["status.instagram=rejected"]);
    assert_eq!(what(), ["library/a.tif gps bytes  -"], "what is not approved goes nowhere");
}
