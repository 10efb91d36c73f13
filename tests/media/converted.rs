//! AVIF and HEIC as other programs write them, decoded by libvips as the daemon runs it.

use std::fs::File;
use std::process::Command;

use damfs::media::{Converter, HEIF_COMMAND, Limits, Master, MediaError, Recipe, StillFormat, decoded_bytes};
use damfs::types::ReadAt;

use crate::colour::PROFILES;
use crate::tools::Dir;

/// The daemon's command, without its sandbox.
pub struct Vips<'a>(pub &'a Dir);

impl Converter for Vips<'_> {
    fn png(&self, source: &dyn ReadAt, _: &str, most: u64) -> Result<Vec<u8>, MediaError> {
        self.0.write("vips.in", &source.read_head(usize::try_from(source.len()).unwrap()).unwrap());
        let mut vips = Command::new("vips");
        vips.args(HEIF_COMMAND).stdin(File::open(self.0.path("vips.in")).unwrap());
        let out = vips.stdout(File::create(self.0.path("vips.out")).unwrap()).output().unwrap();
        if !out.status.success() {
            return Err(MediaError::Damaged { what: String::from_utf8_lossy(&out.stderr).into_owned() });
        }
        let png = self.0.read("vips.out");
        assert!(png.len() as u64 <= most, "{} of {most}", png.len());
        Ok(png)
    }
}

pub fn decode(d: &Dir, name: &str) -> Result<Master, MediaError> {
    Master::decode_with(&d.read(name), &Limits::default(), Some(&Vips(d)))
}

fn run(d: &Dir, line: &str) {
    let out = Command::new("sh").args(["-ec", line]).current_dir(d.path("")).output().unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
}

/// What is rendered of it as it is, without a loss.
fn pixels(d: &Dir, name: &str) -> image::RgbaImage {
    let recipe = Recipe { format: StillFormat::Png, ..Recipe::default() };
    let master = decode(d, name).unwrap_or_else(|e| panic!("{name}: {e}"));
    image::load_from_memory(&master.render(&recipe).unwrap().bytes).unwrap().to_rgba8()
}

/// Red in the upper left quarter, blue in the lower right one, gray between.
const CORNERS: &str = "from PIL import Image
im = Image.new('RGB', (96, 64), (128, 128, 128))
im.paste((255, 0, 0), (0, 0, 48, 32)); im.paste((0, 0, 255), (48, 32, 96, 64)); im.save('a.png')
im.putalpha(Image.linear_gradient('L').resize(im.size)); im.save('alpha.png')
Image.new('RGB', (96, 64), (0, 255, 0)).save('b.png')
";

#[test]
fn a_picture_is_shown_upright_and_whole_whoever_wrote_it() {
    let d = Dir::new();
    d.pillow(CORNERS);
    let avif = "avifenc -y 444 --min 0 --max 4";
    run(&d, &format!(
        "{avif} a.png plain.avif; {avif} --irot 1 a.png left.avif; {avif} --irot 2 a.png around.avif; {avif} --imir 1 a.png mirrored.avif
         {avif} --irot 3 --imir 1 a.png both.avif; {avif} -g 1x1 a.png grid.avif; {avif} a.png b.png moving.avif
         {avif} --crop 8,8,80,48 a.png cropped.avif; {avif} -d 10 a.png deep.avif; {avif} -d 12 a.png deeper.avif
         heif-enc -q 98 -p chroma=444 a.png -o plain.heic; heif-enc -q 98 -p chroma=444 a.png b.png -o two.heic"
    ));
    const RED: [u8; 3] = [255, 0, 0];
    const BLUE: [u8; 3] = [0, 0, 255];
    for (name, size, upper_left, lower_left, upper_right, lower_right) in [
        ("plain.avif", (96, 64), Some(RED), None, None, Some(BLUE)),
        ("left.avif", (64, 96), None, Some(RED), Some(BLUE), None),
        ("around.avif", (96, 64), Some(BLUE), None, None, Some(RED)),
        ("mirrored.avif", (96, 64), None, None, Some(RED), None),
        ("both.avif", (64, 96), Some(RED), None, None, Some(BLUE)),
        ("grid.avif", (96, 64), Some(RED), None, None, Some(BLUE)),
        ("moving.avif", (96, 64), Some(RED), None, None, Some(BLUE)),
        ("cropped.avif", (80, 48), Some(RED), None, None, Some(BLUE)),
        ("deep.avif", (96, 64), Some(RED), None, None, Some(BLUE)),
        ("deeper.avif", (96, 64), Some(RED), None, None, Some(BLUE)),
        ("plain.heic", (96, 64), Some(RED), None, None, Some(BLUE)),
        ("two.heic", (96, 64), Some(RED), None, None, Some(BLUE)),
    ] {
        let told = d.probe(name);
        assert_eq!((told.width, told.height, told.complete), (Some(size.0), Some(size.1), true), "{name}");
        let seen = pixels(&d, name);
        assert_eq!(seen.dimensions(), size, "{name}");
        let (w, h) = (size.0 - 8, size.1 - 8);
        for (at, colour) in [((8, 8), upper_left), ((8, h), lower_left), ((w, 8), upper_right), ((w, h), lower_right)] {
            let near = |right: [u8; 3]| (0..3).all(|n| seen.get_pixel(at.0, at.1).0[n].abs_diff(right[n]) <= 6);
            if let Some(right) = colour {
                assert!(near(right), "{name} at {at:?}: {:?}", seen.get_pixel(at.0, at.1));
            }
        }
        let pixel = if name.starts_with("deep") { 8 } else { 4 };
        let room = decoded_bytes(&d.read(name)).unwrap();
        assert!(room > u64::from(size.0 * size.1) * pixel * 2, "{name}: {room}");
    }
}

/// What a camera says beside the pixels of how it was held is not for those who show the file.
#[test]
fn the_orientation_of_a_cameras_own_metadata_is_not_applied_again() {
    let d = Dir::new();
    d.pillow(&format!("{CORNERS}e = im.getexif(); e[0x0112] = 6; e[0x0132] = '2026:01:02 03:04:05'; im.convert('RGB').save('a.jpg', exif=e, quality=95)"));
    run(&d, "heif-enc -q 95 a.jpg -o a.heic");
    let told = d.probe("a.heic");
    assert_eq!((told.width, told.height, told.orientation), (Some(96), Some(64), 1));
    assert_eq!(pixels(&d, "a.heic").dimensions(), (96, 64));
}

#[test]
fn transparency_and_colours_are_kept() {
    let d = Dir::new();
    d.pillow(&format!("{CORNERS}{PROFILES}im.convert('RGB').save('p3.png', icc_profile=P3)\nImage.new('RGB', (64, 64), (200, 60, 60)).save('flat.png')\nImage.new('RGB', (64, 64), (200, 60, 60)).save('flat-p3.png', icc_profile=P3)"));
    let avif = "avifenc -y 444 --min 0 --max 2";
    run(&d, &format!(
        "{avif} alpha.png alpha.avif; heif-enc -q 98 alpha.png -o alpha.heic; {avif} flat-p3.png icc.avif; heif-enc -L -p chroma=444 flat-p3.png -o icc.heic
         {avif} --nclx 12/13/6 flat.png coded.avif; {avif} --nclx 1/1/1 flat.png screen.avif; {avif} -d 10 --nclx 9/16/9 flat.png pq.avif; {avif} -d 10 --nclx 9/18/9 flat.png hlg.avif"
    ));
    for name in ["alpha.avif", "alpha.heic"] {
        let (seen, right) = (pixels(&d, name), image::open(d.path("alpha.png")).unwrap().to_rgba8());
        for (a, b) in seen.pixels().zip(right.pixels()) {
            assert!(a.0[3].abs_diff(b.0[3]) <= 6, "{name}: {a:?} {b:?}");
        }
    }
    let right = {
        let flat = Recipe { format: StillFormat::Png, ..Recipe::default() };
        let png = Master::decode(&d.read("flat-p3.png"), &Limits::default()).unwrap().render(&flat).unwrap();
        image::load_from_memory(&png.bytes).unwrap().to_rgba8().get_pixel(32, 32).0
    };
    assert!(right[0] > 206, "{right:?}");
    for (name, right) in
        [("icc.avif", right), ("icc.heic", right), ("coded.avif", right), ("screen.avif", [200, 60, 60, 255])]
    {
        let seen = pixels(&d, name).get_pixel(32, 32).0;
        // The codes have the curve of sRGB, and the profile one that is near it.
        assert!(seen.iter().zip(right).all(|(a, b)| a.abs_diff(b) <= 6), "{name}: {seen:?}, not {right:?}");
    }
    for name in ["pq.avif", "hlg.avif"] {
        let refused = decode(&d, name).unwrap_err().to_string();
        assert!(refused.contains("HDR"), "{name}: {refused}");
    }
}

#[test]
fn what_generators_and_editors_say_in_them_is_read() {
    let d = Dir::new();
    d.pillow(CORNERS);
    run(&d, "avifenc a.png a.avif; heif-enc a.png -o a.heic");
    let source = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture";
    for name in ["a.avif", "a.heic"] {
        d.exiftool(&[
            "-overwrite_original",
            "-UserComment=a red cat\nSteps: 20, Sampler: Euler a, Seed: 7",
            "-XMP-dc:Subject=cats",
            &format!("-XMP-iptcExt:DigitalSourceType={source}"),
            name,
        ]);
        let told = d.probe(name);
        let generation = told.generation.unwrap_or_else(|| panic!("{name}"));
        assert_eq!((generation.prompt.as_deref(), generation.seed), (Some("a red cat"), Some(7)), "{name}");
        assert_eq!((told.keywords, told.width), (vec!["cats".to_owned()], Some(96)), "{name}");
        let recipe = Recipe { mark_ai: true, ..Recipe::default() };
        let made = decode(&d, name).unwrap().render(&recipe).unwrap().bytes;
        assert!(String::from_utf8_lossy(&made).contains(source), "its own mark is kept");
    }
}

#[test]
fn what_is_broken_is_damaged_and_without_the_program_none_is_lost() {
    let d = Dir::new();
    d.pillow(CORNERS);
    run(&d, "avifenc a.png a.avif; heif-enc a.png -o a.heic");
    for name in ["a.avif", "a.heic"] {
        let whole = d.read(name);
        for keep in [20, whole.len() / 2, whole.len() - 1] {
            d.write("cut", &whole[..keep]);
            assert!(matches!(decode(&d, "cut"), Err(MediaError::Damaged { .. })), "{name} {keep}");
        }
        let mut garbled = whole.clone();
        let at = garbled.windows(4).position(|w| w == b"mdat").unwrap() + 4;
        garbled[at..].fill(0x55);
        d.write("garbled", &garbled);
        assert!(matches!(decode(&d, "garbled"), Err(MediaError::Damaged { .. })), "{name}");
        let without = Master::decode(&whole, &Limits::default()).unwrap_err();
        assert!(matches!(without, MediaError::Unavailable { .. }) && !without.is_lasting(), "{without}");
        let tight = Limits { max_pixels: 96 * 64 - 1, ..Limits::default() };
        let large = Master::decode_with(&whole, &tight, Some(&Vips(&d))).unwrap_err();
        assert!(matches!(large, MediaError::TooLarge { .. }), "before anything is run: {large}");
    }
}
