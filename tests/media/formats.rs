//! Every format that is written, and what a picture is laid on.

use damfs::media::{Canvas, Fit, Limits, Master, MediaError, Recipe, StillFormat, probe};

use crate::exports::recipe;
use crate::tools::Dir;

const ALL: [StillFormat; 6] =
    [StillFormat::Jpeg, StillFormat::Png, StillFormat::WebP, StillFormat::Gif, StillFormat::Bmp, StillFormat::Tiff];

/// A red disc in nothing, and noise on a gradient.
const MASTERS: &str = r#"
from PIL import Image, ImageDraw
disc = Image.new("RGBA", (200, 100), (0, 0, 0, 0)); ImageDraw.Draw(disc).ellipse((60, 10, 140, 90), fill=(255, 0, 0, 255)); disc.save("disc.png")
n = Image.effect_noise((300, 200), 60)
Image.merge("RGB", (n, Image.linear_gradient("L").resize((300, 200)), n.rotate(180))).save("noise.png")
half = Image.new("RGB", (200, 100), (0, 0, 255)); half.paste((0, 255, 0), (0, 0, 100, 100)); half.save("half.png")
"#;

fn decode(d: &Dir, name: &str) -> Master {
    Master::decode(&d.read(name), &Limits::default()).unwrap()
}

fn pixel(bytes: &[u8], x: u32, y: u32) -> [u8; 4] {
    image::load_from_memory(bytes).unwrap().to_rgba8().get_pixel(x, y).0
}

#[track_caller]
fn near(seen: [u8; 4], expected: [u8; 4]) {
    assert!(seen.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 12), "{seen:?}, not {expected:?}");
}

#[test]
fn every_format_is_written_and_other_readers_agree() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let master = decode(&d, "disc.png");
    for format in ALL {
        let r = Recipe { mark_ai: true, ..recipe(120, 150, Fit::Pad, format) };
        let made = master.render(&r).unwrap();
        assert_eq!(made, master.render(&r).unwrap(), "{format:?}: the same bytes every time");
        assert_eq!(made.quality, format.has_quality().then_some(85), "{format:?}");
        let said = probe(&made.bytes).unwrap();
        assert_eq!(
            (said.format.as_str(), said.width, said.height, said.complete),
            (format.name(), Some(120), Some(150), true)
        );
        assert_eq!(StillFormat::named(format.name()), Some(format));
        let name = format!("out.{}", format.extension());
        d.write(&name, &made.bytes);
        let seen = d.exiftool(&["-a", "-s", &name]);
        assert!(seen.contains("120x150") && !seen.contains("Warning") && !seen.contains("Error"), "{seen}");
        assert_eq!(seen.contains("DigitalSourceType"), format != StillFormat::Bmp, "{format:?} {seen}");
        d.pillow(&format!("from PIL import Image\nim=Image.open('{name}'); im.load(); assert im.size==(120,150), im.size\nassert getattr(im, 'n_frames', 1)==1"));
        near(pixel(&made.bytes, 60, 75), [255, 0, 0, 255]);
        let around = pixel(&made.bytes, 2, 2);
        if format.has_alpha() {
            assert_eq!(around[3], 0, "{format:?}")
        } else {
            near(around, [255; 4])
        }
        let plain = master.render(&Recipe { mark_ai: false, ..r }).unwrap();
        d.write(&name, &plain.bytes);
        assert!(!d.exiftool(&["-a", "-s", &name]).contains("DigitalSourceType"), "{format:?}");
    }
}

#[test]
fn every_format_keeps_a_byte_limit_or_refuses_it() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let master = decode(&d, "noise.png");
    for format in ALL {
        let r = recipe(300, 200, Fit::Any, format);
        let free = master.render(&r).unwrap();
        let part = if format == StillFormat::Gif { 9 } else { 7 };
        let limit = free.bytes.len() as u64 * part / 10;
        let limited = master.render(&Recipe { max_bytes: Some(limit), ..r.clone() });
        match format {
            StillFormat::Jpeg | StillFormat::WebP | StillFormat::Gif => {
                let made = limited.unwrap();
                assert!(made.bytes.len() as u64 <= limit, "{format:?}");
                assert!(made.quality < free.quality || made.quality.is_none(), "{format:?}");
                let more =
                    made.quality.map(|found| master.render(&Recipe { quality: found + 1, ..r.clone() }).unwrap());
                assert!(more.is_none_or(|more| more.bytes.len() as u64 > limit), "{format:?}: the best that fits");
            }
            _ => assert!(matches!(limited, Err(MediaError::TooLarge { .. })), "{format:?}"),
        }
        let least = master.render(&Recipe { max_bytes: Some(200), ..r });
        let said = least.unwrap_err().to_string();
        assert!(said.contains("200 are allowed"), "{format:?}: {said}");
    }
}

#[test]
fn a_padded_picture_lies_on_what_the_recipe_says() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let laid = |name: &str, canvas, format| {
        decode(&d, name).render(&Recipe { canvas, ..recipe(100, 200, Fit::Pad, format) }).unwrap().bytes
    };
    for format in [StillFormat::Jpeg, StillFormat::Png, StillFormat::WebP] {
        let teal = laid("disc.png", Canvas::Colour([0, 128, 128]), format);
        near(pixel(&teal, 50, 10), [0, 128, 128, 255]);
        near(pixel(&teal, 3, 100), [0, 128, 128, 255]);
        near(pixel(&teal, 50, 100), [255, 0, 0, 255]);
        let blurred = laid("half.png", Canvas::Blur, format);
        // Green on the left and blue on the right above the picture, too, and no edge between them.
        for y in [10, 190] {
            let [r, g, b, a] = pixel(&blurred, 5, y);
            assert!(g > 200 && b < 60 && r < 20 && a == 255, "{format:?}: {r} {g} {b}");
            let [_, g, b, _] = pixel(&blurred, 95, y);
            assert!(b > 200 && g < 60, "{format:?}: {g} {b}");
            let [_, left, ..] = pixel(&blurred, 47, y);
            let [_, right, ..] = pixel(&blurred, 52, y);
            assert!(left > right && left - right < 170, "{format:?}: {left} {right}");
        }
        near(pixel(&blurred, 45, 100), [0, 255, 0, 255]);
    }
    // What covers its canvas keeps its transparency where the format can.
    let covering = Recipe { canvas: Canvas::Blur, ..recipe(200, 100, Fit::Pad, StillFormat::Png) };
    assert_eq!(pixel(&decode(&d, "disc.png").render(&covering).unwrap().bytes, 2, 2)[3], 0);
}

#[test]
fn what_is_too_small_is_refused_unless_it_may_be_enlarged() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let master = decode(&d, "noise.png");
    let r = recipe(301, 200, Fit::Crop, StillFormat::Jpeg);
    assert!(master.render(&r).is_ok());
    let said = master.render(&Recipe { upscale: false, ..r }).unwrap_err().to_string();
    assert!(said.contains("300x200") && said.contains("301x200") && said.contains("upscale"), "{said}");
}
