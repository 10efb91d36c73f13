//! Exports: appear with approval, have their true size before they are read, and go with the verdict.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::harness::*;

fn studio() -> Studio {
    let s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("a.png"), png(1200, 1600, 1)).unwrap();
    s.import(&from, &["--into", "luna", "--set", "rating=safe"]);
    s
}

#[test]
fn approval_makes_exports_of_exact_size() {
    let mut s = studio();
    assert!(names(&s.mnt("platforms")).contains(&"instagram".into()));
    let placement = s.mnt("platforms/instagram/post_portrait_4x5");
    assert!(!names(&placement).contains(&"a.jpg".into()));
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    assert!(names(&placement).contains(&"a.jpg".into()));
    let export = placement.join("a.jpg");
    let stated = fs::metadata(&export).unwrap().len();
    let bytes = fs::read(&export).unwrap();
    assert_eq!(stated, bytes.len() as u64, "stat tells the true size");
    let picture = image::load_from_memory(&bytes).unwrap();
    assert_eq!((picture.width(), picture.height()), (1080, 1350));
    assert_eq!(image::guess_format(&bytes).unwrap(), image::ImageFormat::Jpeg);
    let before = fs::metadata(&export).unwrap();
    s.remount();
    let after = fs::metadata(s.mnt("platforms/instagram/post_portrait_4x5/a.jpg")).unwrap();
    assert_eq!((before.ino(), before.len(), before.mtime()), (after.ino(), after.len(), after.mtime()));
    assert_eq!(
        fs::write(s.mnt("platforms/instagram/post_portrait_4x5/a.jpg"), b"x").unwrap_err().raw_os_error(),
        Some(libc::EROFS)
    );
}

#[test]
fn an_edited_version_waits_while_the_approved_one_circulates() {
    let s = studio();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    let export = s.mnt("platforms/instagram/post_square/a.jpg");
    let approved = fs::read(&export).unwrap();
    fs::write(s.mnt("library/luna/a.png"), png(1200, 1600, 200)).unwrap();
    s.settle();
    assert_eq!(fs::read(&export).unwrap(), approved, "the approved bytes go on");
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    assert_ne!(fs::read(&export).unwrap(), approved, "the new verdict is about the new bytes");
    s.dam(["set", "library/luna/a.png", "status.instagram=rejected", "-m", "not this one"]);
    wait_until("the export is gone", || !export.exists());
}

#[test]
fn a_file_tells_whence_it_is() {
    let mut s = studio();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    let place = "platforms/instagram/post_square/a.jpg";
    fs::copy(s.mnt(place), s.path("got.jpg")).unwrap();
    fs::copy(s.mnt("library/luna/a.png"), s.path("got.png")).unwrap();
    let library = s.library();
    let whence = |s: &Studio, file: &str| {
        let file = s.path(file);
        let told =
            s.dam(["whence".as_ref(), "--json".as_ref(), "--library".as_ref(), library.as_os_str(), file.as_os_str()]);
        serde_json::from_str::<serde_json::Value>(&told).unwrap()["found"].as_array().unwrap().clone()
    };
    let found = whence(&s, "got.jpg");
    let row = found.iter().find(|row| row["placement"] == "post_square").unwrap();
    assert_eq!((&row["as"], &row["path"]), (&"export".into(), &"library/luna/a.png".into()));
    assert_eq!((&row["version"], &row["current"], &row["circulates"]), (&1.into(), &true.into(), &true.into()));
    let found = whence(&s, "got.png");
    assert_eq!((found.len(), &found[0]["as"], &found[0]["version"]), (1, &"version".into(), &1.into()));

    fs::write(s.mnt("library/luna/a.png"), png(1200, 1600, 200)).unwrap();
    s.settle();
    s.dam(["set", "library/luna/a.png", "status.instagram=rejected", "-m", "not this one"]);
    let found = whence(&s, "got.jpg");
    assert_eq!(
        (&found[0]["version"], &found[0]["current"], &found[0]["circulates"]),
        (&1.into(), &false.into(), &false.into())
    );
    assert_eq!(whence(&s, "got.png")[0]["current"], false);
    let said = s.dam(["whence".as_ref(), "--library".as_ref(), library.as_os_str(), s.path("got.jpg").as_os_str()]);
    assert!(said.contains("library/luna/a.png, version 1, for instagram/post_square, rendered "), "{said}");
    assert!(said.contains("which circulates there no more"), "{said}");
    fs::write(s.path("got.jpg"), b"other").unwrap();
    let (code, said) =
        s.dam_fails(["whence".as_ref(), "--library".as_ref(), library.as_os_str(), s.path("got.jpg").as_os_str()]);
    assert!(code == 3 && said.contains("got.jpg"), "{said}");
    // Without a mount, and of a file in one.
    let in_mount = s.dam(["whence".as_ref(), s.mnt("library/luna/a.png").as_os_str()]);
    assert!(in_mount.contains("version 2 (current)"), "{in_mount}");
    s.unmount();
    assert_eq!(whence(&s, "got.png")[0]["version"], 1);
}

/// Regression: between the commit of a verdict and the kernel's hearing of it, opening the export by its name failed.
#[test]
fn a_new_verdict_never_hides_the_export() {
    let s = studio();
    let approve = ["set", "library/luna/a.png", "status.instagram=approved"];
    s.dam(approve);
    let export = s.mnt("platforms/instagram/post_square/a.jpg");
    for round in 0..6u8 {
        fs::write(s.mnt("library/luna/a.png"), png(1200, 1600, round)).unwrap();
        s.settle();
        let before = fs::read(&export).unwrap();
        let mut command = s.command(approve);
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            let bytes = fs::read(&export).expect("one of the two approved versions is there");
            image::load_from_memory(&bytes).expect("and whole");
        }
        assert!(child.wait().unwrap().success());
        assert_ne!(fs::read(&export).unwrap(), before, "the command's effect is seen when it returns");
    }
}

#[test]
fn copying_tools_get_whole_files() {
    let s = studio();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved", "status.x=approved"]);
    let out = s.path("out");
    fs::create_dir(&out).unwrap();
    sh(&format!("rsync -a {}/ {}/", s.mnt("platforms/instagram").display(), out.display()));
    for placement in ["post_square", "post_landscape", "story_image"] {
        let copy = fs::read(out.join(placement).join("a.jpg")).unwrap();
        image::load_from_memory(&copy).expect("a whole picture");
        assert_eq!(copy, fs::read(s.mnt("platforms/instagram").join(placement).join("a.jpg")).unwrap());
    }
    let again = sh(&format!("rsync -ai {}/ {}/", s.mnt("platforms/instagram").display(), out.display()));
    assert!(!again.contains(">f"), "nothing is sent again: {again}");
}

/// Regression: a damaged kept export was EIO for good, though it can be made again.
#[test]
fn a_damaged_export_is_rendered_again() {
    let mut s = studio();
    s.unmount();
    // One row, one export, one kept file.
    let row = "platform,placement,kind,width,height,fit,formats\ninstagram,post_square,image,1080,1080,crop,jpeg\n";
    fs::write(s.library().join("platforms.csv"), row).unwrap();
    s.mount("mnt", &[]);
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    let export = s.mnt("platforms/instagram/post_square/a.jpg");
    let bytes = fs::read(&export).unwrap();
    s.unmount();
    let kept = kept_files(&s).join("");
    let whole: Vec<Vec<u8>> = kept.lines().map(|file| fs::read(file).unwrap()).collect();
    assert_eq!(whole.len(), 1);
    for bad in [vec![], vec![7; whole[0].len()]] {
        fs::write(kept.trim(), &bad).unwrap();
        s.mount("mnt", &[]);
        assert!(fs::read(&export).unwrap() == bytes);
        s.unmount();
        assert_eq!(fs::read(kept.trim()).unwrap().len(), whole[0].len(), "and replaced");
    }
}

/// The files that rendered exports are kept in, the oldest first.
fn kept_files(s: &Studio) -> Vec<String> {
    let folder = s.library().join("store/renditions");
    let found = sh(&format!("find {} -type f -printf '%T@ %p\\n' | sort -n | cut -d' ' -f2", folder.display()));
    found.lines().map(str::to_owned).collect()
}

/// What `.dam/status` says of stills.
fn told_of_stills(s: &Studio) -> String {
    let status = fs::read_to_string(s.mnt(".dam/status")).unwrap();
    status.lines().skip_while(|line| !line.starts_with("stills")).take(2).collect::<Vec<_>>().join("\n")
}

fn all_rendered(s: &Studio) {
    wait_until("all is rendered", || told_of_stills(s).starts_with("stills    of 0 assets wait"));
}

#[test]
fn approval_renders_every_export_before_anybody_reads_it() {
    let mut s = studio();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    wait_until("something is rendered", || !kept_files(&s).is_empty());
    all_rendered(&s);
    let exports = sh(&format!("find {} -name a.jpg", s.mnt("platforms").display())).lines().count();
    assert!(exports > 3 && kept_files(&s).len() <= exports);
    let copy = format!("cp -r {} {}", s.mnt("platforms/instagram").display(), s.path("out").display());
    sh(&copy);
    let told = told_of_stills(&s);
    assert!(told.contains(&format!("{exports} reads of kept ones, 0 rendered for a reader: 100 % kept")), "{told}");
    // Nor does the next daemon render anything again.
    let before = kept_files(&s);
    s.remount();
    sh(&copy);
    all_rendered(&s);
    assert_eq!(kept_files(&s), before);
}

#[test]
fn readers_of_one_export_share_one_render() {
    let s = studio();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    let export = s.mnt("platforms/instagram/post_square/a.jpg");
    let readers: Vec<_> =
        (0..6).map(|_| (export.clone(),)).map(|(e,)| std::thread::spawn(move || fs::read(e).unwrap())).collect();
    let all: Vec<Vec<u8>> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    assert!(all.iter().all(|bytes| *bytes == all[0]));
    let told = told_of_stills(&s);
    // None when the background was faster than all of them.
    assert!(told.contains(" 1 rendered for a reader") || told.contains(" 0 rendered for a reader"), "{told}");
}

#[test]
fn a_folder_that_is_opened_is_rendered_before_the_others() {
    let mut s = studio();
    s.unmount();
    let row = |place: &str, side: u32| format!("instagram,{place},image,{side},{side},crop,jpeg\n");
    let sheet: String = (0..4).map(|n| row(&format!("p{n}"), 300 + 20 * n)).collect();
    let sheet = format!("platform,placement,kind,width,height,fit,formats\n{sheet}{}", row("opened", 310));
    fs::write(s.library().join("platforms.csv"), sheet).unwrap();
    s.mount("mnt", &[]);
    for n in 0..16u8 {
        fs::write(s.mnt(format!("library/luna/{n}.png")), png(700, 700, n)).unwrap();
    }
    s.settle();
    let all: Vec<String> = (0..16).map(|n| format!("library/luna/{n}.png")).collect();
    s.dam(["set"].into_iter().chain(all.iter().map(String::as_str)).chain(["status.instagram=approved"]));
    assert_eq!(names(&s.mnt("platforms/instagram/opened")).len(), 16);
    wait_until("something is rendered", || !kept_files(&s).is_empty());
    all_rendered(&s);
    let places = names(&s.mnt("platforms/instagram"));
    let hashes = |place: &String| -> Vec<[u8; 32]> {
        let folder = s.mnt("platforms/instagram").join(place);
        names(&folder).iter().map(|name| *blake3::hash(&fs::read(folder.join(name)).unwrap()).as_bytes()).collect()
    };
    let hashes: Vec<_> = places.iter().map(hashes).collect();
    s.unmount();
    let db = rusqlite::Connection::open(s.library().join("catalog.db")).unwrap();
    let number = |hash: &[u8; 32]| -> i64 {
        db.query_row("SELECT no FROM rendition WHERE hash = ?1", [hash], |row| row.get(0)).unwrap()
    };
    // Numbers ascend as renders are done.
    let ends: Vec<i64> = hashes.iter().map(|of| of.iter().map(number).max().unwrap()).collect();
    let first = (0..places.len()).min_by_key(|at| ends[*at]).unwrap();
    assert_eq!(places[first], "opened", "{places:?} {ends:?}");
}

/// With room for nothing, whatever is rendered is let go of, and sizes and bytes are as ever.
#[test]
fn what_was_let_go_of_is_rendered_again_with_its_size_and_bytes() {
    let mut s = studio();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    let export = s.mnt("platforms/instagram/post_square/a.jpg");
    let (stat, bytes) = (fs::metadata(&export).unwrap(), fs::read(&export).unwrap());
    s.unmount();
    assert!(!kept_files(&s).is_empty());
    let info = s.library().join("damfs.toml");
    let text = fs::read_to_string(&info).unwrap();
    fs::write(&info, text.replace("renditions_max = \"20G\"", "renditions_max = \"1K\"")).unwrap();
    s.mount("mnt", &[]);
    wait_until("all is let go of", || kept_files(&s).is_empty());
    let after = fs::metadata(&export).unwrap();
    assert_eq!((after.len(), after.ino(), after.mtime()), (stat.len(), stat.ino(), stat.mtime()));
    let told = told_of_stills(&s);
    let open = fs::File::open(&export).unwrap();
    assert!(fs::read(&export).unwrap() == bytes);
    wait_until("it is let go of again", || kept_files(&s).is_empty());
    let mut again = vec![0; bytes.len()];
    std::os::unix::fs::FileExt::read_exact_at(&open, &mut again, 0).unwrap();
    assert!(again == bytes && told_of_stills(&s) != told);
}

/// Path and inode number of every export.
fn numbers(s: &Studio, order: &str) -> Vec<String> {
    let list = format!(
        "find {} -name '*.jpg' -o -name '*.png' | sort {order} | xargs stat -c '%n %i' | sort",
        s.mnt("platforms").display()
    );
    sh(&list).lines().map(str::to_owned).collect()
}

const PLATFORMS: [&str; 4] =
    ["status.instagram=approved", "status.x=approved", "status.facebook=approved", "status.threads=approved"];

/// Regression: the number was made of content and recipe, which placements and namesakes share, so that it hung on who was looked at first.
#[test]
fn every_export_has_a_number_of_its_own_that_stays() {
    let mut s = studio();
    fs::copy(s.mnt("library/luna/a.png"), s.mnt("library/luna/twin.png")).unwrap();
    s.settle();
    for file in ["library/luna/a.png", "library/luna/twin.png"] {
        s.dam(["set", file].iter().chain(&PLATFORMS));
    }
    let before = numbers(&s, "");
    assert!(before.len() > 20, "{before:?}");
    let mut inodes: Vec<&str> = before.iter().filter_map(|l| l.rsplit(' ').next()).collect();
    inodes.sort_unstable();
    inodes.dedup();
    assert_eq!(inodes.len(), before.len(), "no two share one");
    s.remount();
    assert_eq!(numbers(&s, "-r"), before);
}

/// Regression: while many exports were being rendered, `stat` of one that was rendered long ago said EAGAIN.
#[test]
fn a_rendered_export_does_not_wait_for_others() {
    let s = studio();
    fs::write(s.mnt("library/luna/big.png"), png(1800, 2400, 3)).unwrap();
    s.settle();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    let known = s.mnt("platforms/instagram/post_square/a.jpg");
    fs::metadata(&known).unwrap();
    fs::read(&known).unwrap();
    s.dam(["set", "library/luna/big.png"].iter().chain(&PLATFORMS));
    let waiting: Vec<String> =
        sh(&format!("find {} -name 'big.*'", s.mnt("platforms").display())).lines().map(str::to_owned).collect();
    let renders: Vec<_> =
        (0..3).flat_map(|_| waiting.clone()).map(|path| std::thread::spawn(move || drop(fs::metadata(path)))).collect();
    while renders.iter().any(|r| !r.is_finished()) {
        fs::metadata(&known).expect("its size is known");
        fs::read(&known).expect("its bytes are kept");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    renders.into_iter().for_each(|r| r.join().unwrap());
}

/// Regression: what cannot be rendered was listed for ever, and decoded anew at each stat.
#[test]
fn what_cannot_be_rendered_is_not_listed_and_says_why() {
    let mut s = studio();
    let mut broken = png(1200, 1600, 9);
    broken.truncate(broken.len() / 2);
    fs::write(s.mnt("library/luna/broken.png"), broken).unwrap();
    s.settle();
    s.dam(["set", "library/luna/broken.png", "library/luna/a.png", "status.instagram=approved"]);
    let placement = s.mnt("platforms/instagram/post_square");
    let export = placement.join("broken.jpg");
    assert_eq!(fs::metadata(&export).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    // For the placement that was asked for, or for that which the background began with, as soon as that has come to say so.
    wait_until("it is told why", || {
        let errors = fs::read_to_string(s.mnt(".dam/errors")).unwrap();
        errors.lines().any(|line| line.contains("broken.png for instagram/") && line.contains(": the file is damaged"))
    });
    wait_until("it was tried everywhere", || {
        let placements = names(&s.mnt("platforms/instagram"));
        placements.iter().all(|place| !s.mnt("platforms/instagram").join(place).join("broken.jpg").exists())
    });
    s.remount();
    assert_eq!(names(&placement), ["a.jpg"]);
    assert!(!export.exists());
    let reason = "not in platforms/instagram/post_square: the file is damaged";
    let why = fs::read_to_string(s.mnt(".dam/why/library/luna/broken.png")).unwrap();
    assert!(why.contains(reason), "{why}");
    let why = fs::read_to_string(s.mnt(".dam/why/platforms/instagram/post_square/broken.jpg")).unwrap();
    assert!(why.contains(reason), "{why}");
    assert!(s.dam(["why".as_ref(), export.as_os_str()]).contains(reason));
    assert!(s.dam(["why", "platforms/instagram/post_square/broken.jpg"]).contains(reason));
    assert_eq!(s.dam_fails(["why", "platforms/instagram/post_square/none.jpg"]).0, 3);
    fs::write(s.mnt("library/luna/broken.png"), png(1200, 1600, 9)).unwrap();
    s.settle();
    s.dam(["set", "library/luna/broken.png", "status.instagram=approved"]);
    assert!(fs::metadata(&export).unwrap().len() > 0, "other bytes are another matter");
}

/// What the disk cannot give just now says nothing of the picture.
#[test]
fn a_passing_failure_is_not_remembered() {
    let mut s = studio();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    s.unmount();
    // Before the daemon is there, which may look at the picture and have its bytes in memory.
    let extents = s.library().join("store/extents");
    let aside = s.path("aside");
    fs::rename(&extents, &aside).unwrap();
    s.mount("mnt", &[]);
    let export = s.mnt("platforms/instagram/post_square/a.jpg");
    assert_eq!(fs::metadata(&export).unwrap_err().raw_os_error(), Some(libc::EIO));
    fs::rename(&aside, &extents).unwrap();
    assert!(fs::metadata(&export).unwrap().len() > 0);
}

/// Regression: every export called itself generated.
#[test]
fn only_what_is_known_to_be_generated_is_declared_so() {
    let s = studio();
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    let export = s.mnt("platforms/instagram/post_square/a.jpg");
    let declared = || sh(&format!("exiftool -s3 -n -XMP-iptcExt:DigitalSourceType {}", export.display()));
    assert_eq!(declared(), "");
    let plain = fs::metadata(&export).unwrap();
    s.dam(["set", "library/luna/a.png", "likeness=synthetic"]);
    assert!(declared().ends_with("digitalsourcetype/trainedAlgorithmicMedia\n"));
    assert_ne!(fs::metadata(&export).unwrap().ino(), plain.ino(), "other bytes are another file");
    s.dam(["set", "library/luna/a.png", "likeness="]);
    assert_eq!(declared(), "");
    assert_eq!(fs::metadata(&export).unwrap().ino(), plain.ino());
    fs::write(s.mnt("library/luna/b.png"), generated(1200, 1600)).unwrap();
    s.settle();
    s.dam(["set", "library/luna/b.png", "status.instagram=approved"]);
    let export = s.mnt("platforms/instagram/post_square/b.jpg");
    let said = sh(&format!("exiftool -s3 -n -XMP-iptcExt:DigitalSourceType {}", export.display()));
    assert!(said.ends_with("trainedAlgorithmicMedia\n"), "{said}");
}

/// A PNG with an infotext.
fn generated(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    let text = "a cat\nSteps: 20, Sampler: Euler, Seed: 7, Size: 1200x1600".to_owned();
    encoder.add_text_chunk("parameters".to_owned(), text).unwrap();
    let pixels = vec![90; width as usize * height as usize];
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    out
}
