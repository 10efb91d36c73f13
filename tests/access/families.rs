//! `by/prompt/`: what was made of one prompt with one model.

use damfs::ops::proto::Command;

use crate::world::*;

/// A picture whose PNG says how it was generated, as AUTOMATIC1111 writes it.
fn generated(prompt: &str, seed: u32, model: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 2, 2);
    encoder.set_color(png::ColorType::Grayscale);
    let text = format!(
        "{prompt}\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: {seed}, Size: 2x2, Model: {model}"
    );
    encoder.add_text_chunk("parameters".into(), text).unwrap();
    encoder.write_header().unwrap().write_image_data(&[0, 1, 2, 3]).unwrap();
    out
}

/// Three of one prompt and model, one of each of them with another model, and one alone.
fn studio() -> (World, Seat) {
    let world = World::new();
    let me = world.admin();
    for (name, prompt, seed, model) in [
        ("a", "red dress on a beach", 1, "flux"),
        ("b", "red dress on a beach", 2, "flux"),
        ("c", "red  dress on a beach", 3, "flux"),
        ("d", "red dress on a beach", 4, "sdxl"),
        ("e", "a cat", 5, "flux"),
    ] {
        me.write(&format!("library/{name}.png"), &generated(prompt, seed, model)).unwrap();
        world.settle();
    }
    (world, me)
}

fn listed(seat: &Seat) -> Vec<String> {
    seat.names("by/prompt").into_iter().filter(|name| !name.starts_with('.') && name != "none").collect()
}

#[test]
fn seeds_of_one_prompt_and_model_are_a_family() {
    let (world, me) = studio();
    let families = listed(&me);
    assert_eq!(families.len(), 1, "{families:?}");
    let digits = families[0].strip_prefix("red dress on a beach ~").unwrap();
    assert!(digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{digits}");
    let view = format!("by/prompt/{}", families[0]);
    let files = |view: &str| me.names(view).into_iter().filter(|n| n.ends_with(".png")).collect::<Vec<_>>();
    assert_eq!(files(&view), ["a.png", "b.png", "c.png"]);
    assert_eq!(files(&format!("by/prompt/{digits}")), files(&view), "by its digits alone");
    assert!(!me.has(&format!("by/prompt/blue dress ~{digits}")) && !me.has("by/prompt/0123456789ab"));
    let found = world.serve(0, Command::Show { target: "library/a.png".into() }).unwrap();
    assert_eq!(found["prompt"], "red dress on a beach");
    assert!(me.has(&format!("find/family={digits},seed=2/b.png")) && me.has(&format!("{view}/+and/seed/2/b.png")));
    world.set("library/d.png", &["model=flux"]);
    assert_eq!(files(&view), ["a.png", "b.png", "c.png", "d.png"], "one that gets the model belongs to it");
    assert_eq!(listed(&me), families, "and its name stays");
    me.write("library/bare.txt", b"bare").unwrap();
    world.settle();
    assert_eq!(me.names("by/prompt/none"), ["bare.txt"]);
}

#[test]
fn a_family_takes_no_files_and_shows_what_may_be_listed() {
    let (world, me) = studio();
    let view = format!("by/prompt/{}", listed(&me)[0]);
    for refused in [
        me.write(&format!("{view}/x.png"), b"x"),
        me.unlink(&format!("{view}/a.png")),
        me.mkdir("by/prompt/x"),
        me.rename(&view, "by/prompt/x"),
        me.rename("library/e.png", &format!("{view}/e.png")),
    ] {
        assert_eq!(errno(refused), libc::EPERM);
    }
    me.overwrite(&format!("{view}/a.png"), &generated("red dress on a beach", 9, "flux")).unwrap();
    world.pass(3_000);
    assert_eq!(world.show("library/a.png")["seed"], 9, "programs save there");
    world.set("library/a.png", &["client=acme"]);
    let ada = world.member("ada", 1001, "editor", Some("client=acme"));
    assert_eq!(listed(&ada), Vec::<String>::new(), "of a family of which she may list one she is told nothing");
    assert_eq!(ada.names(&view), ["a.png"], "and it resolves for who knows the prompt");
    world.set("library/b.png", &["client=acme"]);
    assert_eq!(listed(&ada), listed(&me));
    assert!(!ada.names(&view).contains(&"c.png".to_owned()));
}
