//! Clips: every row of the matrix that takes them, by the real encoder, judged by the real prober.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use damfs::media::video::{Clip, ClipFit, ClipRecipe, Encode, mark, probe_command, told_by, verdict};
use damfs::media::{MediaError, Told, Words, sniff};
use damfs::view::recipes::clip_recipe;
use damfs_policy::platforms::{self, PlacementKind};

use crate::tools::Dir;

const SOURCE: &str = "-f lavfi -i testsrc2=duration=0.4:size=320x240:rate=25";
const SOUND: &str = "-f lavfi -i sine=duration=0.4";

/// Makes a clip with ffmpeg itself.
fn make(dir: &Dir, name: &str, arguments: &str) {
    let line = format!("-v error -y {arguments} {name}");
    let status = Command::new("ffmpeg").args(line.split(' ')).current_dir(dir.path("")).status().expect("ffmpeg");
    assert!(status.success(), "{line}");
}

fn probe(clip: &Path, format: &str) -> Result<Clip, MediaError> {
    let out = Command::new("ffprobe")
        .args(probe_command(format)?)
        .stdin(File::open(clip).unwrap())
        .output()
        .expect("ffprobe of the package ffmpeg");
    Clip::read(&out.stdout)
}

/// As the daemon does it, without its sandbox.
fn encode(dir: &Dir, name: &str, recipe: &ClipRecipe) -> Result<(Vec<u8>, Clip), MediaError> {
    let source = dir.path(name);
    let bytes = std::fs::read(&source).unwrap();
    let format = sniff(&bytes).expect("a clip").format;
    let clip = probe(&source, format)?;
    let encode = Encode::plan(recipe, &clip, format)?;
    let made = dir.path("made.mp4");
    let out = Command::new("ffmpeg")
        .args(encode.arguments())
        .stdin(File::open(&source).unwrap())
        .stdout(File::options().read(true).write(true).create(true).truncate(true).open(&made).unwrap())
        .stderr(Stdio::piped())
        .output()
        .expect("ffmpeg");
    let bytes = std::fs::read(&made).unwrap();
    let complaints = String::from_utf8_lossy(&out.stderr);
    let told = probe(&made, "mp4").inspect_err(|e| assert!(!out.status.success(), "{e}: {complaints}"))?;
    verdict(recipe, &encode, &clip, &told, bytes.len() as u64)?;
    Ok((bytes, told))
}

fn any() -> ClipRecipe {
    let (least_fps, most_fps, max_seconds, max_bytes) = (None, None, None, None);
    ClipRecipe {
        width: None,
        height: None,
        fit: ClipFit::Any,
        least_fps,
        most_fps,
        max_seconds,
        max_bytes,
        mark_ai: false,
        words: Words::default(),
    }
}

/// A box's place in the file.
fn place(bytes: &[u8], kind: &[u8; 4]) -> Option<usize> {
    bytes.windows(4).position(|four| four == kind)
}

#[test]
fn every_row_that_takes_clips_renders_and_the_prober_agrees() {
    let dir = Dir::new();
    make(&dir, "a.mp4", &format!("{SOURCE} {SOUND} -preset ultrafast -metadata title=secret -metadata comment=secret"));
    let rows = platforms::shipped().all().filter(|p| p.kind == PlacementKind::Video);
    let recipes: Vec<ClipRecipe> = rows.map(|row| clip_recipe(row, false)).collect();
    // What differs in limits alone gives the same pictures of so short a clip.
    let mut seen = BTreeSet::new();
    let shape =
        |r: &ClipRecipe| format!("{:?} {:?} {:?} {:?}..{:?}", r.width, r.height, r.fit, r.least_fps, r.most_fps);
    let distinct: Vec<&ClipRecipe> = recipes.iter().filter(|r| seen.insert(shape(r))).collect();
    assert!(recipes.len() >= 22 && distinct.len() >= 10, "{} {}", recipes.len(), distinct.len());
    for recipe in distinct {
        let (bytes, _) = encode(&dir, "a.mp4", recipe).unwrap_or_else(|e| panic!("{}: {e}", recipe.canonical()));
        assert!(place(&bytes, b"moov") < place(&bytes, b"mdat"), "the index is in front: {}", recipe.canonical());
        assert!(!bytes.windows(6).any(|six| six == b"secret"), "{}", recipe.canonical());
    }
}

#[test]
fn masters_of_every_shape_are_read() {
    let dir = Dir::new();
    make(&dir, "a.mp4", &format!("{SOURCE} {SOUND} -preset ultrafast"));
    make(&dir, "silent.mov", &format!("{SOURCE} -preset ultrafast"));
    make(&dir, "tall.webm", "-f lavfi -i testsrc2=duration=1:size=240x320:rate=16 -c:v libvpx -deadline realtime");
    make(&dir, "turned.mov", &format!("-i {} -c copy -metadata:s:v rotate=90", dir.path("a.mp4").display()));
    make(&dir, "deep.mkv", "-f lavfi -i testsrc2=duration=1:size=322x242:rate=60,format=yuv422p10le -c:v ffv1");
    make(&dir, "old.avi", "-f lavfi -i testsrc2=duration=1:size=320x240:rate=25 -c:v mpeg4");
    let table = [
        ("a.mp4", (320, 240), true),
        ("silent.mov", (320, 240), false),
        ("tall.webm", (240, 320), false),
        ("turned.mov", (240, 320), true),
        ("deep.mkv", (322, 242), false),
        ("old.avi", (320, 240), false),
    ];
    for (name, size, sound) in table {
        let (_, made) = encode(&dir, name, &any()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(((made.width, made.height), made.audio.is_some()), (size, sound), "{name}");
    }
}

#[test]
fn the_same_clip_and_recipe_give_the_same_bytes() {
    let dir = Dir::new();
    make(&dir, "a.mp4", &format!("{SOURCE} {SOUND} -preset ultrafast"));
    // A limit that binds: what the encoder spends then is decided as it goes.
    let tall = |fit| ClipRecipe { width: Some(540), height: Some(960), max_bytes: Some(80_000), fit, ..any() };
    for fit in [ClipFit::Crop, ClipFit::Pad, ClipFit::Blur, ClipFit::Any] {
        let first = encode(&dir, "a.mp4", &tall(fit)).unwrap().0;
        assert!(first == encode(&dir, "a.mp4", &tall(fit)).unwrap().0, "{fit:?}");
    }
}

#[test]
fn hostile_clips_are_refused_with_a_reason() {
    let dir = Dir::new();
    let source = "-f lavfi -i testsrc2=duration=1.5:size=320x240:rate=25";
    make(&dir, "a.mp4", &format!("{source} {SOUND} -preset ultrafast -movflags +faststart"));
    let whole = dir.read("a.mp4");
    dir.write("headless.mp4", &whole[..whole.len() / 4]);
    dir.write("short.mp4", &whole[..whole.len() * 2 / 3]);
    let mut noise = whole[..64].to_vec();
    noise.extend((0..20_000_u32).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()));
    dir.write("noise.mp4", &noise);
    for name in ["headless.mp4", "short.mp4", "noise.mp4"] {
        let error = encode(&dir, name, &any()).expect_err(name);
        assert!(error.is_lasting(), "{name}: {error}");
    }
    // A list of other files is no clip, whatever it is called: its format is what its bytes say, and no demuxer of lists is ever asked for.
    assert!(sniff(b"#EXTM3U\nfile:///etc/passwd\n").is_none_or(|s| probe_command(s.format).is_err()));
    let limit = ClipRecipe { max_seconds: Some(1), ..any() };
    let error = encode(&dir, "a.mp4", &limit).expect_err("1.5 s").to_string();
    assert!(error.contains("a clip of 1.5 s where 1 s are taken"), "{error}");
}

#[test]
fn the_mark_is_read_by_others_and_breaks_nothing() {
    let dir = Dir::new();
    make(&dir, "a.mp4", &format!("{SOURCE} -preset ultrafast"));
    let (mut bytes, made) = encode(&dir, "a.mp4", &any()).unwrap();
    assert_eq!(mark(&told_by(&bytes).unwrap(), &any(), (320, 240)), [0; 0], "nothing is said of what says nothing");
    let words = Words { platform: Some("tiktok".into()), rights: Some("© L".into()), ..Words::default() };
    bytes.extend(mark(&Told::default(), &ClipRecipe { mark_ai: true, words, ..any() }, (320, 240)));
    dir.write("marked.mp4", &bytes);
    assert_eq!(probe(&dir.path("marked.mp4"), "mp4").unwrap(), made);
    let said = dir.exiftool(&["-s3", "-n", "-XMP-iptcExt:DigitalSourceType", "marked.mp4"]);
    assert!(said.trim().ends_with("digitalsourcetype/trainedAlgorithmicMedia"), "{said}");
    assert_eq!(told_by(&bytes).unwrap().source_type.as_deref(), Some(said.trim()));
    let said = dir.exiftool(&["-s3", "-XMP-dc:Rights", "-XMP-dc:Subject", "marked.mp4"]);
    assert_eq!(said.lines().collect::<Vec<_>>(), ["© L", "platform:tiktok, orientation:landscape"]);
    dir.exiftool(&[
        "-q",
        "-overwrite_original",
        "-XMP-iptcExt:DigitalSourceType#=http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
        "a.mp4",
    ]);
    let declared = told_by(&dir.read("a.mp4")).unwrap().source_type;
    assert!(declared.as_deref().is_some_and(|d| d.ends_with("digitalCapture")), "{declared:?}");
    assert_eq!(dir.exiftool(&["-validate", "-warning", "-s3", "marked.mp4"]).trim(), "OK");
}
