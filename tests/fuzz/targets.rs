//! What is done with hostile bytes, by the fuzzer and by the test that replays what it has found. Each answers whether the input is worth
//! keeping: one that is of another format is not.

use damfs::media::video::{Clip, ClipFit, ClipRecipe, Encode, mark, told_by};
use damfs::media::{Canvas, Fit, Limits, Master, Recipe, StillFormat, Words, decoded_bytes, probe, sidecar, sniff};
use damfs::policy::platforms::{Platforms, decode};
use damfs::policy::{Glossary, RoleBook, ThinningRules, Vocabulary, parse_with};

/// Small, so that thousands of inputs are tried in a second.
const LIMITS: Limits = Limits { max_pixels: 250_000, max_bytes: 1 << 20 };

pub type Target = fn(&[u8]) -> bool;

pub const ALL: &[(&str, Target)] = &[
    ("bmp", |bytes| still("bmp", bytes)),
    ("clip", clip),
    ("gif", |bytes| still("gif", bytes)),
    ("icc", icc),
    ("jpeg", |bytes| still("jpeg", bytes)),
    ("layered", |bytes| still("kra", bytes) || still("ora", bytes)),
    ("platforms", platforms),
    ("png", |bytes| still("png", bytes)),
    ("probe", probed),
    ("psd", |bytes| still("psd", bytes) || still("psb", bytes)),
    ("query", query),
    ("rules", rules),
    ("sidecar", |bytes| sidecar(&bytes.to_vec()).is_ok()),
    ("tiff", |bytes| still("tiff", bytes)),
    ("webp", |bytes| still("webp", bytes)),
];

/// Decodes a picture and renders it, one way or another by what it is made of.
fn still(format: &str, bytes: &[u8]) -> bool {
    if sniff(bytes).is_none_or(|sniffed| sniffed.format != format) {
        return false;
    }
    let bytes = bytes.to_vec();
    let expected = decoded_bytes(&bytes);
    let Ok(master) = Master::decode(&bytes, &LIMITS) else { return true };
    let (w, h) = master.size();
    let pixels = u64::from(w) * u64::from(h);
    assert!(pixels <= LIMITS.max_pixels, "{w}x{h} pixels");
    assert!(expected.is_ok_and(|room| pixels * 4 <= room), "no room was taken for {w}x{h} pixels");
    let chosen = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
    rendered(&master, chosen);
    if chosen.is_multiple_of(64) {
        assert!(master.proxy("who may only look").is_ok());
    }
    true
}

fn rendered(master: &Master, chosen: u8) {
    let fit = [Fit::Crop, Fit::Pad, Fit::Any][usize::from(chosen % 3)];
    let format =
        [StillFormat::Jpeg, StillFormat::Png, StillFormat::WebP, StillFormat::Gif][usize::from(chosen / 3 % 4)];
    let canvas = [Canvas::Plain, Canvas::Blur, Canvas::Colour([1, 2, 3])][usize::from(chosen / 12 % 3)];
    let recipe = Recipe {
        width: Some(33),
        height: Some(47),
        fit,
        format,
        canvas,
        focus: "0.3,0.9".parse().ok().filter(|_| chosen.is_multiple_of(5)),
        upscale: true,
        attention: true,
        sharpen: chosen % 101,
        watermark: chosen.is_multiple_of(2).then(|| "@x ~".to_owned()),
        mark_ai: true,
        words: Words { platform: Some("x".to_owned()), ..Words::default() },
        ..Recipe::default()
    };
    let made = master.render(&recipe).expect("what is decoded can be rendered");
    let told = probe(&made.bytes).expect("what is written can be read");
    assert!(told.complete && told.warnings.is_empty(), "{told:?}");
    let size = (told.width.unwrap_or(0), told.height.unwrap_or(0));
    if fit == Fit::Any {
        assert!((1..=33).contains(&size.0) && (1..=47).contains(&size.1), "{size:?}");
    } else {
        assert_eq!(size, (33, 47));
    }
}

/// What a file says, and what an export of it says after it.
fn probed(bytes: &[u8]) -> bool {
    let bytes = bytes.to_vec();
    let (Ok(probe), Ok(told)) = (probe(&bytes), told_by(&bytes)) else { return false };
    let words = Words {
        platform: Some("x".to_owned()),
        rights: probe.properties.get("rights").cloned(),
        creator: probe.properties.get("creator").cloned(),
        prompt: probe.generation.and_then(|made| made.prompt),
        ..Words::default()
    };
    let said = mark(&told, &ClipRecipe { words, ..recipe() }, (1080, 1920));
    let packet = said.get(24..).expect("a box of a known kind").to_vec();
    assert!(sidecar(&packet).is_ok_and(|told| told.is_some()), "{}", String::from_utf8_lossy(&packet));
    true
}

/// The bytes are the profile of a picture: gray, coloured or for print, as they say themselves.
fn icc(profile: &[u8]) -> bool {
    let (channels, photometric) = match profile.get(16..20) {
        Some(b"GRAY") => (1u16, 1u16),
        Some(b"RGB ") => (3, 2),
        Some(b"CMYK") => (4, 5),
        _ => return false,
    };
    let master = Master::decode(&tiff_with(profile, channels, photometric), &LIMITS);
    if let Ok(master) = master {
        rendered(&master, 4);
    }
    true
}

/// Four times four pixels as they lie, all of them different.
fn tiff_with(profile: &[u8], channels: u16, photometric: u16) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("short");
    let pixels: Vec<u8> =
        (0..16 * channels).map(|n| u8::try_from(n * 255 / (16 * channels)).expect("a byte")).collect();
    let bits: Vec<u8> = (0..channels).flat_map(|_| 8u16.to_le_bytes()).collect();
    let at_bits = 8;
    let at_pixels = at_bits + length(&bits);
    let at_profile = at_pixels + length(&pixels);
    let at_tags = at_profile + length(profile);
    // Three of them, or fewer than fit into the tag itself, stand in it.
    let bits_value = if channels == 1 { 8 } else { at_bits };
    let tags = [
        (256u16, 3u16, 1, 4),
        (257, 3, 1, 4),
        (258, 3, u32::from(channels), bits_value),
        (259, 3, 1, 1),
        (262, 3, 1, u32::from(photometric)),
        (273, 4, 1, at_pixels),
        (277, 3, 1, u32::from(channels)),
        (278, 3, 1, 4),
        (279, 4, 1, length(&pixels)),
        (34_675, 7, length(profile), at_profile),
    ];
    let mut out = [&b"II*\0"[..], &at_tags.to_le_bytes(), &bits, &pixels, profile].concat();
    out.extend(u16::try_from(tags.len()).expect("few").to_le_bytes());
    for (tag, kind, count, value) in tags {
        out.extend([&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat());
    }
    out.extend([0; 4]);
    out
}

/// What ffprobe is thought to have told of a clip, and what is to be made of that.
fn clip(bytes: &[u8]) -> bool {
    let Ok(clip) = Clip::read(bytes) else { return serde_like(bytes) };
    let recipe = recipe();
    for fit in [ClipFit::Crop, ClipFit::Pad, ClipFit::Blur, ClipFit::Any] {
        let _ = Encode::plan(&ClipRecipe { fit, ..recipe.clone() }, &clip, "mp4");
        let _ = Encode::plan(&ClipRecipe { fit, width: None, height: None, ..recipe.clone() }, &clip, "webm");
    }
    true
}

fn recipe() -> ClipRecipe {
    ClipRecipe {
        width: Some(1080),
        height: Some(1920),
        fit: ClipFit::Blur,
        least_fps: Some(23),
        most_fps: Some(60),
        max_seconds: Some(60),
        max_bytes: Some(1 << 20),
        mark_ai: true,
        words: Words::default(),
    }
}

fn serde_like(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'{')
}

fn platforms(bytes: &[u8]) -> bool {
    if let Ok(table) = Platforms::parse(&decode(bytes)) {
        let again = table.clone().instead_of(&Platforms::default(), 0);
        assert!(again.difference(&table).is_empty(), "the same rows at another time");
    }
    true
}

fn query(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if let Ok(expr) = parse_with(text, &Vocabulary::shipped()) {
        let printed = expr.to_string();
        let again = parse_with(&printed, &Vocabulary::shipped()).expect("what is printed can be read");
        assert_eq!(again.to_string(), printed);
    }
    true
}

fn rules(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let _ = RoleBook::parse(text);
    let _ = Glossary::parse(text);
    let _ = ThinningRules::parse(text);
    true
}
