//! A library's own words: aliases, implications, closed vocabularies, and who hears of them.

use std::collections::BTreeSet;

use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::undo::{Ask, undo};
use damfs::ops::{Actor, OpsError};
use serde_json::json;

use crate::world::{Seat, World, assign, errno};

const WORDS: &str = r#"
strict = ["persona"]
[tag.beach]
aliases = ["seaside", "strand"]
implies = ["outdoor"]
[tag.outdoor]
[tag.summer]
parent = "campaigns"
[tag.campaigns]
values = ["summer", "winter"]
[tag.promo]
replaced-by = "beach"
[persona.luna]
aliases = ["Luna Ray"]
[persona.mira]
[model.sdxl]
implies = ["sd"]
[model.sd]
"#;

fn files(seat: &Seat, view: &str) -> BTreeSet<String> {
    seat.names(view).into_iter().filter(|name| name.ends_with(".png")).collect()
}

fn set_of(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn tags(world: &World, path: &str) -> serde_json::Value {
    world.show(path)["tag"].clone()
}

/// A file with each of these values, which it has from before there was a glossary.
fn studio(values: &[&str]) -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    for (n, set) in values.iter().enumerate() {
        admin.write(&format!("library/{n}.png"), format!("bytes {n}").as_bytes()).unwrap();
        world.settle();
        world.set(&format!("library/{n}.png"), &[set]);
    }
    world.words(WORDS);
    (world, admin)
}

fn find(world: &World, expr: &str) -> BTreeSet<String> {
    let found =
        world.serve(0, Command::Find { expr: Some(expr.into()), sort: None, limit: None, count: false }).unwrap();
    let names = found["assets"].as_array().unwrap().iter().map(|asset| asset["view_name"].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn a_term_is_found_by_its_aliases_and_by_what_implies_it() {
    let (world, admin) = studio(&["tag=beach", "tag=seaside.north", "tag=outdoor", "tag=city", "model=sdxl"]);
    let beach = set_of(&["0.png", "1.png"]);
    for view in ["by/tag/beach", "by/tag/seaside", "find/tag=strand", "by/tag/outdoor/+and/tag/beach"] {
        assert_eq!(files(&admin, view), beach, "{view}");
        assert!(admin.has(&format!("{view}/0.png")) && !admin.has(&format!("{view}/3.png")), "{view}");
    }
    admin.mkdir("saved/tag=strand").unwrap();
    assert_eq!((find(&world, "tag=strand"), files(&admin, "saved/tag=strand")), (beach.clone(), beach));
    assert_eq!(files(&admin, "by/tag/outdoor"), set_of(&["0.png", "1.png", "2.png"]));
    assert_eq!(find(&world, "not.tag=outdoor"), set_of(&["3.png", "4.png"]));
    assert_eq!(files(&admin, "by/tag/strand/north"), set_of(&["1.png"]));
    assert_eq!(files(&admin, "by/model/sd"), set_of(&["4.png"]));
    // An alias is listed as its term, also where it is stored; a term that nothing has resolves and is not listed.
    let listed: Vec<String> = admin.names("by/tag").into_iter().filter(|name| !name.starts_with('.')).collect();
    assert_eq!(listed, ["beach", "city", "none", "outdoor"]);
    assert!(admin.has("by/tag/campaigns/summer") && !admin.has("by/tag/summer"));
    assert_eq!(find(&world, "persona=mira"), BTreeSet::new());
}

#[test]
fn what_implies_a_term_narrows_as_if_it_had_it() {
    let (_world, admin) = studio(&["tag=beach", "tag=outdoor", "tag=strand", "rating=safe"]);
    assert_eq!(admin.names("find/not.tag=none/+and/tag"), ["beach"], "outdoor holds for all");
    assert_eq!(files(&admin, "find/not.tag=none/+and/tag/beach"), set_of(&["0.png", "2.png"]));
    assert_eq!(admin.names("find/kind=other/+and/tag"), ["beach", "outdoor"]);
}

#[test]
fn an_alias_becomes_its_term_however_it_is_given() {
    let (world, admin) = studio(&["tag=city", "tag=city", "tag=city", "tag=city"]);
    world.set("library/0.png", &["tag=+seaside.north", "persona=Luna Ray"]);
    assert_eq!(tags(&world, "library/0.png"), json!(["beach/north", "city"]));
    assert_eq!(world.show("library/0.png")["persona"], json!(["luna"]));
    admin.rename("by/tag/city/1.png", "by/tag/seaside/1.png").unwrap();
    assert_eq!(tags(&world, "library/1.png"), json!(["beach"]));
    admin.setxattr("library/2.png", "user.xdg.tags", "strand,new").unwrap();
    assert_eq!(tags(&world, "library/2.png"), json!(["beach", "city", "new"]));
    admin.setxattr("library/2.png", "user.xdg.tags", "new").unwrap();
    assert_eq!(tags(&world, "library/2.png"), json!(["city", "new"]), "taken away by the name that it was given by");
    admin.write("find/tag=strand,persona=luna/new.png", b"new").unwrap();
    world.settle();
    assert_eq!(files(&admin, "by/tag/beach"), set_of(&["0.png", "1.png", "new.png"]));
    admin.mkdir("by/tag/seaside/south").unwrap();
    assert!(admin.names("by/tag/beach").contains(&"south".to_owned()));
    admin.rmdir("by/tag/strand/south").unwrap();
    assert!(!admin.names("by/tag/beach").contains(&"south".to_owned()));
}

#[test]
fn what_the_glossary_gives_to_nothing_is_refused_with_the_nearest_term() {
    let (world, admin) = studio(&["tag=city", "persona=lua"]);
    let refused = |set: &str, says: &str| {
        let command =
            Command::Set { what: vec!["library/0.png".into()].into(), set: assign(&[set]), dry_run: false, why: None };
        let failure = world.serve(0, command).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage, "{set}");
        let text = format!("{}; {}", failure.message, failure.hint.unwrap());
        assert!(text.contains(says), "{set}: {text}");
    };
    refused("persona=lnua", "did you mean `luna`?");
    refused("tag=campaigns.sumer", "did you mean `campaigns.summer`?");
    refused("tag=promo", "give tag=beach");
    let tag =
        Command::Tag { what: vec!["library/0.png".into()].into(), tag: "promo".into(), remove: false, dry_run: false };
    assert_eq!(world.kind(0, tag), FailureKind::Usage);
    let rule = Command::FolderRule { folder: "x".into(), set: assign(&["persona=nova"]) };
    assert_eq!(world.kind(0, rule), FailureKind::Usage);
    for result in [
        admin.mkdir("by/persona/nova"),
        admin.mkdir("by/tag/campaigns/spring"),
        admin.rename("by/persona/lua", "by/persona/nova"),
        admin.rename("library/0.png", "by/persona/lua/0.png"),
        admin.write("by/persona/lua/2.png", b"two"),
        admin.setxattr("library/0.png", "user.xdg.tags", "fine,promo"),
    ] {
        assert_eq!(errno(result), libc::EPERM);
    }
    let errors = String::from_utf8(admin.read(".dam/errors").unwrap()).unwrap();
    assert!(errors.contains("did you mean `luna`?") && errors.contains("give tag=beach"), "{errors}");
    assert_eq!(tags(&world, "library/0.png"), json!(["city"]));
    // What an asset has already it keeps, and a word that is none can be renamed to one that is.
    world.set("library/1.png", &["persona=lua", "persona=+mira"]);
    admin.rename("by/persona/lua", "by/persona/Luna Ray").unwrap();
    assert_eq!(world.show("library/1.png")["persona"], json!(["luna", "mira"]));
}

/// It has no such value that could be taken: the sentence says which one to take.
#[test]
fn what_is_only_implied_is_not_taken_away() {
    let (world, admin) = studio(&["tag=seaside", "tag=outdoor", "tag=city"]);
    for result in [admin.unlink("by/tag/outdoor/0.png"), admin.rename("by/tag/outdoor/0.png", "by/tag/city/0.png")] {
        assert_eq!(errno(result), libc::EPERM);
    }
    let errors = String::from_utf8(admin.read(".dam/errors").unwrap()).unwrap();
    assert!(errors.contains("take tag=seaside from it"), "{errors}");
    assert_eq!(tags(&world, "library/0.png"), json!(["seaside"]));
    admin.unlink("by/tag/outdoor/1.png").unwrap();
    // Stored by another name it is the value all the same, and a save in a view of what is implied is a save.
    admin.overwrite("by/tag/outdoor/0.png", b"again").unwrap();
    admin.unlink("by/tag/beach/0.png").unwrap();
    assert_eq!((tags(&world, "library/0.png"), tags(&world, "library/1.png")), (json!([]), json!([])));
    world.set("library/2.png", &["tag=+beach"]);
    world.set("library/2.png", &["tag=-strand"]);
    assert_eq!(tags(&world, "library/2.png"), json!(["city"]));
}

#[test]
fn a_defined_term_is_renamed_in_the_glossary() {
    let (world, admin) = studio(&["tag=beach", "tag=places.x"]);
    assert_eq!(errno(admin.rename("by/tag/beach", "by/tag/elsewhere")), libc::EPERM);
    assert_eq!(errno(admin.rename("by/tag/campaigns", "by/tag/elsewhere")), libc::EPERM);
    admin.rename("by/tag/places", "by/tag/elsewhere").unwrap();
    admin.rename("by/tag/elsewhere/x", "by/tag/campaigns/winter").unwrap();
    assert_eq!(tags(&world, "library/1.png"), json!(["campaigns/winter"]));
}

/// Rules of roles and scopes speak the same language; a change of the glossary is one of what everybody may.
#[test]
fn roles_mean_what_the_glossary_says() {
    let (world, admin) = studio(&["tag=beach", "tag=city", "tag=outdoor"]);
    drop(admin);
    let role = "[role.indoor.allow]\nlist = \"*\"\ndownload = \"*\"\n[role.indoor.deny]\nlist = \"tag=outdoor\"\n";
    let world = world.with_roles(role);
    let ann = world.member("ann", 1001, "indoor", None);
    let bob = world.member("bob", 1002, "editor", Some("tag=seaside"));
    assert_eq!(files(&ann, "library"), set_of(&["1.png"]));
    assert_eq!(files(&bob, "library"), set_of(&["0.png"]));
    assert!(!ann.has("by/tag/beach"), "only hidden files have it");
    let fh = bob.open("library/0.png", true, false).unwrap();
    world.words("");
    assert_eq!(files(&ann, "library"), set_of(&["0.png", "1.png"]));
    assert!(!bob.has("library/0.png"));
    assert!(bob.pread(fh).is_err(), "what is open ends, too");
}

/// Who does not list everything is told of no term but those that he sees in use.
#[test]
fn a_refusal_tells_of_no_term_that_is_used_elsewhere() {
    let (world, _admin) = World::studio();
    world.set("library/acme/a.png", &["persona=luna"]);
    world.words("strict = [\"persona\"]\n[persona.nova]\n[persona.luna]");
    let anna = world.member("anna", 1001, "content-creator", Some("client=acme"));
    let set = |persona: &str| {
        let set = assign(&[&format!("persona={persona}")]);
        world.serve(
            1001,
            Command::Set { what: vec!["library/acme/a.png".into()].into(), set, dry_run: false, why: None },
        )
    };
    let failure = set("novaa").unwrap_err();
    let text = format!("{}{}", failure.message, failure.hint.unwrap());
    assert!(!text.contains("`nova`") && !text.contains("nova,") && text.contains("luna"), "{text}");
    assert!(!anna.has("by/persona/nova"));
    set("nova").unwrap();
    assert!(anna.has("by/persona/nova/a.png"), "who knows a term may give it");
}

/// Regression: what took a retired term's place was told to who sees it used nowhere, and so was the term behind an alias.
#[test]
fn a_retired_term_tells_of_none_that_is_used_elsewhere() {
    let (world, _admin) = World::studio();
    world.words(
        "[tag.launch]\n[tag.teaser]\naliases = [\"promo\"]\nretired = true\nreplaced-by = \"launch\"\n[tag.city]\nvalues = [\"day\", \"night\"]",
    );
    world.set("library/acme/a.png", &["tag=city"]);
    let _anna = world.member("anna", 1001, "content-creator", Some("client=acme"));
    let tag = |uid: u32, tag: &str| {
        let what = vec!["library/acme/a.png".into()].into();
        let failure =
            world.serve(uid, Command::Tag { what, tag: tag.into(), remove: false, dry_run: true }).unwrap_err();
        format!("{} {}", failure.message, failure.hint.unwrap_or_default())
    };
    let text = tag(1001, "promo");
    assert!(text.contains("promo") && !text.contains("launch") && !text.contains("teaser"), "{text}");
    let text = tag(1001, "city/nite");
    assert!(!text.contains("night"), "{text}");
    let listed = world.serve(1001, Command::Glossary).unwrap().to_string();
    assert!(listed.contains("city") && !listed.contains("night") && !listed.contains("launch"), "{listed}");
    let text = tag(0, "promo");
    assert!(text.contains("tag=launch"), "an admin is told what to give: {text}");
}

/// Regression: a word that had become an alias was listed as its term and could be removed by nobody.
#[test]
fn a_word_that_became_an_alias_is_removed_as_its_term() {
    let (world, admin) = World::studio();
    admin.mkdir("by/tag/seaside").unwrap();
    world.words("[tag.beach]\naliases = [\"seaside\"]");
    assert!(admin.names("by/tag").contains(&"beach".to_owned()));
    admin.rmdir("by/tag/beach").unwrap();
    assert!(!admin.names("by/tag").contains(&"beach".to_owned()));
}

#[test]
fn a_glossary_with_a_mistake_changes_nothing_and_opens_no_library() {
    let (world, admin) = studio(&["tag=seaside"]);
    world.words("[tag.beach]\naliases = [\"seaside\"]\nimplise = []");
    assert_eq!(files(&admin, "by/tag/beach"), set_of(&["0.png"]), "the words before it stay in force");
    let fault = world.library.glossary_fault().unwrap();
    assert!(fault.contains("line 3") && fault.contains("`implies`"), "{fault}");
    let file = world.library.root().join("glossary.toml");
    std::fs::remove_file(&file).unwrap();
    world.beats();
    assert_eq!(files(&admin, "by/tag/beach"), set_of(&["0.png"]), "nor does one that is gone for a moment");
    world.words(WORDS);
    assert_eq!(world.library.glossary_fault(), None);
    std::fs::write(&file, "[tag.x]\nimplies = [\"y\"]").unwrap();
    drop(admin);
    let error = world.try_reopen().err().unwrap().to_string();
    assert!(error.contains("line 2"), "{error}");
}

/// What is taken back is given by nobody anew.
#[test]
fn what_was_so_before_the_glossary_comes_back() {
    let (world, admin) = studio(&["tag=promo", "tag=city"]);
    world.pass(3_000);
    admin.unlink("by/tag/promo/0.png").unwrap();
    let actor = Actor::of(&world.library, &admin.caller).unwrap();
    world.pass(20_000);
    undo(&world.library, &actor, &Ask::default()).unwrap();
    assert_eq!(tags(&world, "library/0.png"), json!(["promo"]));
    let of = damfs::ops::assign::Ask { what: vec!["library/1.png".into()].into(), ..Default::default() };
    let given = damfs::ops::assign::tag(&world.library, &actor, of, "promo", false, &());
    assert!(matches!(given, Err(OpsError::NoTerm { .. })));
}
