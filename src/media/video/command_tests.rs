//! Every decision that a command line holds, as a table.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::media::Words;

fn recipe(width: Option<u32>, height: Option<u32>, fit: ClipFit) -> ClipRecipe {
    let (least_fps, most_fps, max_seconds, max_bytes) = (None, None, None, None);
    ClipRecipe {
        width,
        height,
        fit,
        least_fps,
        most_fps,
        max_seconds,
        max_bytes,
        mark_ai: false,
        words: Words::default(),
    }
}

fn plan(recipe: &ClipRecipe, clip: &Clip) -> Encode {
    Encode::plan(recipe, clip, "mp4").unwrap()
}

#[test]
fn sizes_are_even_and_as_the_fit_says() {
    let tall = (Some(1080), Some(1920));
    let table = [
        (tall, ClipFit::Crop, (1920, 1080), (1080, 1920)),
        (tall, ClipFit::Pad, (320, 240), (1080, 1920)),
        (tall, ClipFit::Blur, (320, 240), (1080, 1920)),
        (tall, ClipFit::Any, (320, 240), (320, 240)),
        (tall, ClipFit::Any, (3840, 2160), (1080, 606)),
        (tall, ClipFit::Any, (1080, 4000), (518, 1920)),
        ((None, None), ClipFit::Any, (321, 241), (320, 240)),
        ((None, None), ClipFit::Any, (8192, 4096), (4096, 2048)),
        // Regression: each side was cut to the longest by itself.
        ((None, None), ClipFit::Crop, (7680, 4320), (4096, 2304)),
        ((None, None), ClipFit::Pad, (321, 241), (320, 240)),
        ((Some(640), None), ClipFit::Any, (1280, 720), (640, 360)),
        ((None, Some(360)), ClipFit::Any, (1280, 720), (640, 360)),
        ((None, None), ClipFit::Any, (1, 1), (2, 2)),
    ];
    for ((w, h), fit, from, to) in table {
        assert_eq!(plan(&recipe(w, h, fit), &Clip::plain(from.0, from.1)).size, to, "{w:?} {h:?} {fit:?} of {from:?}");
    }
}

#[test]
fn what_stands_over_is_cut_padded_or_filled() {
    let of = |fit, from: (u32, u32)| plan(&recipe(Some(1080), Some(1920), fit), &Clip::plain(from.0, from.1)).filter;
    assert_eq!(
        of(ClipFit::Crop, (1920, 1080)),
        "scale=1080:1920:force_original_aspect_ratio=increase:flags=bicubic:out_range=tv,crop=1080:1920,setsar=1,fps=25/1"
    );
    assert!(
        of(ClipFit::Pad, (1920, 1080))
            .contains("decrease:force_divisible_by=2:flags=bicubic:out_range=tv,pad=1080:1920:(ow-iw)/2")
    );
    assert!(of(ClipFit::Blur, (1920, 1080)).contains("crop=134:240,boxblur=4:2,scale=1080:1920"));
    for fit in [ClipFit::Crop, ClipFit::Pad, ClipFit::Blur, ClipFit::Any] {
        assert_eq!(
            of(fit, (1080, 1920)),
            "scale=1080:1920:flags=bicubic:out_range=tv,setsar=1,fps=25/1",
            "{fit:?} of its own ratio"
        );
    }
    let odd = Clip { interlaced: true, square: false, ..Clip::plain(768, 576) };
    let filter = plan(&recipe(None, None, ClipFit::Any), &odd).filter;
    assert!(filter.starts_with("yadif,scale=trunc(iw*sar/2)*2:ih,setsar=1,scale=768:576"), "{filter}");
}

#[test]
fn the_frame_rate_is_the_clips_own_within_the_limits() {
    let table = [
        (Some(23), Some(60), Some((25, 1)), (25, 1)),
        (Some(23), Some(60), Some((24_000, 1001)), (24_000, 1001)),
        (Some(24), Some(60), Some((24_000, 1001)), (24, 1)),
        (Some(23), Some(60), Some((16, 1)), (23, 1)),
        (None, Some(30), Some((60, 1)), (30, 1)),
        (None, None, Some((16, 1)), (16, 1)),
        (None, None, Some((1000, 1)), (60, 1)),
        (Some(24), Some(60), None, (30, 1)),
        (None, Some(25), None, (25, 1)),
    ];
    for (least_fps, most_fps, rate, expected) in table {
        let recipe = ClipRecipe { least_fps, most_fps, ..recipe(None, None, ClipFit::Any) };
        assert_eq!(
            plan(&recipe, &Clip { rate, ..Clip::plain(320, 240) }).rate,
            expected,
            "{least_fps:?} {most_fps:?} {rate:?}"
        );
    }
}

#[test]
fn a_byte_limit_decides_the_bits_and_a_hopeless_one_is_refused() {
    let limited = |max_bytes, length, audio: Option<&str>| {
        let recipe = ClipRecipe { max_bytes, ..recipe(None, None, ClipFit::Any) };
        let clip =
            Clip { length: Duration::from_secs(length), audio: audio.map(str::to_owned), ..Clip::plain(320, 240) };
        Encode::plan(&recipe, &clip, "webm").map(|encode| encode.bits)
    };
    assert_eq!(limited(None, 10, None).unwrap(), 8_000_000);
    assert_eq!(limited(Some(1_000_000_000), 10, None).unwrap(), 8_000_000);
    assert_eq!(limited(Some(10_000_000), 100, None).unwrap(), 744_554);
    assert_eq!(limited(Some(10_000_000), 100, Some("aac")).unwrap(), 616_554);
    let refused = limited(Some(10_000_000), 1000, None).unwrap_err();
    assert!(refused.to_string().contains("does not fit into 10000000 bytes") && refused.is_lasting(), "{refused}");

    let first =
        plan(&ClipRecipe { max_bytes: Some(10_000_000), ..recipe(None, None, ClipFit::Any) }, &Clip::plain(320, 240));
    let second = first.smaller(11_000_000, 10_000_000).unwrap();
    assert!(second.bits <= first.bits * 4 / 5 && second.bits > first.bits / 2, "{} {}", first.bits, second.bits);
    assert!(first.smaller(u64::MAX, 10_000_000).is_err());
}

#[test]
fn what_cannot_be_made_is_refused_with_its_reason() {
    let long = ClipRecipe { max_seconds: Some(9), ..recipe(None, None, ClipFit::Any) };
    let error = Encode::plan(&long, &Clip::plain(320, 240), "mp4").unwrap_err().to_string();
    assert!(error.contains("a clip of 10.0 s where 9 s are taken; cut it first"), "{error}");
    assert!(Encode::plan(&ClipRecipe { max_seconds: Some(10), ..long }, &Clip::plain(320, 240), "mp4").is_ok());
    let any = recipe(None, None, ClipFit::Any);
    let error = Encode::plan(&any, &Clip { hdr: true, ..Clip::plain(320, 240) }, "mp4").unwrap_err();
    assert!(error.to_string().contains("high dynamic range") && error.is_lasting());
    assert!(Encode::plan(&any, &Clip::plain(320, 240), "flv").is_err());
}

#[test]
fn the_command_carries_nothing_over_and_is_the_same_each_time() {
    let arguments = plan(&recipe(Some(1080), Some(1920), ClipFit::Blur), &Clip::plain(320, 240)).arguments();
    let has = |pair: [&str; 2]| arguments.windows(2).any(|w| w == pair);
    for pair in [
        ["-map_metadata", "-1"],
        ["-map_chapters", "-1"],
        ["-fflags", "+bitexact"],
        ["-flags:v", "+bitexact"],
        ["-flags:a", "+bitexact"],
        ["-threads:v", "1"],
        ["-movflags", "+faststart"],
        ["-pix_fmt", "yuv420p"],
        ["-protocol_whitelist", "file,pipe"],
        ["-f", "mov"],
        ["-i", "/proc/self/fd/0"],
        ["-g", "50"],
    ] {
        assert!(has(pair), "{pair:?} in {arguments:?}");
    }
    assert_eq!(arguments.last().unwrap(), "/proc/self/fd/1");
    assert!(arguments.iter().all(|a| !a.is_empty()));
}

#[test]
fn progress_is_told_from_complaints() {
    let mut progress = Progress::default();
    for line in [
        "frame=12",
        "out_time_us=N/A",
        "out_time_us=2500000",
        "stream_0_0_q=-1.0",
        "",
        "[mov @ 0x5] moov atom not found",
        "Conversion failed!",
    ] {
        progress.hear(line);
    }
    assert_eq!(progress.percent(Duration::from_secs(10)), 25);
    assert_eq!(progress.percent(Duration::ZERO), 99);
    assert_eq!(progress.complaint, "[mov @ 0x5] moov atom not found");
    assert!(!progress.disk_full && !progress.unable);
    progress.hear("av_interleaved_write_frame(): No space left on device");
    assert!(progress.disk_full);
}

/// Regression: a clip whose codec this ffmpeg was built without was damaged for good.
#[test]
fn what_an_ffmpeg_cannot_do_is_told_from_what_a_clip_is() {
    for (line, unable) in [
        ("[AVFilterGraph @ 0x6] No such filter: 'maskedmerge'", true),
        ("Unknown encoder 'libx264'", true),
        ("Decoder (codec av1) not found for input stream #0:0", true),
        ("[vist#0:0/av1 @ 0x5] Decoding requested, but no decoder found for: av1", true),
        ("Decoder (codec none) not found for input stream #0:0", false),
        ("[vist#0:0/none @ 0x5] Decoding requested, but no decoder found for: none", false),
        ("[mov @ 0x5] moov atom not found", false),
    ] {
        let mut progress = Progress::default();
        progress.hear(line);
        assert_eq!(progress.unable, unable, "{line}");
    }
}
