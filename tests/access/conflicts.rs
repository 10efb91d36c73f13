//! What file and record say differently: what stands, what waits, who learns of it, and how it ends.

use damfs::ops::proto::{Command, FailureKind};
use serde_json::{Value, json};

use crate::world::*;

const FILE: &str = "library/acme/p.jpg";
const COMMENT: &str = "user.xdg.comment";

/// An XMP packet with a caption, stars, a title.
fn packet(caption: &str, stars: u8, title: &str) -> String {
    format!(
        r#"<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description xmlns:dc="http://purl.org/dc/elements/1.1/"
        xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{stars}" dc:description="{caption}" dc:title="{title}"/></r:RDF>"#
    )
}

/// A JPEG with that packet alone.
fn framed(packet: &str) -> Vec<u8> {
    let body = [b"http://ns.adobe.com/xap/1.0/\0".as_slice(), packet.as_bytes()].concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [b"\xff\xd8\xff\xe1".as_slice(), &length, &body, b"\xff\xd9"].concat()
}

fn jpeg(caption: &str, stars: u8, title: &str) -> Vec<u8> {
    framed(&packet(caption, stars, title))
}

fn diff(world: &World, uid: u32) -> Value {
    world.serve(uid, Command::MetaDiff { target: FILE.into() }).unwrap()["fields"].clone()
}

fn resolve(field: Option<&str>, take: &str) -> Command {
    Command::MetaResolve { target: FILE.into(), field: field.map(str::to_owned), take: take.into() }
}

/// eddy has saved a caption, stars and a title while the admin had changed the comment and the stars by hand.
fn at_odds() -> (World, Seat, Seat) {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));
    admin.write(FILE, &jpeg("one", 1, "a")).unwrap();
    world.settle();
    world.set(FILE, &["client=acme", "stars=9"]);
    admin.setxattr(FILE, COMMENT, "by hand").unwrap();
    assert_eq!(diff(&world, 0), json!([]));
    eddy.overwrite(FILE, &jpeg("two", 2, "b")).unwrap();
    world.settle();
    (world, admin, eddy)
}

#[test]
fn what_a_program_wrote_stands_and_the_other_value_waits() {
    let (world, admin, eddy) = at_odds();
    let record = world.show(FILE);
    assert_eq!((&record["notes"], &record["stars"]), (&json!("two"), &json!(4)));
    assert_eq!(record["properties"]["title"], "b", "only the file had changed it");
    let fields = diff(&world, 0);
    let said = |n: usize| {
        [&fields[n]["field"], &fields[n]["stands"], &fields[n]["other"], &fields[n]["version"], &fields[n]["by"]]
    };
    assert_eq!(said(0), [&json!("note"), &json!("two"), &json!("by hand"), &json!(2), &json!("eddy")]);
    assert_eq!(said(1), [&json!("stars"), &json!("4"), &json!("9"), &json!(2), &json!("eddy")]);
    assert_eq!(fields.as_array().unwrap().len(), 2);
    assert_eq!(record["conflict"]["note"]["other"], "by hand");

    assert_eq!(admin.names("by/conflict"), ["note", "stars"]);
    assert_eq!(admin.names("by/conflict/note"), ["p.jpg"]);
    let found = world
        .serve(0, Command::Find { expr: Some("conflict=note".into()), sort: None, limit: None, count: false })
        .unwrap();
    assert_eq!(found["assets"][0]["path"], FILE);
    drop((admin, eddy));
    let reopened = world.reopen();
    assert_eq!(diff(&reopened, 0), fields);
}

#[test]
fn a_decision_ends_it() {
    let (world, admin, _eddy) = at_odds();
    world.serve(0, resolve(Some("note"), "other")).unwrap();
    assert_eq!(world.show(FILE)["notes"], "by hand");
    assert_eq!(admin.names("by/conflict"), ["stars"]);
    assert_eq!(world.kind(0, resolve(Some("note"), "other")), FailureKind::NotFound);
    assert_eq!(world.kind(0, resolve(Some("stars"), "eleven")), FailureKind::Usage);
    assert_eq!(world.kind(0, resolve(Some("note"), &"x".repeat(65_537))), FailureKind::Usage);
    world.serve(0, resolve(None, "stands")).unwrap();
    assert_eq!(world.show(FILE)["stars"], 4);
    assert!(!admin.names("by").contains(&"conflict".to_owned()), "listed only while there is one");
    let rows = world.library.catalog.read(|tx| tx.audit_after("ops", 0, 10_000)).unwrap();
    let told: Vec<&str> =
        rows.iter().filter(|row| row.action == "asset.resolve").map(|row| row.detail.as_str()).collect();
    assert_eq!(told, [r#"{"fields":["note"],"take":"other"}"#, r#"{"fields":["stars"],"take":"stands"}"#]);

    let (world, _admin, _eddy) = at_odds();
    world.serve(0, resolve(Some("note"), "third")).unwrap();
    assert_eq!(world.show(FILE)["notes"], "third");
}

#[test]
fn setting_the_field_ends_it_too_and_so_does_saying_the_same() {
    let (world, admin, eddy) = at_odds();
    world.set(FILE, &["stars=4"]);
    eddy.setxattr(FILE, COMMENT, "mine").unwrap();
    assert_eq!(diff(&world, 0), json!([]));
    assert!(!admin.has("by/conflict/note/p.jpg"));

    let (world, _admin, eddy) = at_odds();
    eddy.overwrite(FILE, &jpeg("by hand", 3, "b")).unwrap();
    world.settle();
    let fields = diff(&world, 0);
    assert_eq!((fields.as_array().unwrap().len(), &fields[0]["field"]), (1, &json!("stars")), "{fields}");
    assert_eq!((&fields[0]["stands"], &fields[0]["other"]), (&json!("6"), &json!("9")));
}

#[test]
fn nobody_learns_of_conflicts_of_what_he_may_not_list_or_decides_what_he_may_not_tag() {
    let (world, _admin, eddy) = at_odds();
    let other = world.member("olga", 1002, "editor", Some("client=globex"));
    assert!(!other.names("by").contains(&"conflict".to_owned()));
    assert!(!other.has("by/conflict/note") && other.names("by/conflict").is_empty());
    assert_eq!(world.kind(1002, Command::MetaDiff { target: FILE.into() }), FailureKind::NotFound);
    assert_eq!(world.kind(1002, resolve(None, "other")), FailureKind::NotFound);
    let all = Command::Find { expr: Some("not.conflict=none".into()), sort: None, limit: None, count: false };
    assert_eq!(world.serve(1002, all).unwrap()["assets"], json!([]));

    world.member("bob", 1003, "backup", None);
    assert_eq!(diff(&world, 1003).as_array().unwrap().len(), 2);
    assert_eq!(world.kind(1003, resolve(None, "other")), FailureKind::Refused);
    assert_eq!(eddy.names("by/conflict"), ["note", "stars"]);
}

/// What somebody set on a file before its first version stands; what the file says only fills what is empty.
#[test]
fn an_attribute_of_a_new_file_goes_before_what_the_file_says() {
    let (world, admin) = World::studio();
    admin.write("library/acme/.p.jpg.Xk3f9Q", &jpeg("of the file", 1, "a")).unwrap();
    admin.setxattr("library/acme/.p.jpg.Xk3f9Q", COMMENT, "of the backup").unwrap();
    admin.rename("library/acme/.p.jpg.Xk3f9Q", FILE).unwrap();
    world.settle();
    let record = world.show(FILE);
    assert_eq!((&record["notes"], &record["stars"]), (&json!("of the backup"), &json!(2)));
    assert_eq!(diff(&world, 0), json!([]));
}

/// What people say of a file goes into its record and never into its bytes; what we do not map stays in those, and in the record what no
/// program speaks of.
#[test]
fn masters_are_never_rewritten_and_a_merge_takes_nothing_else_away() {
    let (world, admin, eddy) = at_odds();
    let master = framed(
        &packet("four", 3, "d").replace("xmp:Rating", r#"xmlns:o="http://example.org/own/" o:grade="cold" xmp:Rating"#),
    );
    admin.setxattr(FILE, "user.dublincore.x-own", "kept").unwrap();
    eddy.overwrite(FILE, &master).unwrap();
    world.settle();
    let (hash, mtime) = (blake3::hash(&admin.read(FILE).unwrap()), admin.attr(FILE).unwrap().mtime);
    assert_eq!(hash, blake3::hash(&master));

    world.set(FILE, &["stars=1", "tag=sea", "persona=luna", "model=other"]);
    for (name, value) in [(COMMENT, "by hand"), ("user.dublincore.title", "mine"), ("user.note", "x")] {
        admin.setxattr(FILE, name, value).unwrap();
    }
    admin.rename(FILE, "library/acme/q.jpg").unwrap();
    admin.rename("library/acme/q.jpg", FILE).unwrap();
    world.settle();
    assert_eq!((blake3::hash(&admin.read(FILE).unwrap()), admin.attr(FILE).unwrap().mtime), (hash, mtime));
    let versions = world.show(FILE)["versions"].as_array().unwrap().len();
    let last = admin.read(&format!("versions/acme/p.jpg/{versions}.jpg")).unwrap();
    assert_eq!((blake3::hash(&last), versions), (hash, 3), "nothing that was said of it made a version");

    eddy.overwrite(FILE, &jpeg("five", 5, "e")).unwrap();
    world.settle();
    let record = world.show(FILE);
    assert_eq!(
        (&record["properties"]["x-own"], &record["tag"], &record["persona"]),
        (&json!("kept"), &json!(["sea"]), &json!(["luna"]))
    );
}
