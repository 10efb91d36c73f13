//! AVIF of ours, written by avifenc as the daemon runs it.

use std::process::{Command, Stdio};

use damfs::media::{AVIF_COMMAND, Encoder, Fit, Limits, Master, MediaError, Recipe, StillFormat, probe};

use crate::converted::decode;
use crate::exports::recipe;
use crate::tools::Dir;

/// The daemon's command, without its sandbox.
pub struct Avifenc<'a>(pub &'a Dir);

impl Encoder for Avifenc<'_> {
    fn avif(&self, png: &[u8], arguments: &[String]) -> Result<Vec<u8>, MediaError> {
        let Self(d) = self;
        d.write("avifenc.png", png);
        let mut avifenc = Command::new("avifenc");
        avifenc.args(AVIF_COMMAND).args(arguments).arg(d.path("avifenc.png")).arg(d.path("avifenc.avif"));
        let out = avifenc.stdout(Stdio::null()).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Ok(d.read("avifenc.avif"))
    }
}

/// A red disc in nothing, and noise with a prompt.
const MASTERS: &str = r#"
from PIL import Image, ImageDraw, PngImagePlugin
disc = Image.new("RGBA", (200, 100), (0, 0, 0, 0)); ImageDraw.Draw(disc).ellipse((60, 10, 140, 90), fill=(255, 0, 0, 255)); disc.save("disc.png")
n = Image.effect_noise((300, 200), 60)
i = PngImagePlugin.PngInfo(); i.add_text("parameters", "a secret prompt\nSteps: 20, Sampler: Euler, Seed: 7, Size: 300x200")
e = Image.Exif(); e[0x010f] = "secret maker"
Image.merge("RGB", (n, Image.linear_gradient("L").resize((300, 200)), n.rotate(180))).save("noise.png", pnginfo=i, exif=e)
"#;

fn master(d: &Dir, name: &str) -> Master {
    Master::decode(&d.read(name), &Limits::default()).unwrap()
}

/// What a program says of a file.
fn said(d: &Dir, program: &str, args: &[&str], name: &str) -> String {
    let out = Command::new(program).args(args).arg(d.path(name)).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn an_avif_is_what_the_recipe_says_and_other_readers_agree() {
    let d = Dir::new();
    d.pillow(MASTERS);
    for (name, alpha) in [("disc.png", true), ("noise.png", false)] {
        let master = master(&d, name);
        let r =
            Recipe { mark_ai: true, ..recipe(121, 151, if alpha { Fit::Pad } else { Fit::Crop }, StillFormat::Avif) };
        let made = master.render_with(&r, Some(&Avifenc(&d))).unwrap();
        assert_eq!(made, master.render_with(&r, Some(&Avifenc(&d))).unwrap(), "the same bytes every time");
        assert_eq!(made.quality, Some(85));
        let p = probe(&made.bytes).unwrap();
        assert_eq!((p.format.as_str(), p.width, p.height, p.complete), ("avif", Some(121), Some(151), true));
        d.write("out.avif", &made.bytes);
        let seen = said(&d, "avifdec", &["--info"], "out.avif");
        let alpha_line = if alpha { "Alpha          : Not premultiplied" } else { "Alpha          : Absent" };
        for line in [
            "Resolution     : 121x151",
            "Bit Depth      : 8",
            "Format         : YUV420",
            alpha_line,
            "Range          : Full",
            "Color Primaries: 1",
            "Transfer Char. : 13",
            "Matrix Coeffs. : 6",
            "ICC Profile    : Absent",
            "XMP Metadata   : Present",
            "Exif Metadata  : Absent",
        ] {
            assert!(seen.contains(line), "{line}: {seen}");
        }
        let seen = said(&d, "heif-info", &[], "out.avif");
        assert!(seen.contains("image: 121x151 (id=1), primary"), "{seen}");
        assert!(seen.contains(if alpha { "alpha channel: yes" } else { "alpha channel: no" }), "{seen}");
        let seen = d.exiftool(&["-a", "-s", "out.avif"]);
        assert!(seen.contains("121x151") && seen.contains("DigitalSourceType"), "{seen}");
        for other in ["Warning", "Error", "secret", "Make", "Steps", "Euler"] {
            assert!(!seen.contains(other), "{other}: {seen}");
        }
        assert!(!made.bytes.windows(6).any(|bytes| bytes == b"secret"));
        let silent = Recipe { mark_ai: false, ..r };
        if alpha {
            d.write("silent.avif", &master.render_with(&silent, Some(&Avifenc(&d))).unwrap().bytes);
            assert!(said(&d, "avifdec", &["--info"], "silent.avif").contains("XMP Metadata   : Absent"));
        }
    }
}

#[test]
fn the_pixels_are_those_of_a_png() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let master = master(&d, "disc.png");
    let r = recipe(120, 150, Fit::Pad, StillFormat::Avif);
    d.write("out.avif", &master.render_with(&r, Some(&Avifenc(&d))).unwrap().bytes);
    let plain = Recipe { format: StillFormat::Png, width: None, height: None, fit: Fit::Any, ..r.clone() };
    let seen = decode(&d, "out.avif").unwrap().render(&plain).unwrap();
    let seen = image::load_from_memory(&seen.bytes).unwrap().to_rgba8();
    let as_png = master.render(&Recipe { format: StillFormat::Png, ..r }).unwrap();
    let as_png = image::load_from_memory(&as_png.bytes).unwrap().to_rgba8();
    assert_eq!(seen.dimensions(), as_png.dimensions());
    for (x, y) in [(60, 75), (45, 75), (2, 2), (118, 148)] {
        let (a, b) = (seen.get_pixel(x, y).0, as_png.get_pixel(x, y).0);
        assert!(a[3].abs_diff(b[3]) <= 4, "{x},{y}: {a:?}, not {b:?}");
        // What is not seen has no colour.
        assert!(b[3] == 0 || (0..3).all(|i| a[i].abs_diff(b[i]) <= 12), "{x},{y}: {a:?}, not {b:?}");
    }
}

#[test]
fn a_byte_limit_is_met_by_less_quality_or_refused() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let master = master(&d, "noise.png");
    let r = recipe(300, 200, Fit::Any, StillFormat::Avif);
    let render = |max_bytes| master.render_with(&Recipe { max_bytes, ..r.clone() }, Some(&Avifenc(&d)));
    let free = render(None).unwrap().bytes.len() as u64;
    let made = render(Some(free * 6 / 10)).unwrap();
    assert!(made.bytes.len() as u64 <= free * 6 / 10);
    assert!(made.quality.is_some_and(|quality| (20..85).contains(&quality)), "{:?}", made.quality);
    assert_eq!(made, render(Some(free * 6 / 10)).unwrap());
    let refused = render(Some(300)).unwrap_err();
    assert!(refused.is_lasting() && refused.to_string().contains("300 are allowed"), "{refused}");
}

#[test]
fn without_the_program_nothing_is_lost() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let refused = master(&d, "disc.png").render(&recipe(120, 150, Fit::Pad, StillFormat::Avif)).unwrap_err();
    assert!(!refused.is_lasting() && refused.to_string().contains("avif cannot be written here"), "{refused}");
}
