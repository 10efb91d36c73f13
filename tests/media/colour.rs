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

/// Writes profiles: of three colours and a gamma, and of four inks by a table.
pub const PROFILES: &str = r#"
import struct
from PIL import Image, ImageCms
def profile(kind, space, connection, tags):
    head = bytearray(128)
    head[8:12] = b"\x02\x10\0\0"; head[12:24] = kind + space + connection; head[36:40] = b"acsp"
    head[68:80] = struct.pack(">iii", 63190, 65536, 54061)
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags:
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(data)); body += data
    whole = bytearray(bytes(head) + table + body); whole[0:4] = struct.pack(">I", len(whole))
    return bytes(whole)
def matrix(gamma, *primaries):
    xyz = lambda v: b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(n * 65536) for n in v))
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = [(b"wtpt", xyz((0.9642, 1, 0.8249)))]
    tags += [(name + b"XYZ", xyz(v)) for name, v in zip((b"r", b"g", b"b"), primaries)] + [(name + b"TRC", curve) for name in (b"r", b"g", b"b")]
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)
def inks():
    "Black that is not quite black, and cyan that is rather blue."
    table = b"mft1" + bytes(4) + bytes([4, 3, 5, 0]) + b"".join(struct.pack(">i", 65536 * (n % 4 == 0)) for n in range(9)) + bytes(range(256)) * 4
    for n in range(5 ** 4):
        c, m, y, k = (n // 5 ** (3 - i) % 5 / 4 for i in range(4))
        light = (1 - 0.4 * c) * (1 - 0.45 * m) * (1 - 0.1 * y) * (1 - 0.85 * k)
        a, b = (-30 * c + 70 * m - 5 * y) * (1 - k), (-50 * c - 5 * m + 90 * y) * (1 - k)
        table += bytes([round(255 * light), round(128 + a), round(128 + b)])
    return profile(b"prtr", b"CMYK", b"Lab ", [(b"A2B0", table + bytes(range(256)) * 3)])
P3 = matrix(2.2, (0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE = matrix(563 / 256, (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
def patches(mode, colours):
    im = Image.new(mode, (32 * len(colours), 32))
    for n, colour in enumerate(colours): im.paste(colour, (32 * n, 0, 32 * n + 32, 32))
    return im
def right(im, data, name):
    import io
    made, srgb = ImageCms.ImageCmsProfile(io.BytesIO(data)), ImageCms.createProfile("sRGB")
    ImageCms.profileToProfile(im, made, srgb, renderingIntent=1, outputMode="RGB").save(name)
"#;

/// The colours of what a file is rendered to, in the middle of each patch.
pub fn patches(d: &Dir, name: &str, count: u32) -> Vec<[u8; 3]> {
    let out = render(&d.read(name), &recipe(32 * count, 32, Fit::Any, StillFormat::Png), &Limits::default());
    let picture = image::load_from_memory(&out.unwrap_or_else(|e| panic!("{name}: {e}")).bytes).unwrap().to_rgb8();
    (0..count).map(|n| picture.get_pixel(32 * n + 16, 16).0).collect()
}

#[track_caller]
pub fn assert_near(seen: &[[u8; 3]], right: &[[u8; 3]], most: u8, what: &str) {
    let far = |(a, b): (&[u8; 3], &[u8; 3])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > most);
    assert!(!seen.iter().zip(right).any(far), "{what}:\n{seen:?}, not\n{right:?}");
}

#[test]
fn wide_gamuts_are_what_another_colour_engine_makes_of_them() {
    let d = Dir::new();
    d.pillow(&format!(
        r#"{PROFILES}
im = patches("RGB", [(200, 30, 60), (30, 200, 60), (40, 60, 210), (128, 128, 128), (250, 240, 20), (10, 12, 14), (180, 140, 120), (255, 255, 255)])
for name, data in (("p3", P3), ("adobe", ADOBE)):
    right(im, data, name + "-right.png")
    for end, how in (("png", {{}}), ("jpg", {{"quality": 98, "subsampling": 0}}), ("webp", {{"lossless": True}}), ("tif", {{}})): im.save(f"{{name}}.{{end}}", icc_profile=data, **how)
"#
    ));
    for profile in ["p3", "adobe"] {
        let right = patches(&d, &format!("{profile}-right.png"), 8);
        for (end, most) in [("png", 2), ("jpg", 4), ("webp", 2), ("tif", 2)] {
            let name = format!("{profile}.{end}");
            assert_near(&patches(&d, &name, 8), &right, most, &name);
        }
    }
}

/// Regression: pictures for print that have a profile were refused.
#[test]
fn inks_are_converted_through_their_profile_and_plainly_without_one() {
    let d = Dir::new();
    d.pillow(&format!(
        r#"{PROFILES}
im = patches("CMYK", [(20, 200, 60, 40), (255, 0, 0, 0), (0, 0, 0, 255), (0, 0, 0, 0), (40, 10, 220, 0), (90, 90, 90, 90), (0, 255, 255, 30), (255, 255, 0, 10)])
data = inks()
right(im, data, "right.png"); im.convert("RGB").save("plain-right.png")
im.save("plain.jpg", quality=98); im.save("plain.tif")
im.save("inks.jpg", quality=98, icc_profile=data); im.save("inks.tif", icc_profile=data); im.save("packed.tif", icc_profile=data, compression="tiff_lzw")
im.save("broken.jpg", quality=98, icc_profile=bytes(16) + b"CMYK" + bytes(200)); im.save("broken.tif", icc_profile=bytes(16) + b"CMYK" + bytes(200))
patches("RGB", [(200, 30, 60)] * 8).save("none.jpg", icc_profile=data)
"#
    ));
    // Another writer stores brightness and colours of the inks.
    let made = std::process::Command::new("convert")
        .args([d.path("inks.tif"), "-quality".into(), "98".into(), d.path("ycck.jpg")])
        .output()
        .unwrap();
    assert!(made.status.success());
    assert!(d.exiftool(&["-ColorTransform", "ycck.jpg"]).contains("YCCK"));
    let (right, plain) = (patches(&d, "right.png", 8), patches(&d, "plain-right.png", 8));
    for name in ["inks.jpg", "inks.tif", "packed.tif", "ycck.jpg"] {
        assert_near(&patches(&d, name, 8), &right, 5, name);
    }
    for name in ["plain.jpg", "plain.tif", "broken.jpg", "broken.tif"] {
        assert_near(&patches(&d, name, 8), &plain, 6, name);
    }
    let said = render(&d.read("none.jpg"), &recipe(32, 32, Fit::Crop, StillFormat::Png), &Limits::default());
    assert!(matches!(said, Err(MediaError::Damaged { .. })), "{said:?}");
}

/// Regression: of 16 bits the lower ones were cut off before the curve that makes them seen.
#[test]
fn sixteen_bits_last_until_the_colours_are_converted() {
    let d = Dir::new();
    d.pillow(
        r#"
import struct, zlib
from PIL import Image
def chunk(t, b): return struct.pack(">I", len(b)) + t + b + struct.pack(">I", zlib.crc32(t + b))
for value in (20, 98, 300, 40000):
    Image.new("I;16", (64, 64), value).save("x.png")
    whole = open("x.png", "rb").read()
    open(f"{value}.png", "wb").write(whole[:33] + chunk(b"gAMA", struct.pack(">I", 100000)) + whole[33:])
"#,
    );
    for (value, expect) in [(20, 1u8), (98, 5), (300, 15), (40_000, 204)] {
        let out =
            render(&d.read(&format!("{value}.png")), &recipe(32, 32, Fit::Crop, StillFormat::Png), &Limits::default());
        let seen = image::load_from_memory(&out.unwrap().bytes).unwrap().to_rgb8().get_pixel(16, 16).0;
        assert!(seen.iter().all(|v| v.abs_diff(expect) <= 1), "{value}: {seen:?}, not {expect}");
    }
}
