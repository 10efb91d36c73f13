//! Broken and malicious files: an error or a warning, never a panic, never without bounds.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use damfs::media::{Fit, Limits, Master, MediaError, StillFormat, probe, render, sniff};
use damfs::types::ReadAt;
use proptest::prelude::*;

use crate::exports::recipe;
use crate::tools::Dir;

fn files() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let d = Dir::new();
        d.pillow(
            r#"
from PIL import Image, PngImagePlugin
im = Image.effect_noise((24, 16), 60).convert("RGB")
i = PngImagePlugin.PngInfo(); i.add_text("parameters", "猫\nSteps: 2, Sampler: x, Seed: 3", zip=True)
i.add_text("prompt", '{"1":{"class_type":"KSampler","inputs":{"seed":1}}}')
e = im.getexif(); e[0x0110] = 'prompt:{"1":{"class_type":"A"}}'; e[0x0112] = 6
im.save("0.png", pnginfo=i, exif=e)
for n, x in enumerate(("jpg", "webp", "gif", "bmp", "tif"), 1): im.save(f"{n}.{x}", exif=e) if x in ("jpg", "webp") else im.save(f"{n}.{x}")
"#,
        );
        let tags = ["-overwrite_original", "-XMP-dc:Subject=a", "-IPTC:Keywords=b", "-UserComment=c", "1.jpg"];
        d.exiftool(&tags);
        let mut files: Vec<_> =
            ["0.png", "1.jpg", "2.webp", "3.gif", "4.bmp", "5.tif"].iter().map(|n| d.read(n)).collect();
        files.push(include_bytes!("../../src/ops/converter/sample.avif").to_vec());
        files.push(include_bytes!("../../src/ops/converter/sample.heic").to_vec());
        files
    })
}

/// A small MP4 with a mdta key, by hand.
fn mp4() -> Vec<u8> {
    fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut out = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
        out.extend(kind);
        out.extend(body);
        out
    }
    let mut tkhd = vec![0u8; 84];
    tkhd[76..84].copy_from_slice(&[4, 56, 0, 0, 7, 128, 0, 0]);
    let graph = br#"{"1":{"class_type":"KSampler","inputs":{}}}"#;
    let data = atom(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0][..], graph].concat());
    let keys = atom(b"keys", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &atom(b"mdta", b"prompt")].concat());
    let meta = atom(b"meta", &[atom(b"hdlr", &[0; 25]), keys, atom(b"ilst", &atom(&[0, 0, 0, 1], &data))].concat());
    let moov = atom(b"moov", &[atom(b"trak", &atom(b"tkhd", &tkhd)), atom(b"udta", &meta)].concat());
    [atom(b"ftyp", b"isom\0\0\0\0isom"), moov, atom(b"mdat", &[0; 64])].concat()
}

#[test]
fn a_video_tells_its_size_and_its_graph() {
    let whole = mp4();
    let p = probe(&whole).unwrap();
    assert_eq!((p.kind.as_str(), p.width, p.height, p.complete), ("video", Some(1080), Some(1920), true));
    assert_eq!(p.generation.unwrap().tool, "comfyui");
    assert!(!probe(&whole[..whole.len() - 1].to_vec()).unwrap().complete);
    assert!(matches!(
        render(&whole, &recipe(8, 8, Fit::Crop, StillFormat::Jpeg), &Limits::default()),
        Err(MediaError::Unsupported { .. })
    ));
}

/// A file on a disk that fails after some reads.
struct Failing<'a> {
    bytes: &'a Vec<u8>,
    left: AtomicUsize,
}

impl ReadAt for Failing<'_> {
    fn len(&self) -> u64 {
        ReadAt::len(self.bytes)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => self.bytes.read_at(offset, buf),
            Err(_) => Err(io::Error::other("the disk failed")),
        }
    }
}

/// What is remembered of a damaged file is remembered for good.
#[test]
fn a_disk_that_fails_is_no_fault_of_the_picture() {
    let d = Dir::new();
    // Longer than what is read of a PNG at a time.
    d.pillow("from PIL import Image\nImage.effect_noise((900, 900), 90).convert(\"RGB\").save(\"large.png\")");
    let large = d.read("large.png");
    for bytes in files().iter().take(6).chain([&large]) {
        let mut reads = 0;
        loop {
            let source = Failing { bytes, left: AtomicUsize::new(reads) };
            match Master::decode(&source, &Limits::default()) {
                Ok(_) => break,
                Err(e) => assert!(!e.is_lasting() && e.to_string().contains("the disk failed"), "{reads} reads: {e}"),
            }
            reads += 1;
        }
        assert!(reads > 2, "{reads}");
    }
}

#[test]
fn bombs_are_refused() {
    let d = Dir::new();
    d.pillow(
        r#"
import zlib, struct
def chunk(t, b): return struct.pack(">I", len(b)) + t + b + struct.pack(">I", zlib.crc32(t + b))
head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
bomb = zlib.compress(b"a" * (64 << 20), 9)
tail = chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
open("ztxt.png", "wb").write(head + chunk(b"zTXt", b"parameters\0\0" + bomb) * 3 + chunk(b"iTXt", b"prompt\0\1\0\0\0" + bomb) + tail)
open("huge.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 6, 0, 0, 0)) + tail)
"#,
    );
    let p = d.probe("ztxt.png");
    assert!(p.generation.is_none() && !p.warnings.is_empty() && p.complete);
    let r = recipe(8, 8, Fit::Crop, StillFormat::Jpeg);
    assert!(matches!(render(&d.read("huge.png"), &r, &Limits::default()), Err(MediaError::TooLarge { .. })));
    let tight = Limits { max_bytes: 10, ..Limits::default() };
    assert!(matches!(render(&d.read("ztxt.png"), &r, &tight), Err(MediaError::TooLarge { .. })));
    assert!(matches!(probe(&b"just some words".to_vec()), Err(MediaError::Unrecognised)));
    assert!(matches!(probe(&Vec::new()), Err(MediaError::Unrecognised)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(
        which in 0usize..9,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = files().get(which).cloned().unwrap_or_else(mp4);
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = Limits { max_pixels: 1_000_000, max_bytes: 1 << 20 };
        let _ = sniff(&bytes);
        let _ = probe(&bytes);
        let _ = render(&bytes, &recipe(8, 8, Fit::Crop, StillFormat::Jpeg), &limits);
        if which == 0 {
            let _ = Master::decode(&bytes, &limits).and_then(|master| master.proxy("x"));
        }
    }

    #[test]
    fn any_bytes_behind_any_magic_never_panic(
        magic in prop::sample::select(vec![
            &b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff\xe1", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"BM", b"II*\0", b"MM\0*\0\0\0\x08",
            b"\0\0\0\x10ftypisom\0\0\0\0", b"",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [magic, &rest].concat();
        let _ = sniff(&bytes);
        let _ = probe(&bytes);
    }
}

/// The most address space that this process has had, in KiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Regression, found by fuzzing: 246 bytes, whose profile calls itself 1.2 GB long, took as much memory.
#[test]
fn a_profile_takes_no_more_memory_than_the_file_has() {
    let file = include_bytes!("../fuzz/corpus/webp/b541adb8671d965e8a7912a57e077f2baa4e3aa2").to_vec();
    let before = most_memory();
    assert!(Master::decode(&file, &Limits::default()).is_err());
    assert!(most_memory() - before < 512 * 1024);
}
