//! What rows ask for beside size and format: where a crop looks, sharper edges, a name in the corner.

use std::collections::BTreeSet;

use damfs::media::{Fit, Limits, Master, Recipe, StillFormat};
use damfs::policy::Platforms;
use damfs::view::recipes::still_recipe;
use image::RgbImage;

use crate::exports::recipe;
use crate::tools::Dir;

/// A red disc at the left of a soft sky, and one at its top.
const MASTERS: &str = r#"
from PIL import Image, ImageDraw
sky = Image.merge("RGB", (Image.new("L", (600, 200), 150), Image.new("L", (600, 200), 170), Image.linear_gradient("L").rotate(90).resize((600, 200)).point(lambda v: 180 + v // 8)))
ImageDraw.Draw(sky).ellipse((20, 40, 140, 160), fill=(220, 40, 30)); sky.save("left.png")
e = sky.getexif(); e[0x0112] = 6; sky.save("turned.jpg", exif=e, quality=95, subsampling=0)
sky.convert("CMYK").save("inks.tif"); sky.convert("L").save("gray.png"); sky.putalpha(255); sky.save("rgba.png")
"#;

fn made(d: &Dir, name: &str, recipe: &Recipe) -> RgbImage {
    let made = Master::decode(&d.read(name), &Limits::default()).unwrap().render(recipe).unwrap().bytes;
    image::load_from_memory(&made).unwrap().to_rgb8()
}

fn reds(picture: &RgbImage) -> usize {
    picture.pixels().filter(|pixel| pixel.0[0] > 180 && pixel.0[1] < 90).count()
}

#[test]
fn a_crop_that_looks_keeps_in_sight_what_stands_out_unless_a_focus_says_otherwise() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let square = recipe(100, 100, Fit::Crop, StillFormat::Png);
    let looks = Recipe { attention: true, ..square.clone() };
    for name in ["left.png", "turned.jpg", "inks.tif", "rgba.png"] {
        assert_eq!(reds(&made(&d, name, &square)), 0, "{name}: not in the middle");
        let seen = reds(&made(&d, name, &looks));
        assert!(seen > 2_500, "{name}: {seen} of about 2800 pixels of the disc");
    }
    let dark = made(&d, "gray.png", &looks).pixels().filter(|pixel| pixel.0[0] < 110).count();
    assert!(dark > 2_500, "{dark}");
    let there = Recipe { focus: "1,0.5".parse().ok(), ..looks.clone() };
    assert_eq!(reds(&made(&d, "left.png", &there)), 0);
    let whole = Recipe { attention: true, ..recipe(100, 100, Fit::Pad, StillFormat::Png) };
    assert_eq!(made(&d, "left.png", &whole), made(&d, "left.png", &Recipe { attention: false, ..whole }));
}

#[test]
fn a_name_is_in_the_corner_and_nowhere_else() {
    let d = Dir::new();
    d.pillow(MASTERS);
    for (name, fit, format) in [
        ("left.png", Fit::Any, StillFormat::Png),
        ("rgba.png", Fit::Pad, StillFormat::Png),
        ("left.png", Fit::Crop, StillFormat::Bmp),
    ] {
        let plain = recipe(300, 200, fit, format);
        let named = Recipe { watermark: Some("@luna".to_owned()), ..plain.clone() };
        let (without, with) = (made(&d, name, &plain), made(&d, name, &named));
        assert_eq!(without.dimensions(), with.dimensions());
        let (w, h) = with.dimensions();
        let changed: Vec<_> = with.enumerate_pixels().filter(|(x, y, p)| without.get_pixel(*x, *y) != *p).collect();
        assert!(changed.len() > 40, "{name}: {}", changed.len());
        assert!(changed.iter().all(|(x, y, _)| *x > w / 2 && *y > h * 3 / 4), "{name}: in the corner");
    }
    let tiny = Recipe { watermark: Some("x".repeat(48)), ..recipe(3, 2, Fit::Crop, StillFormat::Png) };
    assert_eq!(made(&d, "left.png", &tiny).dimensions(), (3, 2));
}

#[test]
fn edges_are_as_sharp_as_asked_and_the_rest_stays() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let at = |sharpen| made(&d, "left.png", &Recipe { sharpen, ..recipe(300, 100, Fit::Crop, StillFormat::Png) });
    let contrast = |picture: &RgbImage| -> u32 {
        (1..300).map(|x| u32::from(picture.get_pixel(x, 50).0[1].abs_diff(picture.get_pixel(x - 1, 50).0[1]))).sum()
    };
    let (plain, some, much) = (at(0), at(40), at(100));
    assert!(contrast(&plain) < contrast(&some) && contrast(&some) < contrast(&much));
    let far = |picture: &RgbImage| picture.get_pixel(250, 50).0;
    assert!(far(&plain).iter().zip(far(&much)).all(|(a, b)| a.abs_diff(b) <= 1));
}

#[test]
fn each_of_these_cells_makes_another_recipe() {
    let row = |cells: &str| {
        let table =
            format!("platform,placement,kind,width,height,fit,focus,sharpen,watermark\nx,post,image,9,9,{cells}\n");
        still_recipe(Platforms::parse(&table).unwrap().get("x", "post").unwrap(), None, true)
    };
    let rows = ["crop,,,", "crop,attention,,", "crop,,30,", "crop,,31,", "crop,,,@l", "crop,,,@m"];
    assert_eq!(rows.map(row).map(|recipe| recipe.hash()).into_iter().collect::<BTreeSet<_>>().len(), rows.len());
    assert_eq!(row("crop,centre,,no").hash(), row("crop,,,").hash());
    assert_eq!(row("pad,attention,,").hash(), row("pad,,,").hash(), "what is not cut has nowhere to look");
}
