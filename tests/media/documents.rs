//! Documents of programs that paint: the finished picture in them, not their layers.

use std::process::Command;

use damfs::media::{Fit, Limits, Master, MediaError, StillFormat, decoded_bytes, probe, render};

use crate::colour::{PROFILES, assert_near, patches};
use crate::exports::recipe;
use crate::tools::Dir;

const COLOURS: &str = "[(200, 30, 60), (30, 200, 60), (40, 60, 210), (128, 128, 128), (250, 240, 20), (10, 12, 14), (180, 140, 120), (255, 255, 255)]";

fn convert(d: &Dir, args: &[&str]) {
    let out = Command::new("convert").args(args).current_dir(d.path("")).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn photoshops_documents_look_as_their_finished_picture() {
    let d = Dir::new();
    d.pillow(&format!(
        r#"{PROFILES}
im = patches("RGB", {COLOURS})
im.save("rgb.png"); im.save("p3.png", icc_profile=P3); im.convert("L").save("gray.png"); im.quantize(8).save("few.png")
inked = patches("CMYK", [(20, 200, 60, 40), (255, 0, 0, 0), (0, 0, 0, 255), (0, 0, 0, 0), (40, 10, 220, 0), (90, 90, 90, 90), (0, 255, 255, 30), (255, 255, 0, 10)])
inked.save("inks.tif", icc_profile=inks())
"#
    ));
    for (from, to, how) in [
        ("rgb.png", "rgb.psd", &[][..]),
        ("rgb.png", "plain.psd", &["-compress", "none"]),
        ("rgb.png", "deep.psd", &["-depth", "16"]),
        ("rgb.png", "large.psb", &[]),
        ("p3.png", "p3.psd", &[]),
        ("gray.png", "gray.psd", &["-colorspace", "Gray"]),
        ("few.png", "few.psd", &["-type", "Palette"]),
        ("inks.tif", "inks.psd", &[]),
    ] {
        convert(&d, &[&[from][..], how, &[to]].concat());
        let (seen, right) = (patches(&d, to, 8), patches(&d, from, 8));
        assert_near(&seen, &right, 2, to);
        let told = d.probe(to);
        assert_eq!((told.width, told.height, told.complete), (Some(256), Some(32), true), "{to}");
        let room = decoded_bytes(&d.read(to)).unwrap();
        assert!(room >= 256 * 32 * if to == "deep.psd" { 8 } else { 4 }, "{to}");
        let cut = d.read(to);
        let cut = cut[..cut.len() - cut.len() / 3].to_vec();
        assert!(matches!(Master::decode(&cut, &Limits::default()), Err(MediaError::Damaged { .. })), "{to}");
    }
}

/// A document by hand: its finished picture is on white, and its first further channel says how much of that is seen through.
fn photoshop(pixels: &[[u8; 4]], resources: &[u8], layers: i16) -> Vec<u8> {
    let count = u32::try_from(pixels.len()).unwrap();
    let mut out = b"8BPS\0\x01\0\0\0\0\0\0\0\x04\0\0\0\x01".to_vec();
    out.extend(count.to_be_bytes());
    out.extend([0, 8, 0, 3, 0, 0, 0, 0]);
    out.extend(u32::try_from(resources.len()).unwrap().to_be_bytes());
    out.extend(resources);
    out.extend([0, 0, 0, 10, 0, 0, 0, 6]);
    out.extend(layers.to_be_bytes());
    out.extend([0; 4]);
    out.extend([0, 0]);
    (0..4).for_each(|channel| out.extend(pixels.iter().map(|pixel| pixel[channel])));
    out
}

#[test]
fn what_a_document_lets_through_is_seen_through_and_stands_on_white_where_nothing_can_be() {
    // Opaque red, half of green on white, nothing.
    let pixels = [[255, 0, 0, 255], [127, 255, 127, 128], [255, 255, 255, 0]];
    let shown = |layers, format| {
        let file = photoshop(&pixels, b"", layers);
        let made = render(&file, &recipe(3, 1, Fit::Any, format), &Limits::default()).unwrap().bytes;
        image::load_from_memory(&made).unwrap().to_rgba8().pixels().map(|pixel| pixel.0).collect::<Vec<_>>()
    };
    let made = shown(-1, StillFormat::Png);
    assert_eq!((made[0], made[1], made[2][3]), ([255, 0, 0, 255], [0, 255, 0, 128], 0));
    let flat = shown(-1, StillFormat::Bmp);
    assert!(flat[1].iter().zip([127, 255, 127, 255]).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 1), "{flat:?}");
    // Without the sign the further channel is somebody's selection.
    assert_eq!(shown(1, StillFormat::Png)[1], [127, 255, 127, 255]);
}

#[test]
fn a_document_without_a_finished_picture_is_refused_and_says_what_to_do() {
    let resource = [&b"8BIM\x04\x21\0\0\0\0\0\x05"[..], &[0, 0, 0, 1, 0], &[0]].concat();
    let refused = |file: &Vec<u8>| Master::decode(file, &Limits::default()).unwrap_err().to_string();
    let said = refused(&photoshop(&[[1, 2, 3, 4]], &resource, 1));
    assert!(said.contains("maximize compatibility"), "{said}");
    let whole = [&resource[..16], &[1, 0][..]].concat();
    assert!(Master::decode(&photoshop(&[[1, 2, 3, 4]], &whole, 1), &Limits::default()).is_ok());
    let d = Dir::new();
    d.pillow("import zipfile\nz = zipfile.ZipFile('none.ora', 'w'); z.writestr('mimetype', 'image/openraster'); z.writestr('stack.xml', '<image/>'); z.close()");
    let said = refused(&d.read("none.ora"));
    assert!(said.contains("without a merged picture"), "{said}");
}

#[test]
fn paintings_in_archives_look_as_their_merged_picture() {
    let d = Dir::new();
    d.pillow(&format!(
        r#"{PROFILES}
import io, zipfile
im = patches("RGB", {COLOURS})
im.save("p3.png", icc_profile=P3)
def put(name, kind, method, data=open("p3.png", "rb").read(), comment=b""):
    with zipfile.ZipFile(name, "w") as z:
        z.writestr("mimetype", kind)
        for n in range(300): z.writestr(f"layers/layer{{n}}", b"x" * 50, method)
        z.writestr("mergedimage.png", data, method)
        z.comment = comment
put("stored.kra", "application/x-krita", zipfile.ZIP_STORED)
put("packed.kra", "application/x-krita", zipfile.ZIP_DEFLATED, comment=b"PK" * 9000)
put("packed.ora", "image/openraster", zipfile.ZIP_DEFLATED)
put("bomb.ora", "image/openraster", zipfile.ZIP_DEFLATED, open("p3.png", "rb").read()[:-12] + bytes(64 << 20))
put("other.kra", "application/x-krita", zipfile.ZIP_DEFLATED, b"GIF89a" + bytes(50))
"#
    ));
    let right = patches(&d, "p3.png", 8);
    for name in ["stored.kra", "packed.kra", "packed.ora"] {
        assert_near(&patches(&d, name, 8), &right, 0, name);
        let told = d.probe(name);
        assert_eq!((told.kind.as_str(), told.width, told.height, told.complete), ("image", Some(256), Some(32), true));
        let cut = d.read(name);
        let cut = cut[..cut.len() - 40_000.min(cut.len() / 2)].to_vec();
        assert!(Master::decode(&cut, &Limits::default()).is_err(), "{name}");
        assert!(!probe(&cut).unwrap().complete, "{name}");
    }
    let tight = Limits { max_bytes: 1 << 20, ..Limits::default() };
    let bomb = Master::decode(&d.read("bomb.ora"), &tight);
    assert!(matches!(bomb, Err(MediaError::TooLarge { .. })), "{bomb:?}");
    let bomb = Master::decode(&d.read("bomb.ora"), &Limits::default());
    assert!(matches!(bomb, Err(MediaError::TooLarge { .. })), "no more than its picture can need: {bomb:?}");
    assert!(matches!(Master::decode(&d.read("other.kra"), &tight), Err(MediaError::Damaged { .. })));
}
