//! Metadata written by Pillow and exiftool is read.

use crate::tools::Dir;

const INFOTEXT: &str = "a cat, <lora:add:0.8>\\nNegative prompt: blurry\\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 8x8, Model: foo";
const GRAPH: &str = r#"{"3":{"class_type":"KSampler","inputs":{"seed":7,"steps":20,"sampler_name":"euler","model":["4",0],"positive":["6",0],"negative":["7",0]}},"4":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"m.safetensors"}},"6":{"class_type":"CLIPTextEncode","inputs":{"text":"a fox"}},"7":{"class_type":"CLIPTextEncode","inputs":{"text":"bad"}},"9":{"class_type":"SaveImage","inputs":{"images":["3",0]}}}"#;

#[test]
fn infotext_in_png_of_either_text_chunk() {
    let d = Dir::new();
    d.pillow(&format!(
        r#"
from PIL import Image, PngImagePlugin
im = Image.new("RGB", (8, 6))
for name, prompt in (("latin", "ein Mädchen, "), ("other", "東京の猫, ")):
    for z in (False, True):
        i = PngImagePlugin.PngInfo(); i.add_text("parameters", prompt + "{INFOTEXT}", zip=z)
        im.save(f"{{name}}{{int(z)}}.png", pnginfo=i)
"#
    ));
    for (name, start) in [("latin", "ein Mädchen, "), ("other", "東京の猫, ")] {
        for z in [0, 1] {
            let p = d.probe(&format!("{name}{z}.png"));
            assert_eq!((p.kind.as_str(), p.format.as_str(), p.width, p.height), ("image", "png", Some(8), Some(6)));
            assert!(p.complete);
            let g = p.generation.unwrap();
            assert_eq!(g.tool, "a1111");
            assert_eq!(g.prompt, Some(format!("{start}a cat, <lora:add:0.8>")));
            assert_eq!((g.negative.as_deref(), g.seed, g.model.as_deref()), (Some("blurry"), Some(42), Some("foo")));
            assert_eq!(g.loras, ["add"]);
        }
    }
}

#[test]
fn infotext_in_user_comment_of_jpeg_and_webp() {
    let d = Dir::new();
    // Bytes as piexif writes them: big-endian TIFF, UNICODE, UTF-16 without a mark; and the little-endian variant.
    d.pillow(&format!(
        r#"
import struct
from PIL import Image
im = Image.new("RGB", (8, 6))
def tiff(order, codec, text):
    c = b"UNICODE\0" + text.encode(codec)
    e = order
    ifd0 = struct.pack(e+"HHHII", 1, 0x8769, 4, 1, 26) + struct.pack(e+"I", 0)
    sub = struct.pack(e+"HHHII", 1, 0x9286, 7, len(c), 44) + struct.pack(e+"I", 0)
    return (b"MM\0*" if e == ">" else b"II*\0") + struct.pack(e+"I", 8) + ifd0 + sub + c
text = "東京 猫, {INFOTEXT}"
for o, order in (("b", ">"), ("l", "<")):
    for c in ("utf-16-be", "utf-16-le"):
        t = tiff(order, c, text)
        im.save(f"{{o}}{{c[-2:]}}.jpg", exif=b"Exif\0\0" + t)
        im.save(f"{{o}}{{c[-2:]}}.webp", exif=t)
        im.save(f"{{o}}{{c[-2:]}}x.webp", exif=b"Exif\0\0" + t)
im.save("tool.jpg")
"#
    ));
    d.exiftool(&["-overwrite_original", "-UserComment=a cat\nSteps: 20, Sampler: Euler, Seed: 42", "tool.jpg"]);
    for name in ["bbe", "ble", "lbe", "lle"] {
        for ext in [".jpg", ".webp", "x.webp"] {
            let g = d.probe(&format!("{name}{ext}")).generation.unwrap_or_else(|| panic!("{name}{ext}"));
            assert_eq!(g.prompt.as_deref(), Some("東京 猫, a cat, <lora:add:0.8>"), "{name}{ext}");
            assert_eq!(g.seed, Some(42));
        }
    }
    assert_eq!(d.probe("tool.jpg").generation.unwrap().seed, Some(42));
}

#[test]
fn graphs_in_png_and_webp() {
    let d = Dir::new();
    let nan = GRAPH.replace("\"steps\":20", "\"steps\":20,\"x\":NaN");
    d.write("graph.json", nan.as_bytes());
    d.pillow(
        r#"
from PIL import Image, PngImagePlugin
g = open("graph.json").read()
im = Image.new("RGB", (8, 6))
i = PngImagePlugin.PngInfo(); i.add_text("prompt", g); i.add_text("workflow", '{"nodes":[]}')
im.save("a.png", pnginfo=i)
i.add_text("parameters", "words\nSteps: 3, Sampler: x, Seed: 9")
im.save("both.png", pnginfo=i)
e = im.getexif(); e[0x0110] = "prompt:" + g; e[0x010f] = 'workflow:{"nodes":[]}'
im.save("a.webp", exif=e)
e = im.getexif(); e[0x010f] = "Prompt: " + g; e[0x010e] = 'Workflow: {"nodes":[]}'
im.save("swapped.webp", exif=e)
im.save("swapped.jpg", exif=e)
"#,
    );
    for name in ["a.png", "a.webp", "swapped.webp", "swapped.jpg"] {
        let g = d.probe(name).generation.unwrap_or_else(|| panic!("{name}"));
        assert_eq!(g.tool, "comfyui", "{name}");
        assert_eq!((g.prompt.as_deref(), g.negative.as_deref()), (Some("a fox"), Some("bad")));
        assert_eq!((g.seed, g.model.as_deref(), g.sampler.as_deref()), (Some(7), Some("m"), Some("euler")));
        assert_eq!(g.workflow.as_deref(), Some("{\"nodes\":[]}"));
        assert_eq!(g.raw, nan, "{name}");
    }
    let both = d.probe("both.png").generation.unwrap();
    assert_eq!((both.tool.as_str(), both.prompt.as_deref(), both.seed), ("a1111", Some("words"), Some(9)));
    assert!(both.workflow.is_some());
}

#[test]
fn xmp_iptc_and_dates_written_by_exiftool() {
    let d = Dir::new();
    d.pillow("from PIL import Image\nim=Image.new('RGB',(8,6))\nfor e in ('png','jpg','webp','tif'): im.save('a.'+e)");
    for name in ["a.png", "a.jpg", "a.webp", "a.tif"] {
        d.exiftool(&[
            "-overwrite_original",
            "-XMP-dc:Subject=beach",
            "-XMP-dc:Subject=Sonne & Mädchen",
            "-XMP-dc:Title=A title",
            "-XMP-dc:Description=Words",
            "-XMP-xmp:Rating=4",
            "-XMP-iptcExt:PersonInImage=Luna",
            "-XMP-xmp:CreateDate=2026:05:17 12:30:00+02:00",
            name,
        ]);
        let p = d.probe(name);
        assert_eq!(p.keywords, ["beach", "Sonne & Mädchen"], "{name}");
        assert_eq!((p.properties["title"].as_str(), p.description.as_deref()), ("A title", Some("Words")));
        assert_eq!((p.stars, p.persons.as_slice()), (Some(8), &["Luna".to_owned()][..]));
        assert_eq!(p.created.unwrap().to_string(), "2026-05-17T10:30:00Z");
        assert!(p.complete, "{name}");
        assert_eq!((p.width, p.height), (Some(8), Some(6)), "{name}");
    }
    d.exiftool(&[
        "-overwrite_original",
        "-codedcharacterset=utf8",
        "-IPTC:Keywords=beach",
        "-IPTC:Keywords=Größe",
        "-EXIF:DateTimeOriginal=2025:01:02 03:04:05",
        "-Orientation#=6",
        "a.jpg",
    ]);
    let p = d.probe("a.jpg");
    assert_eq!(p.keywords, ["beach", "Sonne & Mädchen", "Größe"]);
    assert_eq!(p.created.unwrap().to_string(), "2025-01-02T03:04:05Z");
    assert_eq!((p.orientation, p.width, p.height), (6, Some(6), Some(8)));
}

#[test]
fn a_file_still_being_written_is_not_complete() {
    let d = Dir::new();
    d.pillow("from PIL import Image\nim=Image.effect_noise((64,64),50).convert('RGB')\nfor e in ('png','jpg','webp','gif','bmp'): im.save('a.'+e)");
    for name in ["a.png", "a.jpg", "a.webp", "a.gif", "a.bmp"] {
        let whole = d.read(name);
        assert!(damfs::media::probe(&whole).unwrap().complete, "{name}");
        for cut in [whole.len() / 2, whole.len() - 1] {
            assert!(!damfs::media::probe(&whole[..cut].to_vec()).unwrap().complete, "{name} {cut}");
        }
    }
}
