//! WebP by dwebp as the daemon runs it, without its sandbox: the same pixels as by our own decoder.

use std::fs::File;
use std::process::Command;

use bytes::Bytes;
use damfs::media::{Converter, Limits, Master, MediaError, Quick, Recipe, StillFormat};
use damfs::types::ReadAt;

use crate::tools::Dir;

/// What dwebp made.
struct Made(Bytes);

impl Converter for Made {
    fn png(&self, _: &dyn ReadAt, format: &str, _: u64) -> Result<Vec<u8>, MediaError> {
        panic!("nothing is asked of {format}")
    }

    fn pixels(&self) -> Option<Bytes> {
        Some(self.0.clone())
    }
}

/// Whether dwebp makes something of it.
fn made(d: &Dir, name: &str, wanted: Quick) -> Option<Made> {
    let (input, output) = (File::open(d.path(name)).unwrap(), File::create(d.path("made")).unwrap());
    let ended = Command::new("dwebp").args(wanted.command()).stdin(input).stdout(output).output().unwrap();
    ended.status.success().then(|| {
        let made = d.read("made");
        assert!(made.len() as u64 <= wanted.most);
        Made(made.into())
    })
}

/// Photographs are large, graphics without a loss, and either may have opacity, of its own or by a flag alone.
const MASTERS: &str = r#"
from PIL import Image
noise = Image.effect_noise((1201, 873), 70)
im = Image.merge("RGB", (noise, noise.rotate(180), noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
im.resize((400, 300)).resize((1201, 873)).save("soft.png")
clear = im.copy(); clear.putalpha(Image.linear_gradient("L").resize(im.size)); clear.save("clear.png")
opaque = im.convert("RGBA"); opaque.save("opaque.png")
im.save("plain.webp", quality=90); im.save("low.webp", quality=12, method=6); im.save("exact.webp", lossless=True)
clear.save("clear.webp", quality=70); clear.save("exact-clear.webp", lossless=True); opaque.save("opaque.webp", quality=80)
exif = Image.Exif(); exif[0x112] = 6
im.save("turned.webp", quality=80, exif=exif)
clear.save("moving.webp", save_all=True, append_images=[im.convert("RGBA")], duration=90)
im.resize((64, 64)).save("small.webp")
"#;

#[test]
fn it_sees_what_our_own_decoder_sees() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let run = |line: &str| {
        assert!(Command::new("sh").args(["-ec", line]).current_dir(d.path("")).status().unwrap().success())
    };
    run("cwebp -quiet -q 60 -f 90 -sharpness 5 -segments 4 -sharp_yuv soft.png -o soft.webp
         cwebp -quiet -q 75 -nostrong -f 40 -m 2 soft.png -o simple.webp
         cwebp -quiet -near_lossless 40 clear.png -o near.webp
         cwebp -quiet -q 50 -alpha_q 30 -alpha_filter best clear.png -o alpha.webp");
    let names =
        ["plain", "low", "exact", "clear", "exact-clear", "opaque", "turned", "soft", "simple", "near", "alpha"];
    let limits = Limits::default();
    for name in names.map(|name| format!("{name}.webp")) {
        let bytes = d.read(&name);
        let wanted = Quick::of(&bytes, &limits).unwrap().unwrap_or_else(|| panic!("{name} is worth it"));
        let made = made(&d, &name, wanted).unwrap_or_else(|| panic!("dwebp decodes {name}"));
        let recipe = Recipe { format: StillFormat::Png, ..Recipe::default() };
        let [theirs, ours] = [Some(&made as &dyn Converter), None].map(|converter| {
            let master = Master::decode_with(&bytes, &limits, converter).unwrap();
            assert!(!master.is_converted(), "{name}: whoever decoded it, its exports are the same");
            image::load_from_memory(&master.render(&recipe).unwrap().bytes).unwrap()
        });
        assert_eq!(
            (theirs.color(), theirs.width(), theirs.height()),
            (ours.color(), ours.width(), ours.height()),
            "{name}"
        );
        assert!(theirs == ours, "{name}");
    }
    for name in ["moving.webp", "small.webp"] {
        assert_eq!(Quick::of(&d.read(name), &limits).unwrap(), None, "{name}");
    }
    assert_eq!(Quick::of(&d.read("soft.png"), &limits).unwrap(), None);
}

#[test]
fn what_it_makes_nothing_whole_of_is_decoded_as_ever() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let (bytes, limits) = (d.read("plain.webp"), Limits::default());
    let wanted = Quick::of(&bytes, &limits).unwrap().unwrap();
    let whole = made(&d, "plain.webp", wanted).map(|_| d.read("made")).unwrap();
    let recipe = Recipe { format: StillFormat::Png, ..Recipe::default() };
    let ours = Master::decode(&bytes, &limits).unwrap().render(&recipe).unwrap().bytes;
    for (what, made) in [("cut", &whole[..whole.len() - 1]), ("empty", &[][..]), ("another's", b"P6\n2 1\n255\nabcdef")]
    {
        let made = Made(Bytes::copy_from_slice(made));
        let master = Master::decode_with(&bytes, &limits, Some(&made)).unwrap();
        assert!(master.render(&recipe).unwrap().bytes == ours, "{what}");
    }
    d.write("damaged.webp", &bytes[..bytes.len() / 2]);
    assert!(Quick::of(&d.read("damaged.webp"), &limits).is_ok());
    assert!(made(&d, "damaged.webp", wanted).is_none(), "it refuses what ends too early, as ours does");
    assert!(Master::decode(&d.read("damaged.webp"), &limits).unwrap_err().is_lasting());
}
