//! Exports: exact sizes, nothing private in them, the same bytes every time.

use damfs::media::{
    Fit, Limits, Master, MediaError, PROXY_BYTES, Recipe, StillFormat, Words, decoded_bytes, derived_from, probe,
    render,
};

use crate::tools::Dir;

pub fn recipe(width: u32, height: u32, fit: Fit, format: StillFormat) -> Recipe {
    Recipe { width: Some(width), height: Some(height), fit, format, upscale: true, quality: 85, ..Recipe::default() }
}

/// Noise on a gradient, 300x200, as PNG, JPEG, WebP, GIF, BMP, TIFF, with and without alpha, gray, 16 bits.
const MASTERS: &str = r#"
from PIL import Image
n = Image.effect_noise((300, 200), 60)
rgb = Image.merge("RGB", (n, Image.linear_gradient("L").resize((300, 200)), n.rotate(180)))
for e in ("png", "jpg", "webp", "gif", "bmp", "tif"): rgb.save("rgb." + e)
rgb.save("progressive.jpg", progressive=True)
rgb.convert("CMYK").save("cmyk.jpg")
n.save("gray.png"); n.save("gray.jpg")
a = rgb.copy(); a.putalpha(Image.linear_gradient("L").resize((300, 200)))
a.save("rgba.png"); a.save("rgba.webp")
n.convert("LA").save("la.png")
rgb.quantize(32).save("palette.png", transparency=3)
Image.new("I;16", (300, 200), 40000).save("deep.png")
"#;

const NAMES: &[&str] = &[
    "rgb.png",
    "rgb.jpg",
    "rgb.webp",
    "rgb.gif",
    "rgb.bmp",
    "rgb.tif",
    "progressive.jpg",
    "cmyk.jpg",
    "gray.png",
    "gray.jpg",
    "rgba.png",
    "rgba.webp",
    "la.png",
    "palette.png",
    "deep.png",
];

#[test]
fn every_master_fits_every_size() {
    let d = Dir::new();
    d.pillow(MASTERS);
    for name in NAMES {
        let master = Master::decode(&d.read(name), &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        for (fit, w, h, expect) in [
            (Fit::Crop, 108, 135, (108, 135)),
            (Fit::Pad, 108, 192, (108, 192)),
            (Fit::Any, 100, 100, (100, 67)),
            (Fit::Any, 1000, 1000, (300, 200)),
            (Fit::Crop, 600, 600, (600, 600)),
        ] {
            for format in [StillFormat::Jpeg, StillFormat::Png] {
                let r = recipe(w, h, fit, format);
                let out = master.render(&r).unwrap().bytes;
                let p = probe(&out).unwrap();
                assert_eq!((p.width, p.height), (Some(expect.0), Some(expect.1)), "{name} {fit:?}");
                assert_eq!(p.format, if format == StillFormat::Jpeg { "jpeg" } else { "png" });
                assert!(p.complete);
                assert_eq!(out, master.render(&r).unwrap().bytes, "{name}");
            }
        }
    }
}

#[test]
fn nothing_private_is_copied_and_other_readers_agree() {
    let d = Dir::new();
    d.pillow(MASTERS);
    d.exiftool(&[
        "-overwrite_original",
        "-GPSLatitude=48.1",
        "-GPSLatitudeRef=N",
        "-UserComment=secret prompt",
        "-XMP-dc:Subject=secret",
        "-Orientation#=6",
        "rgb.jpg",
    ]);
    for (format, name) in [(StillFormat::Jpeg, "out.jpg"), (StillFormat::Png, "out.png")] {
        for ai in [false, true] {
            let r = Recipe { mark_ai: ai, ..recipe(120, 150, Fit::Crop, format) };
            d.write(name, &render(&d.read("rgb.jpg"), &r, &Limits::default()).unwrap().bytes);
            let seen = d.exiftool(&["-G", "-a", "-s", name]);
            assert!(!seen.contains("secret") && !seen.contains("GPS") && !seen.contains("Orientation"), "{seen}");
            assert!(!seen.contains("Warning"), "{seen}");
            assert_eq!(seen.contains("DigitalSourceType"), ai, "{seen}");
            assert_eq!(seen.contains("trainedAlgorithmicMedia") || seen.contains("Trained"), ai, "{seen}");
            assert!(seen.contains("120x150"), "{seen}");
            if format == StillFormat::Jpeg {
                assert!(seen.contains("YCbCr4:2:0") && seen.contains("sRGB"), "{seen}");
            } else {
                assert!(seen.contains("SRGBRendering"), "{seen}");
            }
            d.pillow(&format!(
                "from PIL import Image\nim=Image.open('{name}'); im.load(); assert im.size==(120,150), im.size"
            ));
        }
    }
}

#[test]
fn every_orientation_gives_the_same_upright_picture() {
    let d = Dir::new();
    // Four different corners; stored so that each orientation shows the same picture.
    d.pillow(
        r#"
from PIL import Image
T = Image.Transpose
up = Image.new("RGB", (96, 64), "red")
up.paste((0, 255, 0), (48, 0, 96, 32)); up.paste((0, 0, 255), (0, 32, 48, 64)); up.paste((255, 255, 0), (48, 32, 96, 64))
back = {1: None, 2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270}
for o, t in back.items():
    im = up if t is None else up.transpose(t)
    e = im.getexif(); e[0x0112] = o
    im.save(f"{o}.png", exif=e); im.save(f"{o}.webp", exif=e, lossless=True); im.save(f"{o}.jpg", exif=e, quality=98, subsampling=0)
    im.save(f"{o}.tif", tiffinfo={0x0112: o})
"#,
    );
    for ext in ["png", "webp", "tif", "jpg"] {
        for r in [
            recipe(48, 32, Fit::Crop, StillFormat::Png),
            recipe(32, 32, Fit::Crop, StillFormat::Png),
            recipe(48, 40, Fit::Pad, StillFormat::Png),
            Recipe { focus: Some("0.9,0.1".parse().unwrap()), ..recipe(32, 32, Fit::Crop, StillFormat::Png) },
            Recipe { focus: Some("1,0.375".parse().unwrap()), ..recipe(48, 20, Fit::Crop, StillFormat::Png) },
            recipe(30, 30, Fit::Any, StillFormat::Png),
        ] {
            let picture = |o: u8| {
                let bytes = d.read(&format!("{o}.{ext}"));
                let p = probe(&bytes).unwrap();
                assert_eq!((p.width, p.height, p.orientation), (Some(96), Some(64), o), "{o}.{ext}");
                image::load_from_memory(&render(&bytes, &r, &Limits::default()).unwrap().bytes).unwrap().to_rgba8()
            };
            let first = picture(1);
            assert!(first.get_pixel(first.width() - 3, first.height() / 2 - 6).0[1] > 200);
            for o in 2..=8 {
                let other = picture(o);
                assert_eq!(other.dimensions(), first.dimensions(), "{o}.{ext}");
                let worst = first.as_raw().iter().zip(other.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                assert!(worst <= if ext == "jpg" { 14 } else { 6 }, "{o}.{ext} {worst}");
            }
        }
    }
}

#[test]
fn a_byte_limit_is_kept_or_refused() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let master = Master::decode(&d.read("rgb.png"), &Limits::default()).unwrap();
    let free = master.render(&recipe(300, 200, Fit::Any, StillFormat::Jpeg)).unwrap().bytes.len() as u64;
    let r = Recipe { max_bytes: Some(free * 6 / 10), ..recipe(300, 200, Fit::Any, StillFormat::Jpeg) };
    let small = master.render(&r).unwrap().bytes;
    assert!(small.len() as u64 <= free * 6 / 10 && small.len() as u64 > free * 4 / 10);
    for format in [StillFormat::Jpeg, StillFormat::Png] {
        let r = Recipe { max_bytes: Some(500), ..recipe(300, 200, Fit::Any, format) };
        assert!(matches!(master.render(&r), Err(MediaError::TooLarge { .. })));
    }
}

#[test]
fn a_proxy_has_one_size_and_a_visible_mark() {
    let d = Dir::new();
    d.pillow(MASTERS);
    d.pillow("from PIL import Image\nImage.new('RGB',(3,2)).save('tiny.png'); Image.new('RGB',(3000,4),'white').save('thin.png'); Image.effect_noise((2600,2600),200).save('noise.png'); Image.new('RGB',(800,600),(120,120,120)).save('flat.png')");
    for name in NAMES.iter().chain(&["tiny.png", "thin.png", "noise.png", "flat.png"]) {
        let bytes = d.read(name);
        let out = Master::decode(&bytes, &Limits::default()).unwrap().proxy("for Müller only").unwrap();
        assert_eq!(out.len() as u64, PROXY_BYTES, "{name}");
        let picture = image::load_from_memory(&out).unwrap().to_rgb8();
        assert!(picture.width().max(picture.height()) <= 1024);
        d.write("proxy.jpg", &out);
        d.pillow("from PIL import Image\nim=Image.open('proxy.jpg'); im.load()");
        if *name == "flat.png" {
            // A quarter of the tiles at least carry strokes.
            let (w, h) = picture.dimensions();
            let marked = |x: u32, y: u32| {
                (x..x + w / 8)
                    .flat_map(|x| (y..y + h / 8).map(move |y| (x, y)))
                    .any(|(x, y)| picture.get_pixel(x, y).0[0].abs_diff(120) > 40)
            };
            let count = (0..64u32).filter(|i| marked(i % 8 * (w / 8), i / 8 * (h / 8))).count();
            assert!(count > 32, "{count} of 64 tiles are marked");
        }
    }
}

#[test]
fn a_jpeg_that_would_decode_with_wrong_colours_is_refused() {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 85);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(&[200; 64 * 64 * 3], 64, 64, jpeg_encoder::ColorType::Rgb).unwrap();
    let r = recipe(32, 32, Fit::Crop, StillFormat::Jpeg);
    assert!(matches!(render(&file, &r, &Limits::default()), Err(MediaError::Unsupported { .. })));
    assert_eq!(probe(&file).unwrap().width, Some(64));
}

/// Regression: every export called itself generated, photographs too.
#[test]
fn what_a_master_says_of_its_origin_is_carried_and_nothing_else_is_said() {
    let d = Dir::new();
    d.pillow(MASTERS);
    let uri = |id: &str| format!("http://cv.iptc.org/newscodes/digitalsourcetype/{id}");
    let said = |name: &str, mark_ai, format| {
        let r = Recipe { mark_ai, ..recipe(60, 60, Fit::Crop, format) };
        d.write("out", &render(&d.read(name), &r, &Limits::default()).unwrap().bytes);
        d.exiftool(&["-s3", "-n", "-XMP-iptcExt:DigitalSourceType", "out"]).trim().to_owned()
    };
    for name in ["rgb.png", "rgb.jpg", "rgb.webp", "rgb.tif"] {
        for format in [StillFormat::Jpeg, StillFormat::Png] {
            assert_eq!(said(name, false, format), "", "{name}");
            assert_eq!(said(name, true, format), uri("trainedAlgorithmicMedia"), "{name}");
        }
        let tag = format!("-XMP-iptcExt:DigitalSourceType={}", uri("compositeWithTrainedAlgorithmicMedia"));
        d.exiftool(&["-overwrite_original", "-n", &tag, name]);
        for mark_ai in [false, true] {
            assert_eq!(said(name, mark_ai, StillFormat::Jpeg), uri("compositeWithTrainedAlgorithmicMedia"), "{name}");
        }
    }
}

/// What an export says, as another program reads it in every format that has a place for it.
#[test]
fn an_export_says_what_its_recipe_and_its_masters_own_packet_say_of_rights_and_nothing_else() {
    let d = Dir::new();
    d.pillow(MASTERS);
    d.exiftool(&[
        "-overwrite_original",
        "-XMP-xmpRights:Marked=True",
        "-XMP-xmpRights:WebStatement=https://luna.example/rights",
        "-XMP-xmpRights:UsageTerms=Ask & pay",
        "-XMP-photoshop:Credit=Luna Studio",
        "-XMP-iptcCore:AltTextAccessibility=A red door",
        "-XMP-photoshop:History=secret edits",
        "-XMP-photoshop:City=Secretville",
        "-XMP-xmp:CreatorTool=secret tool",
        "-XMP-xmpMM:DocumentID=secret document",
        "-XMP-iptcExt:PersonInImage=secret person",
        "-XMP-dc:Rights=secret old rights",
        "-GPSLatitude=48.1",
        "-GPSLatitudeRef=N",
        "-SerialNumber=secret serial",
        "rgb.jpg",
    ]);
    let master = d.read("rgb.jpg");
    let words = Words {
        platform: Some("tiktok".into()),
        derived_from: Some("3f9a2c4b5d6e7081".into()),
        rights: Some("© 2026 Luna <\"Ray\">".into()),
        creator: Some("Ann; Bob".into()),
        system: Some("flux via comfyui".into()),
        system_version: Some("1.2".into()),
        prompt: None,
    };
    for format in [StillFormat::Jpeg, StillFormat::Png, StillFormat::WebP, StillFormat::Gif, StillFormat::Tiff] {
        let r = Recipe { words: words.clone(), mark_ai: true, ..recipe(120, 150, Fit::Crop, format) };
        let bytes = render(&master, &r, &Limits::default()).unwrap().bytes;
        d.write("out", &bytes);
        let said = |tag: &str| d.exiftool(&["-s3", "-n", tag, "out"]).trim().to_owned();
        for (tag, expected) in [
            ("-XMP-dc:Rights", "© 2026 Luna <\"Ray\">"),
            ("-XMP-dc:Creator", "Ann, Bob"),
            ("-XMP-dc:Subject", "platform:tiktok, orientation:portrait"),
            ("-XMP-xmpRights:Marked", "True"),
            ("-XMP-xmpRights:WebStatement", "https://luna.example/rights"),
            ("-XMP-xmpRights:UsageTerms", "Ask & pay"),
            ("-XMP-photoshop:Credit", "Luna Studio"),
            ("-XMP-iptcCore:AltTextAccessibility", "A red door"),
            ("-XMP-xmpMM:DerivedFromDocumentID", "3f9a2c4b5d6e7081"),
            ("-AISystemUsed", "flux via comfyui"),
            ("-AISystemVersionUsed", "1.2"),
        ] {
            assert_eq!(said(tag), expected, "{format:?} {tag}");
        }
        // Packets in GIFs are written here, and not read.
        let read = (format != StillFormat::Gif).then_some("3f9a2c4b5d6e7081");
        assert_eq!(derived_from(&bytes).unwrap().as_deref(), read, "{format:?}");
        let seen = d.exiftool(&["-G", "-a", "-s", "out"]);
        assert!(
            !seen.to_lowercase().contains("secret") && !seen.contains("GPS") && !seen.contains("Warning"),
            "{seen}"
        );
        let bare =
            render(&master, &Recipe { mark_ai: true, ..recipe(120, 150, Fit::Crop, format) }, &Limits::default());
        d.write("out", &bare.unwrap().bytes);
        let seen = d.exiftool(&["-XMP:all", "-s", "out"]);
        let said: Vec<&str> = seen.lines().filter(|line| !line.starts_with("XMPToolkit")).collect();
        assert!(said.len() == 1 && said[0].starts_with("DigitalSourceType"), "{format:?} {said:?}");
    }
}

#[test]
fn the_memory_of_a_decode_is_known_beforehand() {
    let d = Dir::new();
    d.pillow(MASTERS);
    for name in NAMES {
        let bytes = d.read(name);
        // A TIFF may have 16 bits for each channel.
        let pixel = if ["deep.png", "rgb.tif"].contains(name) { 8 } else { 4 };
        assert_eq!(decoded_bytes(&bytes).unwrap(), 300 * 200 * pixel + bytes.len() as u64, "{name}");
    }
    assert!(matches!(decoded_bytes(&b"no picture".to_vec()), Err(MediaError::Unrecognised)));
}
