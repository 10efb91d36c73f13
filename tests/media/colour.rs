//! Embedded profiles and transparency, against Pillow's own colour engine.

use damfs::media::{Fit, Limits, MediaError, StillFormat, render};

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
        let out =
            render(&d.read(name), &recipe(32, 32, Fit::Crop, StillFormat::Png), &Limits::default()).unwrap().bytes;
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
        let out = render(&d.read(name), &recipe(64, 128, fit, format), &Limits::default()).unwrap().bytes;
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

/// Regression: the chunks of a PNG that tell its colours without a profile were not read.
#[test]
fn colour_chunks_of_a_png_are_followed() {
    let d = Dir::new();
    d.pillow(
        r#"
import struct, zlib
from PIL import Image
def chunk(t, b): return struct.pack(">I", len(b)) + t + b + struct.pack(">I", zlib.crc32(t + b))
def put(name, mode, value, *chunks):
    Image.new(mode, (64, 64), value).save(name)
    whole = open(name, "rb").read()
    open(name, "wb").write(whole[:33] + b"".join(chunk(t, b) for t, b in chunks) + whole[33:])
gamma = lambda n: (b"gAMA", struct.pack(">I", n))
chroma = lambda *v: (b"cHRM", struct.pack(">8I", *v))
white, r, g, b = (31270, 32900), (64000, 33000), (30000, 60000), (15000, 6000)
put("linear.png", "RGB", (128, 128, 128), gamma(100000))
put("gray.png", "L", 128, gamma(100000))
put("plain.png", "RGB", (200, 30, 60), gamma(45455), chroma(*white, *r, *g, *b))
put("named.png", "RGB", (200, 30, 60), (b"sRGB", b"\0"), gamma(100000))
put("swap.png", "RGB", (200, 30, 60), chroma(*white, *g, *r, *b))
put("p3.png", "RGB", (200, 30, 60), (b"cICP", bytes([12, 13, 0, 1])), gamma(100000))
put("bad.png", "RGB", (200, 30, 60), gamma(0), chroma(0, 0, 0, 0, 0, 0, 0, 0))
put("hdr.png", "RGB", (200, 30, 60), (b"cICP", bytes([9, 16, 0, 1])))
"#,
    );
    let rendered = |name: &str| render(&d.read(name), &recipe(32, 32, Fit::Crop, StillFormat::Png), &Limits::default());
    for (name, expect) in [
        ("linear.png", [188, 188, 188]),
        ("gray.png", [188, 188, 188]),
        ("plain.png", [200, 30, 60]),
        ("named.png", [200, 30, 60]),
        ("swap.png", [30, 200, 60]),
        ("p3.png", [218, 0, 54]),
        ("bad.png", [200, 30, 60]),
    ] {
        let out = rendered(name).unwrap().bytes;
        let seen = image::load_from_memory(&out).unwrap().to_rgb8().get_pixel(16, 16).0;
        assert!(seen.iter().zip(expect).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 3), "{name}: {seen:?}");
    }
    assert!(rendered("hdr.png").unwrap_err().to_string().contains("HDR"));
}

#[test]
fn cmyk_is_right_without_a_profile_and_refused_with_one() {
    let d = Dir::new();
    d.pillow(
        r#"
from PIL import Image
im = Image.new("CMYK", (64, 64), (20, 200, 60, 40)); im.save("cmyk.jpg", quality=95); im.save("cmyk.tif")
im.convert("RGB").save("rgb.png")
profile = bytes(16) + b"CMYK" + bytes(200)
im.save("profile.jpg", icc_profile=profile); im.save("profile.tif", icc_profile=profile)
"#,
    );
    let rendered = |name: &str| render(&d.read(name), &recipe(32, 32, Fit::Crop, StillFormat::Png), &Limits::default());
    let pixel =
        |name: &str| image::load_from_memory(&rendered(name).unwrap().bytes).unwrap().to_rgb8().get_pixel(16, 16).0;
    let right = pixel("rgb.png");
    for name in ["cmyk.jpg", "cmyk.tif"] {
        let seen = pixel(name);
        assert!(seen.iter().zip(right).all(|(a, b)| a.abs_diff(b) <= 6), "{name}: {seen:?}, not {right:?}");
    }
    for name in ["profile.jpg", "profile.tif"] {
        assert!(matches!(rendered(name), Err(MediaError::Unsupported { .. })), "{name}");
    }
}
