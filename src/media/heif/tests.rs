use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::*;

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat()
}

/// A file of one picture, whose properties are these; the first is associated first.
fn file(properties: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let ipco: Vec<u8> = properties.iter().flat_map(|(kind, body)| boxed(kind, body)).collect();
    let count = u8::try_from(properties.len()).unwrap();
    let mut ipma = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 1, count];
    ipma.extend((1..=count).map(|n| n | 0x80));
    let iprp = [boxed(b"ipco", &ipco), boxed(b"ipma", &ipma)].concat();
    let infe = boxed(b"infe", b"\x02\0\0\0\0\x01\0\0av01\0");
    let iinf = boxed(b"iinf", &[&[0, 0, 0, 0, 0, 1][..], &infe].concat());
    let meta = [&[0; 4][..], &boxed(b"pitm", &[0, 0, 0, 0, 0, 1]), &iinf, &boxed(b"iprp", &iprp)].concat();
    [boxed(b"ftyp", b"avif\0\0\0\0avif"), boxed(b"meta", &meta), boxed(b"mdat", &[0; 8])].concat()
}

fn ispe(w: u32, h: u32) -> (&'static [u8; 4], Vec<u8>) {
    (b"ispe", [&[0; 4][..], &w.to_be_bytes(), &h.to_be_bytes()].concat())
}

fn nclx(primaries: u8, transfer: u8) -> (&'static [u8; 4], Vec<u8>) {
    (b"colr", [&b"nclx"[..], &[0, primaries, 0, transfer, 0, 1, 0x80]].concat())
}

#[test]
fn a_size_is_as_it_is_shown() {
    let clap: Vec<u8> = [400u32, 1, 300, 1, 0, 1, 0, 1].into_iter().flat_map(u32::to_be_bytes).collect();
    let turned = |turns: u8| (b"irot", vec![turns]);
    for (properties, size) in [
        (vec![ispe(640, 480)], (640, 480)),
        (vec![ispe(640, 480), turned(1)], (480, 640)),
        (vec![ispe(640, 480), turned(2)], (640, 480)),
        (vec![ispe(640, 480), (b"clap", clap.clone()), turned(3)], (300, 400)),
        (vec![ispe(640, 480), (b"imir", vec![1])], (640, 480)),
    ] {
        let found = walk(&file(&properties)).unwrap();
        assert_eq!((found.width, found.height, found.complete), (Some(size.0), Some(size.1), true));
    }
    let whole = file(&[ispe(640, 480)]);
    assert!(!walk(&whole[..whole.len() - 1].to_vec()).unwrap().complete);
    assert_eq!(walk(&b"\0\0\0\x10ftypavif".to_vec()).unwrap().width, None);
}

#[test]
fn colours_are_as_the_codes_say_and_beyond_a_screens_refused() {
    let of = |properties: &[(&[u8; 4], Vec<u8>)]| walk(&file(properties)).unwrap();
    for same in [(1, 13), (1, 1), (2, 2), (1, 6)] {
        assert!(of(&[ispe(1, 1), nclx(same.0, same.1)]).colour.profile().is_none(), "{same:?}");
    }
    assert!(of(&[ispe(1, 1), nclx(12, 13)]).colour.profile().is_some());
    for bright in [16, 18] {
        assert!(of(&[ispe(1, 1), nclx(9, bright)]).unsupported.unwrap().contains("HDR"));
    }
    let found = of(&[ispe(1, 1), (b"pixi", vec![0, 0, 0, 0, 3, 10, 10, 10]), (b"colr", b"profABC".to_vec())]);
    assert_eq!((found.deep, found.icc.as_deref()), (true, Some(&b"ABC"[..])));
}

/// Regression: of files without `pixi`, which is optional in HEIC of old and in tiles, too little memory was asked for.
#[test]
fn depth_is_also_what_the_decoder_is_set_up_for() {
    let is_deep = |kind: &'static [u8; 4], body: Vec<u8>| walk(&file(&[ispe(1, 1), (kind, body)])).unwrap().deep;
    let hvc = |luma: u8, chroma: u8| [&[1; 16][..], &[0xfd, 0xf8 | luma, 0xf8 | chroma], &[0; 4]].concat();
    for (luma, chroma, deep) in [(0, 0, false), (2, 2, true), (0, 2, true), (4, 0, true)] {
        assert_eq!(is_deep(b"hvcC", hvc(luma, chroma)), deep, "{luma} {chroma}");
    }
    for (flags, deep) in [(0b0000_1100, false), (0b0100_1100, true), (0b1110_0000, true)] {
        assert_eq!(is_deep(b"av1C", vec![0x81, 0x20, flags, 0]), deep, "{flags:b}");
    }
    let (found, _) = walked(&tiled(&[(b"av1C", vec![0x81, 0x20, 0x4c, 0])]), 1 << 20);
    assert!(found.deep);
}

/// A picture of 9 by 5 in tiles, whose first has these properties, beside another item that has a profile.
fn tiled(of_tile: &[(&[u8; 4], Vec<u8>)]) -> Vec<Vec<u8>> {
    let other: (&[u8; 4], Vec<u8>) = (b"colr", b"profof another".to_vec());
    let properties = [&[ispe(9, 5), other][..], of_tile].concat();
    let ipco: Vec<u8> = properties.iter().flat_map(|(kind, body)| boxed(kind, body)).collect();
    let count = u8::try_from(of_tile.len()).unwrap();
    let mut ipma = vec![0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 1, 1, 0, 4, 1, 2, 0, 2, count];
    ipma.extend(3..3 + count);
    let dimg = boxed(b"dimg", &[0, 1, 0, 2, 0, 2, 0, 3]);
    let iref = boxed(b"iref", &[&[0; 4][..], &boxed(b"thmb", &[0, 4, 0, 1, 0, 1]), &dimg].concat());
    vec![iref, boxed(b"iprp", &[boxed(b"ipco", &ipco), boxed(b"ipma", &ipma)].concat())]
}

/// Regression: a picture without colours of its own had those of any other item of the file.
#[test]
fn colours_are_of_the_picture_or_of_its_tiles_and_of_nothing_beside() {
    let (found, _) = walked(&tiled(&[]), 1 << 20);
    assert_eq!((found.width, found.icc), (Some(9), None));
    let (found, _) = walked(&tiled(&[(b"colr", b"profof the tiles".to_vec())]), 1 << 20);
    assert_eq!(found.icc.as_deref(), Some(&b"of the tiles"[..]));
}

/// A file that counts what is read of it, with as many zeros behind its bytes as it is long.
struct Counted {
    bytes: Vec<u8>,
    len: u64,
    read: AtomicU64,
}

impl ReadAt for Counted {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.len.saturating_sub(offset).min(buf.len() as u64);
        let buf = &mut buf[..usize::try_from(count).unwrap()];
        buf.fill(0);
        let from = usize::try_from(offset).unwrap().min(self.bytes.len());
        let there = &self.bytes[from..(from + buf.len()).min(self.bytes.len())];
        buf[..there.len()].copy_from_slice(there);
        self.read.fetch_add(count, Ordering::Relaxed);
        Ok(buf.len())
    }
}

/// Walks a file of these boxes in `meta`, and of `len` bytes; gives what was found, and how many bytes were read.
fn walked(meta: &[Vec<u8>], len: u64) -> (Found, u64) {
    let meta = [&[0; 4][..], &boxed(b"pitm", &[0, 0, 0, 0, 0, 1]), &meta.concat()].concat();
    let mut bytes = [boxed(b"ftyp", b"avif\0\0\0\0avif"), boxed(b"meta", &meta)].concat();
    bytes.extend(u32::try_from(len - bytes.len() as u64).unwrap().to_be_bytes());
    bytes.extend(b"mdat");
    let (file, began) = (Counted { bytes, len, read: AtomicU64::new(0) }, Instant::now());
    let found = walk(&file).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(found.complete);
    (found, file.read.into_inner())
}

fn exif_item(id: u16) -> Vec<u8> {
    boxed(b"infe", &[&[2, 0, 0, 0][..], &id.to_be_bytes(), &[0, 0], b"Exif\0"].concat())
}

/// Regression: as often as the picture was said to have a profile, so often it was copied, and each other item's association was kept.
#[test]
fn a_profile_that_is_named_again_and_again_is_taken_once() {
    let ipco = [boxed(b"colr", &[&b"prof"[..], &vec![7; 8 << 20]].concat()), boxed(b"ispe", &ispe(9, 5).1)].concat();
    let mut ipma = vec![0, 0, 0, 0, 0, 0, 0x27, 0x10];
    for _ in 0..10_000 {
        ipma.extend([0, 1, 255]);
        ipma.extend([1; 255]);
    }
    let first = boxed(b"ipma", &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 2, 1]);
    let iprp = boxed(b"iprp", &[boxed(b"ipco", &ipco), first, boxed(b"ipma", &ipma)].concat());
    let (found, read) = walked(&[iprp], 32 << 20);
    assert_eq!((found.width, found.icc.map(|icc| icc.len())), (Some(9), Some(8 << 20)));
    assert!(read < 24 << 20, "{read}");
}

/// Regression: each of thousands of items read the same 16 MiB again.
#[test]
fn what_many_items_say_is_read_to_a_bound() {
    let ids = 1..=10_000_u16;
    let infos: Vec<u8> = ids.clone().flat_map(exif_item).collect();
    let iinf = boxed(b"iinf", &[&[0, 0, 0, 0, 0x27, 0x10][..], &infos].concat());
    let mut iloc = vec![0, 0, 0, 0, 0x44, 0, 0x27, 0x10];
    for id in ids {
        iloc.extend(
            [&id.to_be_bytes()[..], &[0, 0, 0, 1], &(1_u32 << 20).to_be_bytes(), &(15_u32 << 20).to_be_bytes()]
                .concat(),
        );
    }
    let (found, read) = walked(&[iinf, boxed(b"iloc", &iloc)], 32 << 20);
    assert!(read < 40 << 20, "{read}");
    assert!(found.warnings[0].contains("was left out"));
}

/// Regression: extents that take no bytes of the file took 16 of memory each, and lists of items were added up.
#[test]
fn extents_of_nothing_and_lists_without_end_take_no_memory() {
    let many: Vec<u8> = (1..=20_000_u16).flat_map(exif_item).collect();
    let iinf = boxed(b"iinf", &[&[0, 0, 0, 0, 0x4e, 0x20][..], &many].concat());
    let mut iloc = vec![0, 0, 0, 0, 0, 0, 0x4e, 0x20];
    for id in 1..=20_000_u16 {
        iloc.extend([&id.to_be_bytes()[..], &[0, 0, 0xff, 0xff]].concat());
    }
    let meta = [vec![iinf; 16], vec![boxed(b"iloc", &iloc)]].concat();
    let whole = [&[0; 4][..], &boxed(b"pitm", &[0, 0, 0, 0, 0, 1]), &meta.concat()].concat();
    let read = Meta::read(&whole).unwrap();
    assert!(read.told.len() <= 16 && read.told.iter().all(|item| item.extents.is_empty()));
    let (_, bytes) = walked(&meta, 32 << 20);
    assert!(bytes < 16 << 20, "{bytes}");
}

/// Regression: boxes that lie far from each other cost a read each, without end.
#[test]
fn boxes_that_lie_far_apart_are_read_to_a_bound() {
    let bytes = boxed(b"free", &[0; (1 << 17) - 8]).repeat(2_000);
    let file = Counted { len: bytes.len() as u64, bytes, read: AtomicU64::new(0) };
    assert!(!walk(&file).unwrap().complete);
    assert!(file.read.into_inner() <= 64 << 20);
}
