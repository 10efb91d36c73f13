//! Every still row of the shipped table, for masters of every kind, held to the row by programs that know nothing of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use damfs::media::{Fit, Limits, Master, MediaError, Recipe, StillFormat};
use damfs::policy::platforms::{PlacementKind, shipped};
use damfs::view::recipes::still_recipe;

use crate::tools::Dir;

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
        _ => return,
    };
    let out = Command::new(program).args(args).arg(d.path(name)).output().unwrap();
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stdout));
}

/// Renders one master by each recipe, and has the files looked at.
fn check(script: &str, file: &str, recipes: BTreeMap<String, Recipe>) {
    let d = Dir::new();
    d.pillow(script);
    let master = Master::decode(&d.read(file), &Limits::default()).unwrap();
    let (w, h) = master.size();
    let mut made = Vec::new();
    for (at, (text, recipe)) in recipes.into_iter().enumerate() {
        match master.render(&recipe) {
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
        assert_eq!((format.as_str(), *pictures), (recipe.format.name(), 1), "{name}");
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

#[test]
fn what_is_corrupt_is_no_master() {
    let d = Dir::new();
    d.pillow(&format!("{NOISE}noise(1200, 1600).save('m.png')"));
    let mut bytes = d.read("m.png");
    bytes.truncate(bytes.len() / 2);
    assert!(matches!(Master::decode(&bytes, &Limits::default()), Err(MediaError::Damaged { .. })));
}
