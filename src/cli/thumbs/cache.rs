//! The cache of the thumbnail standard of freedesktop.org: PNGs that say of which file they are, named by the MD5 of its address.

use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use md5::{Digest, Md5};

use crate::cli::whole::Whole;

/// What a file is called that is not whole yet.
const UNFINISHED: &str = ".dam-thumbs-";
/// Signature, length, type, thirteen bytes and checksum of a PNG's first chunk.
const HEADER: usize = 33;

/// A size of the standard, which is a folder of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Size {
    Normal,
    Large,
    XLarge,
    XxLarge,
}

impl Size {
    pub const ALL: [Self; 4] = [Self::Normal, Self::Large, Self::XLarge, Self::XxLarge];

    /// The longest side, in pixels.
    pub const fn side(self) -> u32 {
        match self {
            Self::Normal => 128,
            Self::Large => 256,
            Self::XLarge => 512,
            Self::XxLarge => 1024,
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Large => "large",
            Self::XLarge => "x-large",
            Self::XxLarge => "xx-large",
        }
    }
}

/// What a thumbnail says of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub uri: String,
    /// In seconds.
    pub mtime: Option<i64>,
    /// Others do not say it.
    pub size: Option<u64>,
}

/// A member's cache.
pub struct Cache {
    pub folder: PathBuf,
}

impl Cache {
    /// Where the thumbnail of an address lies.
    pub fn place(&self, size: Size, uri: &str) -> PathBuf {
        let digits: String = Md5::digest(uri.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(size.folder()).join(format!("{digits}.png"))
    }

    /// Whether a thumbnail is there, of the file as it is.
    pub fn has(&self, size: Size, of: &Said) -> bool {
        read(&self.place(size, &of.uri)).as_ref() == Some(of)
    }

    /// Puts a picture there, with what it says of its file, for nobody but its owner.
    ///
    /// The time that tumbler 4.18 asks for has six digits behind the point, and the one of everybody else none. It takes the first text that it
    /// finds, of whichever kind; GLib reads plain ones alone, and the others as far as the point, or the last.
    pub fn put(&self, size: Size, picture: &[u8], of: &Said, micros: u32) -> io::Result<()> {
        let place = self.place(size, &of.uri);
        let (head, rest) = picture.split_at_checked(HEADER).ok_or(io::ErrorKind::InvalidData)?;
        let mut whole = Whole::begin_private(place.parent().unwrap_or(&self.folder), UNFINISHED)?;
        whole.file.write_all(head)?;
        if let (Some(mtime), 1..) = (of.mtime, micros) {
            let precise = format!("Thumb::MTime\0\0\0\0\0{mtime}.{micros:06}");
            whole.file.write_all(&chunk(b"iTXt", precise.as_bytes())?)?;
        }
        let (mtime, bytes) = (of.mtime.map(|mtime| mtime.to_string()), of.size.map(|size| size.to_string()));
        let texts = [("Thumb::URI", Some(of.uri.as_str())), ("Thumb::MTime", mtime.as_deref())];
        for (key, value) in texts.into_iter().chain([("Thumb::Size", bytes.as_deref()), ("Software", Some("damfs"))]) {
            if let Some(value) = value {
                whole.file.write_all(&chunk(b"tEXt", format!("{key}\0{value}").as_bytes())?)?;
            }
        }
        whole.file.write_all(rest)?;
        whole.name_as(&place)
    }

    /// Removes thumbnails that are not to be kept, whoever made them, and says how many.
    pub fn sweep(&self, is_kept: impl Fn(&Said) -> bool) -> io::Result<u64> {
        let mut removed = 0;
        for size in Size::ALL {
            let entries = match fs::read_dir(self.folder.join(size.folder())) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let path = entry?.path();
                if read(&path).is_some_and(|said| !is_kept(&said)) {
                    match fs::remove_file(&path) {
                        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                        _ => removed += 1,
                    }
                }
            }
        }
        Ok(removed)
    }
}

/// The address of a file, as GLib writes it.
pub fn uri(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"!$&'()*+,-./:=@_~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// What a thumbnail says of its file; nothing when it is none.
fn read(path: &Path) -> Option<Said> {
    let png = png::Decoder::new(BufReader::new(File::open(path).ok()?)).read_info().ok()?;
    let texts = &png.info().uncompressed_latin1_text;
    let text = |key: &str| texts.iter().find(|text| text.keyword == key).map(|text| text.text.as_str());
    Some(Said {
        uri: text("Thumb::URI")?.to_owned(),
        mtime: text("Thumb::MTime").and_then(|time| time.split('.').next()?.parse().ok()),
        size: text("Thumb::Size").and_then(|size| size.parse().ok()),
    })
}

/// A chunk of a PNG.
fn chunk(kind: &[u8; 4], data: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(data.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let typed = [kind, data].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&typed);
    Ok([&length.to_be_bytes()[..], &typed, &crc.sum().to_be_bytes()].concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn addresses_and_names_are_those_of_the_standard() {
        let cache = Cache { folder: "/c".into() };
        let path = Path::new("/home/jens/photos/me.png");
        assert_eq!(uri(path), "file:///home/jens/photos/me.png");
        let example = "/c/large/c6ee772d9e49320e97ec29a7eb5b1697.png";
        assert_eq!(cache.place(Size::Large, &uri(path)), Path::new(example), "the example of the standard");
    }

    /// What `g_filename_to_uri` of GLib 2.74 does with each byte.
    #[test]
    fn every_byte_is_escaped_as_glib_does_it() {
        let plain = "!$&'()*+,-./0123456789:=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
        for byte in 1..=u8::MAX {
            let written = uri(Path::new(OsStr::from_bytes(&[b'/', byte])));
            let is_plain = plain.as_bytes().contains(&byte);
            let expected = if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") };
            assert_eq!(written, format!("file:///{expected}"));
        }
        let odd = Path::new("/m/a b%c#d?e;f,g+h=i@j[k]~l'm(n)ö.png");
        assert_eq!(uri(odd), "file:///m/a%20b%25c%23d%3Fe%3Bf,g+h=i@j%5Bk%5D~l'm(n)%C3%B6.png");
    }

    #[test]
    fn what_is_put_is_read_again_and_what_is_not_to_be_kept_goes() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { folder: dir.path().join("thumbnails") };
        let mut picture = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(3, 2).write_to(&mut picture, image::ImageFormat::Png).unwrap();
        let said = |name: &str, mtime, size| Said { uri: format!("file:///m/{name}.png"), mtime: Some(mtime), size };
        let (old, new, others) = (said("a", -7, Some(9)), said("a", 8, Some(9)), said("b", 8, None));
        cache.put(Size::Normal, picture.get_ref(), &old, 0).unwrap();
        assert!(cache.has(Size::Normal, &old) && !cache.has(Size::Normal, &new) && !cache.has(Size::Large, &old));
        cache.put(Size::Normal, picture.get_ref(), &new, 1_234).unwrap();
        cache.put(Size::XxLarge, picture.get_ref(), &others, 0).unwrap();
        assert!(cache.has(Size::Normal, &new) && cache.has(Size::XxLarge, &others));
        let read = image::open(cache.place(Size::Normal, &new.uri)).unwrap();
        assert_eq!((read.width(), read.height()), (3, 2), "a whole picture with every checksum right");
        let bytes = fs::read(cache.place(Size::Normal, &new.uri)).unwrap();
        let at = |text: &[u8]| bytes.windows(text.len()).position(|part| part == text).unwrap();
        assert!(at(b"8.001234") < at(b"tEXtThumb::MTime\x008"), "the first text is for tumbler");
        fs::write(cache.folder.join("normal/note.png"), "no picture").unwrap();
        assert_eq!(cache.sweep(|said| said.size.is_none()).unwrap(), 1);
        assert!(!cache.has(Size::Normal, &new) && cache.has(Size::XxLarge, &others));
        assert!(cache.folder.join("normal/note.png").exists(), "what says nothing is not ours to judge");
    }
}
