//! `by/duplicate/`: what has the same bytes.

use damfs::ops::proto::Command;

use crate::world::*;

/// Three files of the same bytes, two of others, and one alone.
fn studio() -> (World, Seat) {
    let world = World::new();
    let me = world.admin();
    for (name, bytes) in [("a", "sea"), ("b", "sea"), ("c", "sea"), ("d", "hill"), ("e", "hill"), ("f", "alone")] {
        me.write(&format!("library/{name}.txt"), bytes.as_bytes()).unwrap();
    }
    world.settle();
    (world, me)
}

fn listed(seat: &Seat) -> Vec<String> {
    seat.names("by/duplicate").into_iter().filter(|name| !name.starts_with('.')).collect()
}

/// The files of each group.
fn groups(seat: &Seat) -> Vec<Vec<String>> {
    let files = |name| seat.names(&format!("by/duplicate/{name}")).into_iter().filter(|n| n != "+and").collect();
    let mut groups: Vec<Vec<String>> = listed(seat).into_iter().map(files).collect();
    groups.sort();
    groups
}

/// The digits of the group that a file is in.
fn of(seat: &Seat, file: &str) -> String {
    listed(seat).into_iter().find(|name| seat.has(&format!("by/duplicate/{name}/{file}"))).unwrap()
}

#[test]
fn copies_of_the_same_bytes_are_a_group() {
    let (world, me) = studio();
    assert_eq!(groups(&me), [vec!["a.txt", "b.txt", "c.txt"], vec!["d.txt", "e.txt"]]);
    let digits = of(&me, "a.txt");
    assert!(digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{digits}");
    let found = world
        .serve(0, Command::Find { expr: Some(format!("duplicate={digits}")), sort: None, limit: None, count: true });
    assert_eq!(found.unwrap()["count"], 3);
    let known = world.serve(0, Command::Complete { begun: "duplicate=".into() }).unwrap();
    let mut words: Vec<String> = listed(&me).into_iter().map(|name| format!("duplicate={name}")).collect();
    words.sort();
    assert_eq!(known["words"], serde_json::json!(words), "the shell completes groups, not every file's digits");
    assert!(!me.has("by/duplicate/0123456789abcdef") && !me.has(&format!("by/duplicate/{}", digits.to_uppercase())));
    me.write("library/g.txt", b"sea").unwrap();
    world.settle();
    assert_eq!(of(&me, "g.txt"), digits, "the name stays whoever comes");
    me.overwrite("library/a.txt", b"another sea").unwrap();
    world.settle();
    assert!(!me.has(&format!("by/duplicate/{digits}/a.txt")), "an edited copy is none any more");
    drop(me);
    assert_eq!(of(&world.reopen().admin(), "g.txt"), digits, "and over a restart");
}

#[test]
fn a_copy_in_the_trash_is_in_no_group_and_comes_back() {
    let (world, me) = studio();
    world.pass(60_000);
    me.unlink("library/e.txt").unwrap();
    world.pass(20_000);
    assert_eq!(groups(&me), [["a.txt", "b.txt", "c.txt"]]);
    world.serve(0, Command::Undo { turn: None, of: None, dry_run: false }).unwrap();
    assert_eq!(groups(&me).len(), 2);
}

#[test]
fn what_is_removed_from_a_group_is_said_to_be_removed_in_the_library() {
    let (world, me) = studio();
    let view = format!("by/duplicate/{}", of(&me, "a.txt"));
    for refused in [
        me.unlink(&format!("{view}/a.txt")),
        me.write(&format!("{view}/x.txt"), b"x"),
        me.mkdir("by/duplicate/x"),
        me.rename(&view, "by/duplicate/x"),
        me.rename("library/f.txt", &format!("{view}/f.txt")),
    ] {
        assert_eq!(errno(refused), libc::EPERM);
    }
    let said = me.read(".dam/errors").unwrap();
    assert!(String::from_utf8_lossy(&said).contains("remove files in library/"), "{said:?}");
    assert_eq!(groups(&me).len(), 2);
    me.overwrite(&format!("{view}/a.txt"), b"edited there").unwrap();
    world.pass(3_000);
    assert_eq!(groups(&me)[0], ["b.txt", "c.txt"], "programs save there, and what they save leaves the group");
}

#[test]
fn of_a_group_of_which_one_is_listed_nothing_tells() {
    let (world, me) = studio();
    world.set("library/a.txt", &["client=acme"]);
    let ada = world.member("ada", 1001, "editor", Some("client=acme"));
    assert_eq!(listed(&ada), Vec::<String>::new());
    world.set("library/b.txt", &["client=acme"]);
    assert_eq!(groups(&ada), [["a.txt", "b.txt"]]);
    assert_eq!(of(&ada, "a.txt"), of(&me, "c.txt"));
}
