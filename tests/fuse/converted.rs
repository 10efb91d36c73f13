//! Masters that another program decodes: AVIF and HEIC, in the sandbox.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use damfs::media::{Limits, Quick};
use damfs::ops::converter::QuickDecoder;

use crate::harness::*;

/// A studio with `library/luna/a.avif` and `library/luna/b.heic`.
fn studio() -> Studio {
    let s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir_all(&from).unwrap();
    sh(&format!(
        "cd {}; /usr/bin/python3 -c 'from PIL import Image
n = Image.effect_noise((160, 200), 60).resize((1280, 1600)); Image.merge(\"RGB\", (n, n.rotate(180), n.rotate(90, expand=False))).save(\"m.png\")'
         avifenc -s 10 m.png a.avif; heif-enc -q 80 -p preset=ultrafast m.png -o b.heic; rm m.png",
        from.display()
    ));
    s.import(&from, &["--into", "luna", "--set", "rating=safe"]);
    s
}

fn approve(s: &Studio) {
    s.dam(["set", "library/luna/a.avif", "library/luna/b.heic", "status.instagram=approved"]);
}

#[test]
fn they_are_exported_as_any_other_and_looked_at() {
    let mut s = studio();
    approve(&s);
    let placement = s.mnt("platforms/instagram/post_square");
    assert_eq!(names(&placement), ["a.jpg", "b.jpg"]);
    for name in ["a.jpg", "b.jpg"] {
        let export = placement.join(name);
        let (size, bytes) = (fs::metadata(&export).unwrap().len(), fs::read(&export).unwrap());
        assert_eq!(size, bytes.len() as u64);
        assert_eq!(sh(&format!("identify -format '%m %w %h' {}", export.display())), "JPEG 1080 1080");
    }
    let out = s.path("out");
    sh(&format!("rsync -a {}/ {}/", placement.display(), out.display()));
    let run = s.library().join("run");
    assert!(!names(&run).iter().any(|name| name.ends_with(".png")), "{:?}", names(&run));
    // The same picture, by two codecs.
    wait_until("they were looked at", || s.dam(["similar", "library/luna/a.avif"]).contains("b.heic"));
    s.unmount();
    sh(&format!("rm -rf {}/store/renditions/*", s.library().display()));
    s.mount("mnt", &[]);
    assert!(!sh(&format!("rsync -aic {}/ {}/", placement.display(), out.display())).contains(">f"), "the same bytes");
}

#[test]
fn without_the_program_none_is_listed_and_why_says_so() {
    let mut s = studio();
    s.mount_with(&[]);
    approve(&s);
    let placement = s.mnt("platforms/instagram/post_square");
    assert!(names(&placement).is_empty());
    let reason = "avif cannot be rendered here: vips is not there; install libvips-tools";
    let why = s.dam(["why", "library/luna/a.avif"]);
    assert!(why.contains(reason), "{why}");
    let status = fs::read_to_string(s.mnt(".dam/status")).unwrap();
    assert!(status.contains("none of AVIF and HEIC: vips is not there"), "{status}");
    s.unmount();
    assert!(s.dam(["why", "library/luna/a.avif"]).contains("while the library is mounted"));
    s.mount("mnt", &[]);
    assert_eq!(names(&placement), ["a.jpg", "b.jpg"], "nothing of it was remembered");
}

/// What ends at every picture is no fault of a picture's.
#[test]
fn a_program_that_always_crashes_takes_nothing_with_it_and_is_asked_no_more() {
    let mut s = studio();
    s.mount_with(&[("vips", "exec /usr/bin/python3 -I -c 'import ctypes; ctypes.string_at(0)'")]);
    approve(&s);
    let placement = s.mnt("platforms/instagram/post_square");
    wait_until("it was tried", || names(&placement).is_empty());
    let why = s.dam(["why", "library/luna/b.heic"]);
    assert!(why.contains("vips died of signal 11") && why.contains("install what libheif decodes it with"), "{why}");
    s.unmount();
    s.mount("mnt", &[]);
    assert!(fs::metadata(placement.join("b.jpg")).unwrap().size() > 0);
}

#[test]
fn a_broken_one_is_damaged_and_the_next_one_is_not() {
    let s = studio();
    let mut broken = fs::read(s.mnt("library/luna/a.avif")).unwrap();
    let at = broken.windows(4).position(|w| w == b"mdat").unwrap() + 4;
    broken[at..].fill(0x55);
    fs::write(s.mnt("library/luna/broken.avif"), broken).unwrap();
    s.settle();
    s.dam(["set", "library/luna/broken.avif", "status.instagram=approved"]);
    approve(&s);
    let placement = s.mnt("platforms/instagram/post_square");
    assert_eq!(fs::metadata(placement.join("broken.jpg")).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert!(s.dam(["why", "library/luna/broken.avif"]).contains("the file is damaged"));
    assert!(fs::metadata(placement.join("a.jpg")).unwrap().size() > 0);
}

/// Regression: of more than 100 MB libvips makes a file of its own, which the sandbox does not let it have; such a picture was damaged for
/// ever.
#[test]
fn forty_megapixels_are_decoded_in_the_sandbox() {
    let s = Studio::new();
    let daemon = Path::new(env!("CARGO_BIN_EXE_dam")).with_file_name("dam-mountd");
    let here = s.path("");
    sh(&format!(
        "cd {}; vips black m.png 8000 5000 --bands 3; avifenc -s 10 -y 420 -g 2x2 m.png a.avif; heif-enc -p preset=ultrafast m.png -o b.heic",
        here.display()
    ));
    for name in ["a.avif", "b.heic"] {
        let mut command = std::process::Command::new(&daemon);
        command.args(["sandbox", "--parent", &std::process::id().to_string(), "--cpu-seconds", "60"]);
        command.args(["--file-bytes", "200000000", "/usr/bin/vips"]).args(damfs::media::HEIF_COMMAND).env_clear();
        command.stdin(fs::File::open(s.path(name)).unwrap()).stdout(fs::File::create(s.path("out.png")).unwrap());
        let out = command.output().unwrap();
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
        assert!(fs::metadata(s.path("out.png")).unwrap().len() > 8000 * 5000 * 3, "{name}");
    }
}

/// Regression: readers of slow ones held all threads that render, and who read something else waited as long.
#[test]
fn readers_of_slow_ones_keep_no_other_reader_waiting() {
    let mut s = studio();
    s.mount_with(&[("vips", "/usr/bin/sleep 60; exit 1")]);
    let picture = "from PIL import Image; Image.effect_noise((1280, 1600), 60).convert(\"RGB\").save(\"c.png\")";
    sh(&format!(
        "cd {}; /usr/bin/python3 -c '{picture}'; cp c.png {}",
        s.path("").display(),
        s.mnt("library/luna").display()
    ));
    s.settle();
    approve(&s);
    let mut slow = Vec::new();
    for placement in fs::read_dir(s.mnt("platforms/instagram")).unwrap() {
        for name in ["a.jpg", "b.jpg"] {
            let mut stat = std::process::Command::new("stat");
            let stat = stat.arg(placement.as_ref().unwrap().path().join(name));
            slow.push(stat.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        }
    }
    std::thread::sleep(Duration::from_secs(1));
    s.dam(["set", "library/luna/c.png", "status.instagram=approved"]);
    assert!(fs::metadata(s.mnt("platforms/instagram/post_square/c.jpg")).unwrap().size() > 0);
    for stat in &mut slow {
        assert!(stat.try_wait().unwrap().is_none(), "it waits for its own");
    }
    let mnt = s.path("mnt");
    s.dam(["unmount".as_ref(), "--force".as_ref(), mnt.as_os_str()]);
    for stat in &mut slow {
        stat.wait().unwrap();
    }
}

#[test]
fn webp_is_decoded_in_the_sandbox_to_the_same_exports_as_without_it() {
    let mut s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir_all(&from).unwrap();
    sh(&format!(
        "cd {}; /usr/bin/python3 -c 'from PIL import Image
n = Image.effect_noise((160, 200), 60).resize((1280, 1600)); m = Image.merge(\"RGB\", (n, n.rotate(180), n)); m.save(\"a.webp\", quality=85)
m.putalpha(n); m.save(\"b.webp\", quality=70)'",
        from.display()
    ));
    // Ours would hide that nothing runs there.
    let quick = QuickDecoder { sandbox: dam_path().with_file_name("dam-mountd"), dwebp: "/usr/bin/dwebp".into() };
    for (name, channels) in [("a.webp", 3), ("b.webp", 4)] {
        let bytes = fs::read(from.join(name)).unwrap();
        let wanted = Quick::of(&bytes, &Limits::default()).unwrap().unwrap();
        let made = quick.decode(&bytes, &wanted, true, || true).unwrap().unwrap().len() as u64;
        assert!((1280 * 1600 * channels..=wanted.most).contains(&made), "{name}: {made}");
    }
    s.import(&from, &["--into", "luna", "--set", "rating=safe"]);
    s.dam(["set", "library/luna/a.webp", "library/luna/b.webp", "status.instagram=approved"]);
    let placement = s.mnt("platforms/instagram/post_square");
    let out = s.path("out");
    sh(&format!("rsync -a {}/ {}/", placement.display(), out.display()));
    assert_eq!(names(&out), ["a.jpg", "b.jpg"]);
    s.unmount();
    sh(&format!("rm -rf {}/store/renditions/*", s.library().display()));
    // Without any program.
    s.mount_with(&[]);
    assert!(!sh(&format!("rsync -aic {}/ {}/", placement.display(), out.display())).contains(">f"), "the same bytes");
}
