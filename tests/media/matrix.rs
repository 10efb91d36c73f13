//! Every still row of the shipped table, for masters of every kind, held to the row by programs that know nothing of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use damfs::media::{Fit, Limits, Master, MediaError, Recipe, StillFormat};
use damfs::policy::platforms::{PlacementKind, shipped};
use damfs::view::recipes::still_recipe;

use crate::colour::PROFILES;
use crate::converted::decode;
use crate::tools::Dir;
use crate::written::Avifenc;

/// The recipes of all still rows, each once: many rows ask for the same.
fn recipes() -> BTreeMap<String, Recipe> {
    let stills = shipped().all().filter(|row| row.kind == PlacementKind::Image);
    let recipes: BTreeMap<_, _> =
        stills.map(|row| still_recipe(row, None, true)).map(|recipe| (recipe.canonical(), recipe)).collect();
    assert!(recipes.len() > 30, "{}", recipes.len());
    recipes
}

/// Every second of them, so that two tests share the work.
fn even() -> BTreeMap<String, Recipe> {
    recipes().into_iter().step_by(2).collect()
}

fn odd() -> BTreeMap<String, Recipe> {
    recipes().into_iter().skip(1).step_by(2).collect()
}

/// One recipe of each kind, for masters of which only how they are read is another.
fn one_of_each() -> BTreeMap<String, Recipe> {
    let kinds = recipes().into_iter().map(|(text, recipe)| ((recipe.format.name(), recipe.fit as u8), (text, recipe)));
    kinds.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// One recipe of each fit, for a row that takes AVIF.
fn as_avif() -> BTreeMap<String, Recipe> {
    let by_fit: BTreeMap<u8, Recipe> = recipes().into_values().map(|recipe| (recipe.fit as u8, recipe)).collect();
    let recipes = by_fit.into_values().map(|recipe| Recipe { format: StillFormat::Avif, ..recipe });
    recipes.map(|recipe| (recipe.canonical(), recipe)).collect()
}

/// What ImageMagick says that files are: format, width and height, and how many pictures are in it.
fn seen(d: &Dir, names: &[String]) -> BTreeMap<String, (String, u32, u32, u32)> {
    let mut identify = Command::new("identify");
    identify.args(["-format", "%f %m %w %h\n"]).args(names.iter().map(|name| d.path(name)));
    let out = identify.output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut seen = BTreeMap::new();
    for line in String::from_utf8(out.stdout).unwrap().lines() {
        let [name, format, width, height] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let number = |text: &str| text.parse::<u32>().unwrap();
        let one = seen.entry(name.to_owned()).or_insert((format.to_lowercase(), number(width), number(height), 0));
        one.3 += 1;
    }
    seen
}

/// Whoever checks files of a format finds nothing wrong with it.
fn is_whole(d: &Dir, name: &str, format: StillFormat) {
    let (program, args): (&str, &[&str]) = match format {
        StillFormat::Jpeg => ("jpeginfo", &["-c"]),
        StillFormat::Png => ("pngcheck", &["-q"]),
        StillFormat::WebP => ("webpinfo", &["-quiet"]),
        StillFormat::Avif => ("avifdec", &["--info"]),
        _ => return,
    };
    let out = Command::new(program).args(args).arg(d.path(name)).output().unwrap();
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stdout));
}

/// Renders one master by each recipe, and has the files looked at.
fn check(script: &str, file: &str, recipes: BTreeMap<String, Recipe>) {
    let d = Dir::new();
    d.pillow(script);
    let master = decode(&d, file).unwrap();
    let (w, h) = master.size();
    let mut made = Vec::new();
    for (at, (text, recipe)) in recipes.into_iter().enumerate() {
        match master.render_with(&recipe, Some(&Avifenc(&d))) {
            Ok(rendered) => {
                let (wide, high) = (recipe.width.unwrap_or(w), recipe.height.unwrap_or(h));
                let large_enough = match recipe.fit {
                    Fit::Crop => w >= wide && h >= high,
                    Fit::Pad => w >= wide || h >= high,
                    Fit::Any => true,
                };
                assert!(large_enough, "nothing is enlarged: {text}");
                assert!(recipe.max_bytes.is_none_or(|most| rendered.bytes.len() as u64 <= most), "{text}");
                let name = format!("{at}.{}", recipe.format.extension());
                d.write(&name, &rendered.bytes);
                made.push((name, recipe));
            }
            Err(MediaError::TooSmall { wants, .. }) => {
                assert!(recipe.fit != Fit::Any && (w < wants.0 || h < wants.1), "{w}x{h}: {text}");
            }
            Err(e) => panic!("{text}: {e}"),
        }
    }
    assert!(!made.is_empty());
    let names: Vec<String> = made.iter().map(|(name, _)| name.clone()).collect();
    let seen = seen(&d, &names);
    for (name, recipe) in &made {
        let (format, width, height, pictures) = &seen[name];
        // ImageMagick calls by one name what both formats lie in.
        let called = if recipe.format == StillFormat::Avif { "heic" } else { recipe.format.name() };
        assert_eq!((format.as_str(), *pictures), (called, 1), "{name}");
        let (wide, high) = (recipe.width.unwrap_or(w), recipe.height.unwrap_or(h));
        match recipe.fit {
            Fit::Any => assert!(*width <= wide && *height <= high && *width <= w && *height <= h, "{name}"),
            Fit::Crop | Fit::Pad => assert_eq!((*width, *height), (wide, high), "{name}"),
        }
        is_whole(&d, name, recipe.format);
    }
    let mut args = vec!["-a", "-G1", "-s", "-n"];
    args.extend(names.iter().map(String::as_str));
    let told = d.exiftool(&args);
    assert_eq!(told.matches("DigitalSourceType").count(), names.len(), "each says that it was generated");
    for private in ["Warning", "Error", "GPS", "secret", "Orientation", "Software", "parameters", "[IPTC]"] {
        let lines: BTreeSet<&str> = told.lines().filter(|line| line.contains(private)).collect();
        assert!(lines.is_empty(), "{lines:?}");
    }
}

const NOISE: &str = "from PIL import Image, ImageCms, PngImagePlugin\n\
    def noise(w, h):\n  n = Image.effect_noise((w // 8, h // 8), 60).resize((w, h)); return Image.merge('RGB', (n, n.rotate(180), Image.linear_gradient('L').resize((w, h))))\n";

macro_rules! masters {
    ($($name:ident: $file:literal, $recipes:ident, $script:literal;)*) => {$(
        #[test]
        fn $name() {
            check(&format!("{NOISE}{}", $script), $file, $recipes());
        }
    )*};
}

masters! {
    portrait_even: "m.png", even, "i = PngImagePlugin.PngInfo(); i.add_text('parameters', 'a secret prompt'); noise(1200, 2000).save('m.png', pnginfo=i)";
    portrait_odd: "m.png", odd, "i = PngImagePlugin.PngInfo(); i.add_text('parameters', 'a secret prompt'); noise(1200, 2000).save('m.png', pnginfo=i)";
    transparent: "m.png", one_of_each, "a = noise(1500, 1500); a.putalpha(Image.linear_gradient('L').resize(a.size)); a.save('m.png')";
    tiny: "m.png", recipes, "noise(40, 32).save('m.png')";
    landscape: "m.jpg", one_of_each, "noise(2000, 1200).save('m.jpg', quality=92)";
    square: "m.webp", one_of_each, "noise(1600, 1600).save('m.webp', quality=90)";
    huge: "m.jpg", one_of_each, "noise(3000, 4000).save('m.jpg', quality=85)";
    sixteen_bits: "m.png", one_of_each, "Image.new('I;16', (1400, 1400), 40000).save('m.png')";
    cmyk: "m.jpg", one_of_each, "noise(1300, 1700).convert('CMYK').save('m.jpg', quality=92)";
    rotated: "m.jpg", one_of_each, "a = noise(2000, 1300); e = a.getexif(); e[0x0112] = 6; e[0x8825] = {1: 'N', 2: (48.0, 1.0, 2.0)}; a.save('m.jpg', exif=e, quality=92)";
    written_as_avif: "m.png", as_avif, "i = PngImagePlugin.PngInfo(); i.add_text('parameters', 'a secret prompt'); noise(1200, 2000).save('m.png', pnginfo=i)";
    turned_and_written_as_avif: "m.jpg", as_avif, "a = noise(2000, 1300); e = a.getexif(); e[0x0112] = 6; e[0x8825] = {1: 'N', 2: (48.0, 1.0, 2.0)}; a.save('m.jpg', exif=e, quality=92)";
    transparent_and_written_as_avif: "m.png", as_avif, "a = noise(1500, 1500); a.putalpha(Image.linear_gradient('L').resize(a.size)); a.save('m.png')";
    animated: "m.gif", one_of_each, "noise(900, 1100).save('m.gif', save_all=True, append_images=[noise(900, 1100).rotate(90), noise(900, 1100)], duration=80)";
}

/// Display P3, as phones write it.
#[test]
fn wide_gamut() {
    let p3 = r"
p = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes())
n = int.from_bytes(p[128:132], 'big')
at = {bytes(p[132+12*i:136+12*i]): int.from_bytes(p[136+12*i:140+12*i], 'big') for i in range(n)}
fixed = lambda v: round(v * 65536).to_bytes(4, 'big', signed=True)
for tag, xyz in ((b'rXYZ', (0.51512, 0.2412, -0.00105)), (b'gXYZ', (0.29198, 0.69225, 0.04189)), (b'bXYZ', (0.1571, 0.06657, 0.78407))):
    p[at[tag]+8:at[tag]+20] = b''.join(fixed(v) for v in xyz)
noise(1500, 2000).save('m.jpg', quality=92, icc_profile=bytes(p))";
    check(&format!("{NOISE}{p3}"), "m.jpg", one_of_each());
}

/// As programs for print write it.
#[test]
fn inks_with_a_profile() {
    let script = "noise(1300, 1700).convert('CMYK').save('m.jpg', quality=92, icc_profile=inks())";
    check(&format!("{PROFILES}{NOISE}{script}"), "m.jpg", one_of_each());
}

#[test]
fn sixteen_bits_of_each_colour() {
    let deep = r"
import zlib
def chunk(t, b): return struct.pack('>I', len(b)) + t + b + struct.pack('>I', zlib.crc32(t + b))
w, h = 1200, 1500
rows = b''.join(b'\0' + b''.join(struct.pack('>3H', x * 50, y * 40, (x * y) % 65536) for x in range(w)) for y in range(h))
head = chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 16, 2, 0, 0, 0))
open('m.png', 'wb').write(b'\x89PNG\r\n\x1a\n' + head + chunk(b'IDAT', zlib.compress(rows, 1)) + chunk(b'IEND', b''))";
    check(&format!("{PROFILES}{deep}"), "m.png", one_of_each());
}

/// A finished picture of Photoshop's, as it lies behind the layers.
const DOCUMENT: &str = r"
a = noise(1300, 1600)
head = b'8BPS' + struct.pack('>H6xHIIHH', 1, 3, a.height, a.width, 8, 3) + bytes(12)
open('m.psd', 'wb').write(head + bytes(2) + b''.join(band.tobytes() for band in a.split()))
import zipfile, io
png = io.BytesIO(); a.save(png, 'PNG')
with zipfile.ZipFile('m.kra', 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('mimetype', 'application/x-krita', zipfile.ZIP_STORED); z.writestr('mergedimage.png', png.getvalue())
";

#[test]
fn photoshop() {
    check(&format!("{PROFILES}{NOISE}{DOCUMENT}"), "m.psd", one_of_each());
}

#[test]
fn krita() {
    check(&format!("{PROFILES}{NOISE}{DOCUMENT}"), "m.kra", one_of_each());
}

/// By programs of AVIF and HEIC.
fn written(command: &str) -> String {
    format!(
        "{NOISE}noise(1300, 1600).save('m.png')\nimport subprocess; subprocess.run({command:?}.split(), check=True, capture_output=True)"
    )
}

#[test]
fn avif() {
    check(&written("avifenc -s 10 m.png m.avif"), "m.avif", one_of_each());
}

#[test]
fn heic() {
    check(&written("heif-enc -q 80 -p preset=ultrafast m.png -o m.heic"), "m.heic", one_of_each());
}

/// Regression: of a JPEG that is cut short the rest was gray.
#[test]
fn what_is_cut_short_is_no_master_whatever_is_asked_of_it() {
    let d = Dir::new();
    let all = "a = noise(700, 900)\nfor e in ('png', 'jpg', 'webp', 'gif', 'bmp', 'tif'): a.save('m.' + e)\na.save('p.jpg', progressive=True)\n";
    d.pillow(&format!("{PROFILES}{NOISE}{all}{DOCUMENT}"));
    for name in ["m.png", "m.jpg", "p.jpg", "m.webp", "m.gif", "m.bmp", "m.tif", "m.psd", "m.kra"] {
        let whole = d.read(name);
        assert!(Master::decode(&whole, &Limits::default()).is_ok(), "{name}");
        for part in [3, 50, 95] {
            let cut = whole[..whole.len() * part / 100].to_vec();
            match Master::decode(&cut, &Limits::default()) {
                Err(MediaError::Damaged { .. } | MediaError::Unsupported { .. }) => {}
                other => panic!("{name}, {part} %: {other:?}"),
            }
        }
    }
}
