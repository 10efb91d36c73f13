//! The look of a picture, as other programs change it.

use damfs::catalog::NEAR;
use damfs::media::{Limits, Look, Master, MediaError};
use damfs::types::Colours;

use crate::tools::Dir;

/// Four scenes, and each as it is passed on: in other formats, sizes, qualities and colours, turned by its metadata, with a margin cut off.
const SCENES: &str = r#"
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter
import random
def scene(n):
    r = random.Random(n)
    im = Image.new("RGB", (480, 640), tuple(r.randrange(60, 200) for _ in "rgb"))
    d = ImageDraw.Draw(im)
    for _ in range(12):
        x, y, s = r.randrange(480), r.randrange(640), r.randrange(60, 260)
        d.ellipse((x - s, y - s, x + s, y + s // 2), fill=tuple(r.randrange(256) for _ in "rgb"))
    return im.filter(ImageFilter.GaussianBlur(6))
for n in range(4):
    im = scene(n)
    w, h = im.size
    im.save(f"{n}-png.png"); im.save(f"{n}-jpg.jpg", quality=60); im.save(f"{n}-webp.webp", quality=40)
    im.resize((240, 320)).save(f"{n}-half.png")
    im.resize((90, 120)).save(f"{n}-tiny.jpg", quality=40)
    im.crop((5, 6, w - 5, h - 6)).save(f"{n}-cut.png")
    ImageEnhance.Brightness(im).enhance(1.15).save(f"{n}-bright.png")
    ImageEnhance.Color(im).enhance(1.5).save(f"{n}-vivid.jpg")
    im.convert("L").save(f"{n}-gray.png")
    im.convert("RGBA").save(f"{n}-alpha.png")
    exif = Image.Exif(); exif[0x112] = 6
    im.transpose(Image.Transpose.ROTATE_90).save(f"{n}-turned.jpg", exif=exif)
Image.new("RGB", (64, 64), (250, 250, 250)).save("even.png")
open("broken.png", "wb").write(open("0-png.png", "rb").read()[:400])
"#;

fn look(d: &Dir, name: &str) -> Result<Look, MediaError> {
    Master::decode(&d.read(name), &Limits::default())?.look()
}

#[test]
fn copies_of_a_picture_look_alike_and_other_pictures_do_not() {
    let d = Dir::new();
    d.pillow(SCENES);
    let kinds = ["png", "jpg", "webp", "half", "tiny", "cut", "bright", "vivid", "gray", "alpha", "turned"];
    let names: Vec<String> =
        std::fs::read_dir(d.path("")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    let named = |n: usize, kind: &str| names.iter().find(|name| name.starts_with(&format!("{n}-{kind}."))).unwrap();
    let looks: Vec<Vec<u64>> =
        (0..4).map(|n| kinds.iter().map(|kind| look(&d, named(n, kind)).unwrap().bits.unwrap()).collect()).collect();
    for (n, copies) in looks.iter().enumerate() {
        for (kind, copy) in kinds.iter().zip(copies) {
            let differs = (copies[0] ^ copy).count_ones();
            assert!(differs <= NEAR, "{n} as {kind}: {differs}");
        }
        for other in &looks[n + 1..] {
            let differs = (copies[0] ^ other[0]).count_ones();
            assert!(differs > 2 * NEAR, "{n}: {differs}");
        }
    }
    let even = look(&d, "even.png").unwrap();
    assert_eq!((even.bits, even.colours), (None, Colours::NONE.with("white")), "nothing to know it by, and a colour");
    let broken = look(&d, "broken.png").unwrap_err();
    assert!(broken.is_lasting(), "{broken}");
}

/// A sky above sand with a red ball in it that covers less than an eighth; as it is stored, and as other programs pass it on.
#[test]
fn the_colours_that_cover_most_stand_out_in_every_copy() {
    let d = Dir::new();
    d.pillow(
        r#"
from PIL import Image, ImageDraw
im = Image.new("RGB", (480, 640), (80, 150, 225))
d = ImageDraw.Draw(im)
d.rectangle((0, 400, 480, 640), fill=(236, 196, 120))
d.ellipse((200, 200, 280, 280), fill=(220, 20, 40))
im.save("png.png"); im.save("jpg.jpg", quality=60); im.save("webp.webp", quality=50); im.resize((90, 120)).save("tiny.png")
im.convert("L").save("gray.png")
cut = im.convert("RGBA")
cut.putalpha(Image.new("L", im.size, 0))
cut.paste(im.crop((0, 0, 480, 400)), (0, 0))
cut.save("cut.png")
"#,
    );
    let colours = |name: &str| look(&d, name).unwrap().colours.names().collect::<Vec<_>>();
    for copy in ["png.png", "jpg.jpg", "webp.webp", "tiny.png"] {
        assert_eq!(colours(copy), ["orange", "blue"], "{copy}");
    }
    assert_eq!(colours("gray.png"), ["grey"]);
    assert_eq!(colours("cut.png"), ["blue"], "what is transparent has no colour");
}
