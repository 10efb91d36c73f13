//! Embedded profiles and transparency, against Pillow's own colour engine.

use damfs::media::{Fit, Limits, StillFormat, render};

use crate::exports::recipe;
use crate::tools::Dir;

#[test]
fn embedded_profiles_are_converted_to_srgb() {
    let d = Dir::new();
    // A profile with swapped red and green primaries is told apart from sRGB at a glance.
    d.pillow(
        r#"
from PIL import Image, ImageCms
p = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
n = int.from_bytes(p[128:132], "big")
tags = {bytes(p[132+12*i:136+12*i]): 132+12*i for i in range(n)}
r, g = tags[b"rXYZ"], tags[b"gXYZ"]
p[r:r+4], p[g:g+4] = p[g:g+4], p[r:r+4]
im = Image.new("RGB", (64, 64), (200, 30, 60))
im.save("swap.png", icc_profile=bytes(p)); im.save("swap.jpg", icc_profile=bytes(p), quality=95)
rgba = im.copy(); rgba.putalpha(255); rgba.save("swapa.png", icc_profile=bytes(p))
im.save("broken.png", icc_profile=b"x" * 200)
"#,
    );
    for (name, expect) in [
        ("swap.png", [30, 200, 60]),
        ("swap.jpg", [30, 200, 60]),
        ("swapa.png", [30, 200, 60]),
        ("broken.png", [200, 30, 60]),
    ] {
        let out = render(&d.read(name), &recipe(32, 32, Fit::Crop, StillFormat::Png), &Limits::default()).unwrap();
        let seen = image::load_from_memory(&out).unwrap().to_rgb8().get_pixel(16, 16).0;
        assert!(seen.iter().zip(expect).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 6), "{name}: {seen:?}");
    }
}

#[test]
fn transparency_is_white_in_jpeg_and_stays_in_png() {
    let d = Dir::new();
    d.pillow(
        r#"
from PIL import Image
im = Image.new("RGBA", (64, 64), (255, 0, 0, 255)); im.paste((0, 0, 0, 0), (0, 0, 32, 64)); im.save("a.png")
Image.new("RGB", (64, 64), (10, 20, 30)).save("b.png")
"#,
    );
    let pixel = |name: &str, fit, format, x, y| {
        let out = render(&d.read(name), &recipe(64, 128, fit, format), &Limits::default()).unwrap();
        image::load_from_memory(&out).unwrap().to_rgba8().get_pixel(x, y).0
    };
    let white = |p: [u8; 4]| p.iter().all(|v| *v >= 248) || panic!("{p:?}");
    assert!(white(pixel("a.png", Fit::Pad, StillFormat::Jpeg, 8, 64)));
    assert!(white(pixel("a.png", Fit::Pad, StillFormat::Jpeg, 60, 4)));
    assert!(white(pixel("b.png", Fit::Pad, StillFormat::Jpeg, 32, 4)));
    assert_eq!(pixel("b.png", Fit::Pad, StillFormat::Png, 32, 4)[3], 0);
    assert_eq!(pixel("b.png", Fit::Pad, StillFormat::Png, 32, 64), [10, 20, 30, 255]);
    assert_eq!(pixel("a.png", Fit::Pad, StillFormat::Png, 8, 64)[3], 0);
    assert_eq!(pixel("a.png", Fit::Pad, StillFormat::Png, 56, 64), [255, 0, 0, 255]);
}
