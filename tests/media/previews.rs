//! Previews of clips for who may only view, by the real encoder: of one size, marked, and with nothing of what the clip says of itself.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use damfs::media::video::{
    Clip, FilledPreview, PREVIEW_BYTES, PREVIEW_SECONDS, Preview, is_preview_size, probe_command,
};
use damfs::media::{MediaError, sniff};

use damfs::types::ReadAt;

use crate::tools::Dir;

const SECRET: &str = "planted";

fn has_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes())
}

fn ffmpeg(dir: &Dir, arguments: &str) {
    let line = format!("-v error -y {arguments}");
    let status = Command::new("ffmpeg").args(line.split(' ')).current_dir(dir.path("")).status().expect("ffmpeg");
    assert!(status.success(), "{line}");
}

fn probe(dir: &Dir, name: &str, format: &str) -> Result<Clip, MediaError> {
    let file = File::open(dir.path(name)).unwrap();
    let out = Command::new("ffprobe").args(probe_command(format)?).stdin(file).output().expect("ffprobe");
    Clip::read(&out.stdout)
}

/// As the daemon does it, without its sandbox, with the clip at its side; in how many tries.
fn preview(dir: &Dir, name: &str, mark: &str) -> Result<(Vec<u8>, Clip, usize), MediaError> {
    let bytes = dir.read(name);
    let format = sniff(&bytes).expect("a clip").format;
    let clip = probe(dir, name, format)?;
    for nth in 0.. {
        let Some(plan) = Preview::plan(&clip, format, nth)? else { break };
        let input = dir.path("input");
        std::fs::write(&input, &bytes).unwrap();
        let file = File::options().write(true).open(&input).unwrap();
        file.write_all_at(&plan.mark(mark), bytes.len() as u64).unwrap();
        let output = File::options().read(true).write(true).create(true).truncate(true).open(dir.path("made.mp4"));
        let out = Command::new("ffmpeg")
            .args(plan.arguments(bytes.len() as u64))
            .stdin(File::open(&input).unwrap())
            .stdout(output.unwrap())
            .stderr(Stdio::piped())
            .output()
            .expect("ffmpeg");
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
        let made = dir.read("made.mp4");
        if is_preview_size(made.len() as u64) {
            let whole = FilledPreview::new(made)?.read_head(usize::MAX)?;
            dir.write("preview.mp4", &whole);
            let told = probe(dir, "preview.mp4", "mp4")?;
            plan.verdict(&told)?;
            return Ok((whole, told, nth));
        }
    }
    Err(MediaError::TooLarge { what: "nothing fits".into() })
}

/// Its nth stream's first frame from a second on, in gray.
fn frame(dir: &Dir, name: &str, stream: &str, at: &str) -> Vec<u8> {
    ffmpeg(dir, &format!("-ss {at} -i {name} -map {stream} -frames:v 1 -pix_fmt gray -f rawvideo frame.gray"));
    dir.read("frame.gray")
}

#[test]
fn a_preview_has_one_size_whatever_the_clip() {
    let dir = Dir::new();
    let sound = "-f lavfi -i sine=duration=1";
    let of = |source: &str| format!("-f lavfi -i {source}");
    let clips = [
        (
            "plain.mp4",
            format!("{} {sound} -preset ultrafast", of("testsrc2=duration=1:size=1280x720:rate=30")),
            (640, 360),
            1.0,
        ),
        (
            "silent.mov",
            format!("{} -preset ultrafast", of("testsrc2=duration=0.4:size=1080x1920:rate=60")),
            (360, 640),
            0.4,
        ),
        ("tiny.mp4", format!("{} -pix_fmt yuv420p", of("color=red:duration=0.2:size=2x2:rate=25")), (320, 320), 0.2),
        ("one.mp4", of("testsrc2=duration=0.04:size=320x240:rate=25"), (320, 240), 0.04),
        (
            "odd.webm",
            format!("{} -c:v libvpx -deadline realtime", of("testsrc2=duration=0.5:size=321x241:rate=16")),
            (320, 240),
            0.5,
        ),
        ("flat.mkv", format!("{} -c:v ffv1", of("testsrc2=duration=0.5:size=1600x20:rate=24")), (640, 64), 0.5),
        (
            "deep.mkv",
            format!("{} -c:v ffv1", of("testsrc2=duration=0.5:size=322x242:rate=60,format=yuv422p10le")),
            (322, 242),
            0.5,
        ),
        ("old.avi", format!("{} -c:v mpeg4", of("testsrc2=duration=0.6:size=320x240:rate=25")), (320, 240), 0.6),
        (
            "noise.mp4",
            format!(
                "{} {sound} -preset ultrafast -vf noise=alls=100:allf=t",
                of("color=gray:duration=1:size=640x360:rate=30")
            ),
            (640, 360),
            1.0,
        ),
        (
            "long.mp4",
            format!(
                "{} -f lavfi -i anoisesrc=duration=130:sample_rate=8000 -preset ultrafast",
                of("testsrc2=duration=130:size=320x240:rate=1")
            ),
            (320, 240),
            120.0,
        ),
        // A frame now and a frame then, and a picture that begins behind the sound.
        (
            "vfr.mp4",
            format!(
                "{} -vf select='not(mod(n\\,7))' -vsync vfr -preset ultrafast",
                of("testsrc2=duration=2:size=320x240:rate=30")
            ),
            (320, 240),
            2.0,
        ),
        (
            "late.mkv",
            format!(
                "-itsoffset 2 {} -f lavfi -i sine=duration=3 -c:v ffv1",
                of("testsrc2=duration=1:size=320x240:rate=10")
            ),
            (320, 240),
            3.0,
        ),
    ];
    for (name, arguments, size, seconds) in clips {
        ffmpeg(&dir, &format!("{arguments} {name}"));
        let (bytes, made, _) = preview(&dir, name, "rita").unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(bytes.len() as u64, PREVIEW_BYTES, "{name}");
        assert_eq!((made.width, made.height), size, "{name}");
        let length = made.length.as_secs_f64();
        assert!((length - seconds).abs() < 0.3 && length <= PREVIEW_SECONDS as f64 + 0.1, "{name}: {length}");
    }
    ffmpeg(&dir, "-i plain.mp4 -c copy -metadata:s:v rotate=90 turned.mov");
    let (bytes, made, _) = preview(&dir, "turned.mov", "rita").unwrap();
    assert_eq!((bytes.len() as u64, made.width, made.height), (PREVIEW_BYTES, 360, 640), "upright");
}

#[test]
fn a_preview_plays_under_the_name_of_its_clip() {
    let dir = Dir::new();
    ffmpeg(&dir, "-f lavfi -i testsrc2=duration=0.2:size=320x240:rate=10 -c:v libvpx a.webm");
    let (bytes, ..) = preview(&dir, "a.webm", "rita").unwrap();
    for name in ["b.webm", "b.mkv", "b.avi", "b.mov", "b.m4v", "b.3gp"] {
        dir.write(name, &bytes);
        ffmpeg(&dir, &format!("-xerror -i {name} -map 0 -f null -"));
    }
}

#[test]
fn every_frame_and_the_cover_bear_the_mark() {
    let dir = Dir::new();
    ffmpeg(&dir, "-f lavfi -i color=gray:duration=3:size=640x360:rate=10 -pix_fmt yuv420p -preset ultrafast plain.mp4");
    // What begins before all times has none without it either.
    ffmpeg(
        &dir,
        "-f lavfi -i color=gray:duration=3:size=640x360:rate=10 -c:v ffv1 -output_ts_offset -1 -avoid_negative_ts disabled before.mkv",
    );
    let ground = i32::from(frame(&dir, "plain.mp4", "0:v:0", "0")[0]);
    for name in ["plain.mp4", "before.mkv"] {
        preview(&dir, name, "rita").unwrap();
        for (stream, at) in [("0:v:0", "0"), ("0:v:0", "0.5"), ("0:v:0", "0.9"), ("0:v:0", "1.9"), ("0:v:1", "0")] {
            let shown = frame(&dir, "preview.mp4", stream, at);
            for half in shown.chunks(640 * 180) {
                let other = half.iter().filter(|p| (i32::from(**p) - ground).abs() > 20).count();
                assert!(other * 100 > half.len() && other * 2 < half.len(), "{name} {stream} {at}: {other}");
            }
        }
    }
}

#[test]
fn without_its_mark_there_is_no_picture() {
    let dir = Dir::new();
    ffmpeg(&dir, "-f lavfi -i testsrc2=duration=1:size=320x240:rate=10 -preset ultrafast a.mp4");
    let bytes = dir.read("a.mp4");
    let clip = probe(&dir, "a.mp4", "mp4").unwrap();
    let plan = Preview::plan(&clip, "mp4", 0).unwrap().unwrap();
    let mark = plan.mark("rita");
    // As when the disk fails under it: some of it, and only one of its two pictures.
    for part in [0, 1000, mark.len() / 2, mark.len() / 2 + 1000, mark.len()] {
        dir.write("input", &[&bytes, &mark[..part]].concat());
        let made = File::create(dir.path("made.mp4")).unwrap();
        let run = Command::new("ffmpeg")
            .args(plan.arguments(bytes.len() as u64))
            .stdin(File::open(dir.path("input")).unwrap())
            .stdout(made)
            .stderr(Stdio::null())
            .status();
        let shown = Command::new("ffprobe")
            .args("-v error -select_streams v -count_frames -show_entries stream=nb_read_frames -of csv=p=0".split(' '))
            .arg(dir.path("made.mp4"))
            .output()
            .unwrap();
        let frames = String::from_utf8_lossy(&shown.stdout).chars().any(|c| ('1'..='9').contains(&c));
        // With all of it there is one.
        assert!(run.is_ok() && frames == (part == mark.len()), "{part}: {}", String::from_utf8_lossy(&shown.stdout));
    }
}

/// As what is recorded from a call is, whose picture grows with the line.
#[test]
fn a_clip_whose_frames_change_their_size_is_shown_to_its_end() {
    let dir = Dir::new();
    for (name, size) in [("a.ts", "320x240"), ("b.ts", "480x360"), ("c.ts", "240x320")] {
        ffmpeg(
            &dir,
            &format!(
                "-f lavfi -i testsrc2=duration=1:size={size}:rate=10 -pix_fmt yuv420p -preset ultrafast -bsf:v dump_extra -f mpegts {name}"
            ),
        );
    }
    dir.write("all.ts", &["a.ts", "b.ts", "c.ts"].map(|name| dir.read(name)).concat());
    ffmpeg(&dir, "-fflags +genpts+igndts -i all.ts -c copy -bsf:v setts=ts=N*100 changes.mkv");
    let (_, made, _) = preview(&dir, "changes.mkv", "rita").unwrap();
    let frames = Command::new("ffprobe")
        .args("-v error -select_streams v:0 -count_frames -show_entries stream=nb_read_frames -of csv=p=0".split(' '))
        .arg(dir.path("preview.mp4"))
        .output()
        .unwrap();
    assert_eq!((made.width, made.height), (320, 240));
    let frames: u32 = String::from_utf8_lossy(&frames.stdout).trim().parse().unwrap();
    assert!((28..=31).contains(&frames), "{frames}");
}

#[test]
fn nothing_that_a_clip_says_of_itself_is_in_its_preview() {
    let dir = Dir::new();
    std::fs::write(dir.path("words.srt"), format!("1\n00:00:00,000 --> 00:00:01,000\n{SECRET}\n")).unwrap();
    let told = format!(";FFMETADATA1\ntitle={SECRET}\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle={SECRET}\n");
    std::fs::write(dir.path("told.txt"), told).unwrap();
    let said =
        ["title", "comment", "location", "encoder", "description"].map(|key| format!("-metadata {key}={SECRET}"));
    let tracks = ["v", "a"].map(|s| {
        format!(
            "-metadata:s:{s} title={SECRET} -metadata:s:{s} handler_name={SECRET} -metadata:s:{s} timecode=01:02:03:04"
        )
    });
    let sources =
        "-f lavfi -i testsrc2=duration=1:size=320x240:rate=25 -f lavfi -i sine=duration=1 -i words.srt -i told.txt";
    for (name, words) in [("a.mp4", "mov_text"), ("a.mov", "mov_text"), ("a.mkv", "srt")] {
        ffmpeg(
            &dir,
            &format!(
                "{sources} -map 0 -map 1 -map 2 -map_metadata 3 -map_chapters 3 {} {} -c:s {words} -c:v libx264 -preset ultrafast {name}",
                said.join(" "),
                tracks.join(" ")
            ),
        );
        assert!(has_secret(&dir.read(name)));
        let (bytes, ..) = preview(&dir, name, "rita").unwrap();
        assert!(!has_secret(&bytes), "{name}");
        assert_eq!(dir.exiftool(&["-validate", "-warning", "-s3", "preview.mp4"]).trim(), "OK", "{name}");
        let streams = Command::new("ffprobe")
            .args("-v error -show_entries stream=codec_name:chapter -of csv=p=0".split(' '))
            .arg(dir.path("preview.mp4"))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&streams.stdout).trim(), "h264\naac\nmjpeg", "{name}");
    }
}

/// What lies in the frames themselves: pictures that are frames have a profile of colours, which says whose camera it was.
#[test]
fn nothing_that_a_frame_says_beside_its_picture_is_in_a_preview() {
    let dir = Dir::new();
    ffmpeg(
        &dir,
        "-f lavfi -i testsrc2=duration=0.04:size=320x240:rate=25,format=yuvj420p -f image2 -update 1 plain.jpg",
    );
    let mut profile = b"\xff\xe2\0\0ICC_PROFILE\0\x01\x01".to_vec();
    profile.extend(SECRET.as_bytes().iter().cycle().take(SECRET.len() * 40));
    let length = u16::try_from(profile.len() - 2).unwrap().to_be_bytes();
    profile[2..4].copy_from_slice(&length);
    let mut still = dir.read("plain.jpg");
    still.splice(2..2, profile);
    dir.write("said.jpg", &still);
    for name in ["a.mov", "a.avi", "a.mkv"] {
        ffmpeg(&dir, &format!("-loop 1 -framerate 25 -t 0.4 -i said.jpg -c copy {name}"));
        assert!(has_secret(&dir.read(name)), "{name}");
        assert!(!has_secret(&preview(&dir, name, "rita").unwrap().0), "{name}");
    }
}

#[test]
fn the_same_clip_and_member_give_the_same_bytes() {
    let dir = Dir::new();
    ffmpeg(
        &dir,
        "-f lavfi -i testsrc2=duration=2:size=1280x720:rate=30 -f lavfi -i sine=duration=2 -preset ultrafast a.mp4",
    );
    let first = preview(&dir, "a.mp4", "rita").unwrap().0;
    assert!(first == preview(&dir, "a.mp4", "rita").unwrap().0);
    assert!(first != preview(&dir, "a.mp4", "lena").unwrap().0, "each has his own");
}
