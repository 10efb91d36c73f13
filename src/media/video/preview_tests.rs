//! Every decision that a preview's plan holds.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn clip(width: u32, height: u32, seconds: f64, rate: Option<(u32, u32)>) -> Clip {
    Clip { length: Duration::from_secs_f64(seconds), rate, ..Clip::plain(width, height) }
}

fn plan(clip: &Clip, nth: usize) -> Preview {
    Preview::plan(clip, "mp4", nth).unwrap().unwrap()
}

#[test]
fn sides_are_even_reduced_and_large_enough_for_the_mark() {
    let table = [
        ((1920, 1080), (640, 360)),
        ((1080, 1920), (360, 640)),
        ((640, 360), (640, 360)),
        ((500, 400), (500, 400)),
        ((321, 241), (320, 240)),
        ((2, 2), (320, 320)),
        ((1, 1), (320, 320)),
        ((8192, 8), (640, 64)),
        ((8, 8192), (64, 640)),
        ((8192, 8192), (640, 640)),
    ];
    for ((w, h), size) in table {
        assert_eq!(plan(&clip(w, h, 5.0, Some((25, 1))), 0).size, size, "{w}x{h}");
    }
    let large = clip(1920, 1080, 5.0, Some((60, 1)));
    let tries: Vec<_> = (0..3).map(|nth| plan(&large, nth)).map(|p| (p.size, p.rate.0)).collect();
    assert_eq!(tries, [((640, 360), 30), ((480, 270), 24), ((320, 180), 12)]);
    assert_eq!(Preview::plan(&large, "mp4", 3).unwrap(), None);
}

#[test]
fn frames_are_the_clips_own_within_the_limits() {
    let table = [
        (Some((24_000, 1001)), (24_000, 1001)),
        (Some((60, 1)), (30, 1)),
        (Some((1, 10)), (1, 1)),
        (Some((u32::MAX, 1)), (30, 1)),
        (None, (30, 1)),
    ];
    for (rate, expected) in table {
        assert_eq!(plan(&clip(320, 240, 1.0, rate), 0).rate, expected, "{rate:?}");
    }
}

#[test]
fn whatever_the_length_the_bits_leave_room_for_what_is_around_them() {
    for tenths in 1..20_000_u32 {
        let p = plan(&clip(640, 360, f64::from(tenths) / 10.0, Some((30, 1))), 0);
        let shown = p.length.as_millis();
        assert!(shown <= u128::from(PREVIEW_SECONDS) * 1000);
        let spent = (u128::from(p.bits) * (shown + 1000) + u128::from(SOUND_RATE) * shown) / 8000;
        assert!(spent + u128::from(AROUND) <= u128::from(PREVIEW_BYTES), "{tenths}: {spent}");
        assert!((190_000..=MOST_RATE).contains(&p.bits), "{tenths}: {}", p.bits);
    }
}

#[test]
fn every_size_is_filled_up_by_one_box_or_refused() {
    let whole = usize::try_from(PREVIEW_BYTES).unwrap();
    for size in [1, 100, whole / 2, whole - 9, whole - 8, whole] {
        let filled = FilledPreview::new(vec![7; size]).unwrap();
        let mut behind = [1; 5];
        assert_eq!(filled.read_at(PREVIEW_BYTES - 3, &mut behind).unwrap(), 3, "{size}");
        assert_eq!(filled.read_at(PREVIEW_BYTES + 3, &mut behind).unwrap(), 0, "{size}");
        let hash = filled.hash();
        let filled = filled.read_head(whole + 1).unwrap();
        assert_eq!((filled.len(), hash), (whole, *blake3::hash(&filled).as_bytes()), "{size}");
        if let Some(free) = filled.get(size..size + 8) {
            assert_eq!(free[..4], u32::try_from(whole - size).unwrap().to_be_bytes());
            assert_eq!(&free[4..], b"free");
            assert!(filled[size + 8..].iter().all(|b| *b == 0));
        }
    }
    for size in [0, whole - 7, whole - 1, whole + 1] {
        assert!(FilledPreview::new(vec![7; size]).is_err(), "{size}");
    }
}

#[test]
fn the_mark_is_shades_and_how_much_they_cover() {
    assert_eq!((laid(0, 255).1, laid(0, 191), laid(128, 255).1), (0, (16, 64), 128));
    let p = plan(&clip(640, 360, 1.0, None), 0);
    let (plane, mark) = (640 * 360, p.mark("rita"));
    assert_eq!(mark.len(), plane * 6);
    assert!(mark[plane..plane * 3].iter().all(|gray| *gray == 128));
    let cover = &mark[plane * 3..plane * 4];
    assert!(cover == &mark[plane * 4..plane * 5] && cover == &mark[plane * 5..]);
    for part in cover.chunks(plane / 2) {
        let covered = part.iter().filter(|c| **c > 60).count();
        assert!(covered * 200 > part.len() && covered * 2 < part.len(), "{covered}: both halves have letters");
    }
    assert!(mark != p.mark("lena"));
    assert_eq!(p.mark(" \n"), p.mark("PROXY"), "nobody's name is no way to have none");
}

#[test]
fn the_command_carries_nothing_over_and_is_the_same_each_time() {
    let arguments = plan(&clip(640, 360, 500.0, Some((25, 1))), 0).arguments(1_000_003);
    let has = |pair: [&str; 2]| arguments.windows(2).any(|w| w == pair);
    for pair in [
        ["-map_metadata", "-1"],
        ["-map_metadata:s", "-1"],
        ["-map_chapters", "-1"],
        ["-a53cc:v:0", "0"],
        ["-fflags", "+bitexact"],
        ["-flags:v", "+bitexact"],
        ["-flags:a", "+bitexact"],
        ["-threads:v", "1"],
        ["-protocol_whitelist", "file,pipe,subfile"],
        ["-f", "mov"],
        ["-i", "subfile,,start,0,end,1000003,,:/proc/self/fd/0"],
        ["-i", "subfile,,start,1000003,end,1691203,,:/proc/self/fd/0"],
        ["-i", "subfile,,start,1691203,end,2382403,,:/proc/self/fd/0"],
        ["-t", "120.000000"],
    ] {
        assert!(has(pair), "{pair:?} in {arguments:?}");
    }
    assert!(arguments.iter().all(|a| !a.is_empty()));
    assert_eq!(arguments.last().unwrap(), "/proc/self/fd/1");
}

#[test]
fn what_was_cut_off_or_is_something_else_is_no_preview() {
    let p = plan(&clip(640, 360, 500.0, Some((25, 1))), 0);
    let made = |seconds| clip(640, 360, seconds, Some((25, 1)));
    for seconds in [120.2, 120.0, 108.0] {
        p.verdict(&made(seconds)).unwrap();
    }
    assert!(p.verdict(&made(60.0)).unwrap_err().to_string().contains("only 60.0 of its first 120.0 s"));
    assert!(p.verdict(&Clip { width: 320, ..made(120.0) }).is_err());
    assert!(p.verdict(&Clip { codec: "mjpeg".into(), ..made(120.0) }).is_err());
    let short = plan(&clip(640, 360, 0.4, Some((25, 1))), 0);
    short.verdict(&made(0.04)).unwrap();
    let fields = Clip { interlaced: true, ..clip(640, 360, 1.0, None) };
    let is_kept = |clip: &Clip| plan(clip, 0).arguments(1).windows(2).any(|w| w == ["-reinit_filter", "0"]);
    let turned = Clip { turned: true, ..clip(640, 360, 1.0, None) };
    assert!(is_kept(&made(1.0)) && !is_kept(&fields) && !is_kept(&turned));
}

#[test]
fn what_has_no_preview_says_so() {
    let hdr = Clip { hdr: true, ..clip(640, 360, 1.0, None) };
    assert!(Preview::plan(&hdr, "mp4", 0).unwrap_err().to_string().contains("high dynamic range"));
    assert!(Preview::plan(&clip(640, 360, 1.0, None), "flv", 0).is_err());
    assert_eq!(["mp4", "mov", "webm", "avi", "flv", "gif"].map(is_previewed), [true, true, true, true, false, false]);
    assert_ne!(preview_hash(Some("rita")), preview_hash(None));
}
