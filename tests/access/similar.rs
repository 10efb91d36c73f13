//! `by/similar/`: pictures that look alike.

use damfs::catalog::LookRow;
use damfs::media::LOOK;
use damfs::ops::proto::Command;
use damfs::types::Colours;

use crate::world::*;

/// A picture of a few lights; the same scene at any size.
fn picture(scene: u32, side: u32, brighter: f64, parameters: Option<&str>) -> Vec<u8> {
    let at = |n: u32| f64::from(n) / f64::from(side);
    let lights: Vec<[f64; 3]> =
        (1..7).map(|n| [7, 11, 17].map(|prime| f64::from((scene * 31 + n * prime * 13) % 97) / 97.0)).collect();
    let shade = |x: f64, y: f64| {
        let light = |[a, b, c]: &[f64; 3]| (c + 0.2) * (-((x - a).powi(2) + (y - b).powi(2)) * 20.0).exp();
        (brighter * 120.0 * lights.iter().map(light).sum::<f64>()).clamp(0.0, 255.0)
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
    let pixels: Vec<u8> = (0..side * side).map(|n| shade(at(n % side), at(n / side)) as u8).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    if let Some(text) = parameters {
        encoder.add_text_chunk("parameters".into(), text.to_owned()).unwrap();
    }
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    out
}

fn listed(seat: &Seat) -> Vec<String> {
    seat.names("by/similar")
}

fn files(seat: &Seat, group: &str) -> Vec<String> {
    seat.names(&format!("by/similar/{group}")).into_iter().filter(|name| name != "+and").collect()
}

fn similar(world: &World, within: u32) -> serde_json::Value {
    world.serve(0, Command::Similar { target: "library/a.png".into(), within }).unwrap()
}

#[test]
fn pictures_that_look_alike_are_a_group() {
    let world = World::new();
    let me = world.admin();
    for (name, scene, side, brighter) in [
        ("a", 1, 64, 1.0),
        ("other", 2, 64, 1.0),
        ("a-small", 1, 48, 1.0),
        ("a-bright", 1, 64, 1.1),
        ("third", 3, 64, 1.0),
    ] {
        me.write(&format!("library/{name}.png"), &picture(scene, side, brighter, None)).unwrap();
    }
    me.write("library/copy.png", &picture(2, 64, 1.0, None)).unwrap();
    me.write("library/text.txt", b"no picture").unwrap();
    world.settle();
    assert_eq!(listed(&me), Vec::<String>::new(), "nobody looked yet");
    assert!(!world.library.has_looked());
    world.library.look();
    assert!(world.library.has_looked());
    assert_eq!(listed(&me), ["a"], "what has the same bytes is no group here");
    assert_eq!(files(&me, "a"), ["a-bright.png", "a-small.png", "a.png"]);
    assert_eq!(files(&me, "a-small"), files(&me, "a"), "also by another's name");
    assert!(!me.has("by/similar/other") && !me.has("by/similar/text") && !me.has("by/similar/a.png"));
    assert!(me.has("by/similar/a/+and/width/48/a-small.png"));

    let told = similar(&world, 6);
    let paths: Vec<_> = told["assets"].as_array().unwrap().iter().map(|a| a["path"].as_str().unwrap()).collect();
    assert_eq!((paths.len(), &told["whole"]), (2, &true.into()), "{told}");
    let all = similar(&world, 64);
    assert_eq!(all["assets"].as_array().unwrap().len(), 5);
    assert!(all["assets"].as_array().unwrap().is_sorted_by_key(|a| a["differs"].as_u64()));

    me.write("library/0-first-by-name.png", &picture(1, 56, 1.0, None)).unwrap();
    me.overwrite("library/a-small.png", &picture(3, 48, 1.0, None)).unwrap();
    world.settle();
    assert_eq!(files(&me, "a"), ["a-bright.png", "a.png"], "other bytes leave it with their version");
    world.library.look();
    assert_eq!(files(&me, "a"), ["0-first-by-name.png", "a-bright.png", "a.png"], "its name stays whoever comes");
    assert_eq!(listed(&me), ["a", "a-small"]);
    drop(me);
    let world = world.reopen();
    assert_eq!(listed(&world.admin()), ["a", "a-small"], "over a restart, and nobody looks again");
}

/// Regression: each of many copies had all of them looked at once more, so that a few thousand kept both processors busy for good.
#[test]
fn copies_are_looked_at_once_for_all_of_them() {
    let world = World::new();
    let me = world.admin();
    let bytes = picture(1, 64, 1.0, None);
    (0..20).for_each(|n| me.write(&format!("library/copy{n}.png"), &bytes).unwrap());
    world.settle();
    let before = world.library.catalog.committed();
    world.library.look();
    assert!(world.library.has_looked());
    assert_eq!(world.library.catalog.committed() - before, 20, "one change for each copy");
}

#[test]
fn seeds_of_one_prompt_are_not_a_group_and_copies_of_them_are() {
    let world = World::new();
    let me = world.admin();
    let says = |seed: u32| format!("a beach\nSteps: 20, Sampler: Euler a, Seed: {seed}, Size: 64x64, Model: flux");
    for (name, brighter, text) in
        [("one", 1.0, Some(says(1))), ("two", 1.05, Some(says(2))), ("one-upscaled", 1.02, Some(says(1)))]
    {
        me.write(&format!("library/{name}.png"), &picture(1, 64, brighter, text.as_deref())).unwrap();
        world.settle();
    }
    world.library.look();
    assert_eq!(listed(&me), ["one"]);
    assert_eq!(files(&me, "one"), ["one-upscaled.png", "one.png"]);
    me.write("library/sent.png", &picture(1, 48, 1.05, None)).unwrap();
    world.settle();
    world.library.look();
    let groups: Vec<_> = listed(&me).iter().map(|name| files(&me, name)).collect();
    assert!(
        groups.iter().all(|group| !(group.contains(&"one.png".into()) && group.contains(&"two.png".into()))),
        "{groups:?}"
    );
    assert_eq!(groups.concat().len(), 4 - usize::from(groups.len() == 1), "{groups:?}");
    assert!(groups.concat().contains(&"sent.png".to_owned()), "{groups:?}");
}

/// Files that look as it says, whatever their bytes are.
fn looks(world: &World, seat: &Seat, files: &[(&str, u64)]) {
    for (name, _) in files {
        seat.write(&format!("library/{name}.txt"), name.as_bytes()).unwrap();
    }
    world.settle();
    for (name, look) in files {
        let shown = world.show(&format!("library/{name}.txt"));
        let content = shown["versions"][0]["content"].as_str().unwrap().parse().unwrap();
        world
            .library
            .catalog
            .write(|tx| tx.put_look(&LookRow { content, way: LOOK, look: Ok(*look), colours: Colours::NONE }))
            .unwrap();
    }
}

#[test]
fn what_is_hidden_ties_nothing_together_and_names_nothing() {
    let world = World::new();
    let me = world.admin();
    looks(&world, &me, &[("hidden", 0b1111), ("left", 0), ("right", 0b1111_1111), ("near", 0b1_1111_1111)]);
    let ada = world.member("ada", 1001, "editor", Some("client=acme"));
    for name in ["left", "right"] {
        world.set(&format!("library/{name}.txt"), &["client=acme"]);
    }
    assert_eq!(listed(&me), ["hidden"]);
    assert_eq!(files(&me, "hidden").len(), 4);
    assert_eq!(listed(&ada), Vec::<String>::new(), "they differ too much without what lies between");
    assert!(!ada.has("by/similar/left") && !ada.has("by/similar/hidden"));
    world.set("library/near.txt", &["client=acme"]);
    assert_eq!(listed(&ada), ["right"]);
    assert_eq!(files(&ada, "near"), ["near.txt", "right.txt"]);
    let told = world.serve(1001, Command::Similar { target: "library/right.txt".into(), within: 64 }).unwrap();
    assert_eq!(told["assets"].as_array().unwrap().len(), 2, "{told}");
}

#[test]
fn a_group_takes_no_files_and_who_stands_in_it_sees_what_comes() {
    let world = World::new();
    let me = world.admin();
    looks(&world, &me, &[("a", 0), ("b", 1), ("far", u64::MAX)]);
    let inside = me.find("by/similar/a").unwrap();
    for refused in [
        me.unlink("by/similar/a/b.txt"),
        me.write("by/similar/a/x.txt", b"x"),
        me.mkdir("by/similar/x"),
        me.rename("by/similar/a", "by/similar/x"),
        me.rename("library/far.txt", "by/similar/a/far.txt"),
    ] {
        assert_eq!(errno(refused), libc::EPERM);
    }
    let said = me.read(".dam/errors").unwrap();
    assert!(String::from_utf8_lossy(&said).contains("remove files in library/"));
    looks(&world, &me, &[("c", 3)]);
    let names = me.rows_in(inside);
    assert!(names.iter().any(|(name, _)| name == "c.txt"), "{names:?}");
    me.overwrite("by/similar/a/c.txt", b"saved there").unwrap();
    world.pass(3_000);
    assert_eq!(files(&me, "a"), ["a.txt", "b.txt"]);
}

#[test]
fn what_cannot_be_looked_at_is_remembered_with_its_reason() {
    let world = World::new();
    let me = world.admin();
    let whole = picture(1, 64, 1.0, None);
    me.write("library/broken.png", &whole[..whole.len() / 2]).unwrap();
    world.settle();
    world.library.look();
    assert!(world.library.has_looked());
    let target = || Command::Similar { target: "library/broken.png".into(), within: 6 };
    let said = world.serve(0, target()).unwrap_err().message;
    assert!(said.contains("damaged"), "{said}");
    let content = world.show("library/broken.png")["versions"][0]["content"].as_str().unwrap().parse().unwrap();
    let row = world.library.catalog.read(|tx| tx.look(content)).unwrap().unwrap();
    assert!(row.look.is_err_and(|why| said.contains(&why)));
}

/// A picture of one colour.
fn plain(rgb: [u8; 3]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 16, 16);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&rgb.repeat(256)).unwrap();
    out
}

#[test]
fn colours_are_a_facet_that_follows_from_the_bytes() {
    let world = World::new();
    let me = world.admin();
    me.write("library/sea.png", &plain([80, 150, 225])).unwrap();
    me.write("library/leaf.png", &plain([34, 139, 34])).unwrap();
    me.write("library/text.txt", b"no picture").unwrap();
    world.settle();
    assert_eq!(me.names("by/colour"), ["none"], "nobody looked yet");
    let before = me.attr("library/sea.png").unwrap();
    world.library.look();
    assert_eq!(me.names("by/colour"), ["blue", "green", "none"]);
    assert_eq!(me.names("find/colour=blue+red"), ["sea.png"]);
    assert_eq!(me.names("by/colour/none"), ["text.txt"]);
    let after = me.attr("library/sea.png").unwrap();
    assert_eq!((before.mtime, before.ctime), (after.mtime, after.ctime), "no backup takes it for changed");
    let ada = world.member("ada", 1001, "editor", Some("client=acme"));
    world.set("library/leaf.png", &["client=acme"]);
    assert_eq!(ada.names("by/colour"), ["green"], "of what may be listed");

    // It is nobody's to say.
    for refused in [
        me.write("by/colour/green/x.png", b"x"),
        me.mkdir("by/colour/mauve"),
        me.unlink("by/colour/blue/sea.png"),
        me.rename("by/colour/blue/sea.png", "by/colour/green/sea.png"),
        me.rename("library/leaf.png", "by/colour/blue/leaf.png"),
        me.rename("by/colour/blue", "by/colour/azure"),
    ] {
        assert_eq!(errno(refused), libc::EPERM);
    }
    let set = Command::Set {
        what: vec!["library/sea.png".into()].into(),
        set: assign(&["colour=red"]),
        dry_run: false,
        why: None,
    };
    let said = world.serve(0, set).unwrap_err().message;
    assert!(said.contains("`colour` follows from the file"), "{said}");

    me.write("library/leaf2.png", &plain([34, 139, 34])).unwrap();
    world.settle();
    assert_eq!(me.names("by/colour/green"), ["leaf.png", "leaf2.png"], "bytes that somebody has looked at");
    me.overwrite("library/sea.png", &plain([255, 140, 0])).unwrap();
    world.settle();
    assert!(me.names("by/colour/none").contains(&"sea.png".to_owned()), "others were not looked at yet");
    world.library.look();
    assert_eq!(me.names("by/colour"), ["green", "none", "orange"]);
    drop((me, ada));
    let world = world.reopen();
    assert_eq!(world.admin().names("by/colour/orange"), ["sea.png"]);
}
