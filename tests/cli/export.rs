//! `dam export`

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::json;

use crate::lab::{Lab, png, text};

const TABLE: &str = "platform,placement,kind,width,height,fit,formats,caption_max,adult_allowed,ai_label_required
x,card,image,40,40,crop,jpeg,280,no,yes
x,clip,video,40,40,crop,mp4,280,no,
x,old,image,40,40,crop,heic,,no,
";

/// Two that are approved, one of them generated; and one each that is too small, adult, not approved, and to be mended.
fn lab() -> Lab {
    let lab = Lab::new();
    fs::write(lab.library().join("platforms.csv"), TABLE).unwrap();
    let generated = "a cat\nSteps: 20, Sampler: Euler, Seed: 7, Size: 64x48";
    for (name, width, seed, infotext) in [
        ("a.png", 64, 1, Some(generated)),
        ("b.png", 64, 2, None),
        ("small.png", 20, 3, None),
        ("adult.png", 64, 4, None),
        ("new.png", 64, 5, None),
        ("bad.png", 64, 6, None),
    ] {
        let file = lab.file(name, &png(width, 48, seed, infotext));
        lab.ok(&["import", file.to_str().unwrap(), "--into", "desk"]);
    }
    lab.ok(&["set", "--query", "kind=image", "status.x=approved"]);
    lab.ok(&["set", "library/desk/adult.png", "rating=adult"]);
    lab.ok(&["set", "library/desk/new.png", "status.x="]);
    lab.ok(&["set", "library/desk/bad.png", "status.x=rejected", "-m", "not this one"]);
    lab
}

#[test]
fn what_can_be_had_is_copied_and_the_rest_is_told_with_its_reason() {
    let lab = lab();
    let dir = lab.path("posts");
    let export = |query: &str| lab.dam(&["export", query, "x/card", dir.to_str().unwrap()]);
    let done = export("kind=image");
    let said = text(&done.stderr);
    assert_eq!(
        (done.status.code(), text(&done.stdout).as_str()),
        (Some(1), "written 2, as they were 0, captions 1, left out 4\n")
    );
    for reason in [
        "library/desk/small.png: too small: it has 20x48 pixels, and 40x40 are asked for",
        "library/desk/adult.png: it is rated adult, and x/card is not known to take that",
        "library/desk/new.png: it is not approved for x",
        "library/desk/bad.png: it is rejected for x",
    ] {
        assert!(said.contains(reason), "{reason}: {said}");
    }
    let mut names: Vec<_> =
        fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["a.caption.txt", "a.jpg", "b.jpg"]);
    assert_eq!(fs::read_to_string(dir.join("a.caption.txt")).unwrap(), "Made with AI.\n");
    let picture = image::open(dir.join("a.jpg")).unwrap();
    assert_eq!((picture.width(), picture.height()), (40, 40));
    // As in a mount: of the master, or of the recipe where that is younger.
    let master = fs::metadata(lab.path("a.png")).unwrap().mtime();
    assert_eq!(fs::metadata(dir.join("a.jpg")).unwrap().mtime(), master.max(1_795_737_600));
}

#[test]
fn what_is_there_as_it_is_to_be_stays_and_the_rest_is_made_so() {
    let lab = lab();
    let dir = lab.path("posts");
    let query = "kind=image,status.x=approved,not.rating=adult,width=40..max";
    let export = || lab.json(&["export", query, "x/card", dir.to_str().unwrap()]);
    assert_eq!(export(), json!({ "written": 2, "same": 0, "captions": 1, "refused": [] }));
    let before = fs::metadata(dir.join("a.jpg")).unwrap().ino();
    let whole = fs::read(dir.join("b.jpg")).unwrap();
    fs::write(dir.join("b.jpg"), &whole[..100]).unwrap();
    fs::write(dir.join("a.caption.txt"), "mine").unwrap();
    // Whoever's they are.
    let kept = lab.dam(&["export", query, "x/card", dir.to_str().unwrap()]);
    let said = text(&kept.stderr);
    assert_eq!((kept.status.code(), said.matches("--overwrite").count()), (Some(1), 2), "{said}");
    assert_eq!(fs::read(dir.join("b.jpg")).unwrap(), &whole[..100]);
    assert_eq!(fs::read_to_string(dir.join("a.caption.txt")).unwrap(), "mine");
    let replaced = lab.json(&["export", "--overwrite", query, "x/card", dir.to_str().unwrap()]);
    assert_eq!(replaced, json!({ "written": 1, "same": 1, "captions": 1, "refused": [] }));
    assert_eq!(fs::read(dir.join("b.jpg")).unwrap(), whole);
    assert_eq!(fs::metadata(dir.join("a.jpg")).unwrap().ino(), before, "not written again");
    assert_eq!(export(), json!({ "written": 0, "same": 2, "captions": 0, "refused": [] }));
    lab.ok(&["set", "library/desk/b.png", "status.x=rejected", "-m", "not this one"]);
    assert_eq!(export()["same"], 1);
    assert!(dir.join("b.jpg").exists(), "a copy is the copier's");
}

#[test]
fn what_is_no_placement_or_no_folder_to_copy_into_is_refused() {
    let lab = lab();
    let dir = lab.path("posts");
    let dir = dir.to_str().unwrap();
    assert!(lab.fails(2, &["export", "kind=image", "x/crad", dir]).contains("did you mean `x/card`?"));
    assert!(lab.fails(2, &["export", "kind=image", "x/old", dir]).contains("no format of x/old is written here"));
    assert!(lab.fails(1, &["export", "kind=image", "x/clip", dir]).contains("rendered while the library is mounted"));
    assert!(lab.fails(2, &["export", "kindd=image", "x/card", dir]).contains("kind"));
    let inside = lab.library().join("posts");
    assert!(
        lab.fails(1, &["export", "kind=image", "x/card", inside.to_str().unwrap()]).contains("lies in the library")
    );
    assert!(!std::path::Path::new(dir).exists(), "nothing was made");
}
