//! An inventory of files that are in no library yet: what they are, which are the same, what is wrong with them. Nothing is written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::import::OpenFile;
use crate::media::{self, MediaError};
use crate::types::FileName;
use crate::view::class::{self, NameClass};

/// Files of one size that differ mostly do so within this.
const HEAD: u64 = 64 << 10;

/// How many files there are of something, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    pub files: u64,
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    pub path: PathBuf,
    pub why: String,
}

/// Files with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Same {
    pub bytes: u64,
    pub files: Vec<PathBuf>,
}

/// A file whose bytes a library has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    pub path: PathBuf,
    pub library: String,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Inventory {
    pub all: Sum,
    /// By kind and format, `image/png`; what is no medium is `other`.
    pub formats: BTreeMap<String, Sum>,
    /// Files that say how they were generated.
    pub generated: u64,
    /// By which program.
    pub generators: BTreeMap<String, u64>,
    pub duplicates: Vec<Same>,
    /// What all but one of each set of duplicates take on the disk.
    pub to_be_saved: u64,
    /// Names in one folder that differ in case or marks alone: on some systems they are one.
    pub clashes: Vec<Vec<PathBuf>>,
    pub broken: Vec<Broken>,
    /// Sidecars beside which the file that they speak of is not.
    pub sidecars_alone: Vec<PathBuf>,
    /// What was passed over: hidden files, links, pipes.
    pub left_out: u64,
    /// Files that the library has already; `None` when there is none to ask.
    pub known: Option<Vec<Known>>,
}

/// A file that was looked at.
struct Seen {
    path: PathBuf,
    bytes: u64,
    /// Two names of one file take no space twice.
    inode: (u64, u64),
}

/// An inventory that is being made.
#[derive(Default)]
pub struct Scout {
    inventory: Inventory,
    seen: Vec<Seen>,
}

/// Opens what is no symbolic link, and waits for no pipe.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

impl Scout {
    /// Looks at one file; gives its size.
    pub fn look(&mut self, path: &Path) -> u64 {
        match self.try_look(path) {
            Ok(bytes) => bytes,
            Err(e) => {
                self.broken(path, format!("cannot be read: {e}"));
                0
            }
        }
    }

    /// Notes what cannot be taken.
    pub fn broken(&mut self, path: &Path, why: impl Into<String>) {
        self.inventory.broken.push(Broken { path: path.to_owned(), why: why.into() });
    }

    /// Notes what is passed over.
    pub const fn leave_out(&mut self) {
        self.inventory.left_out += 1;
    }

    fn try_look(&mut self, path: &Path) -> io::Result<u64> {
        let file = open(path)?;
        let meta = file.metadata()?;
        let bytes = meta.len();
        let source = OpenFile::new(file)?;
        let format = match media::probe(&source) {
            _ if is_sidecar(path) => "sidecar".to_owned(),
            Ok(probe) => {
                if !probe.complete {
                    self.broken(path, "the file ends before its picture does");
                }
                if let Some(generation) = &probe.generation {
                    self.inventory.generated += 1;
                    *self.inventory.generators.entry(generation.tool.clone()).or_default() += 1;
                }
                format!("{}/{}", probe.kind, probe.format)
            }
            Err(MediaError::Io(e)) => return Err(e),
            Err(MediaError::Damaged { what }) => {
                self.broken(path, format!("damaged: {what}"));
                "other".to_owned()
            }
            Err(_) if bytes == 0 => {
                self.broken(path, "the file is empty");
                "other".to_owned()
            }
            Err(_) => "other".to_owned(),
        };
        self.inventory.all.add(bytes);
        self.inventory.formats.entry(format).or_default().add(bytes);
        self.seen.push(Seen { path: path.to_owned(), bytes, inode: (meta.dev(), meta.ino()) });
        Ok(bytes)
    }

    /// The files that can be read, in the order in which they were looked at.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.seen.iter().map(|seen| seen.path.as_path())
    }

    /// Compares the files with one another. `each` hears of every one that has to be read whole.
    #[must_use]
    pub fn finish(mut self, mut each: impl FnMut()) -> Inventory {
        self.clashes();
        self.lone_sidecars();
        self.duplicates(&mut each);
        self.inventory
    }

    fn duplicates(&mut self, each: &mut dyn FnMut()) {
        let mut sizes: HashMap<u64, Vec<usize>> = HashMap::new();
        for (n, seen) in self.seen.iter().enumerate().filter(|(_, seen)| seen.bytes > 0) {
            sizes.entry(seen.bytes).or_default().push(n);
        }
        for (bytes, files) in sizes.into_iter().filter(|(_, files)| files.len() > 1) {
            let mut whole = self.alike(&files, HEAD);
            if bytes > HEAD {
                for files in std::mem::take(&mut whole) {
                    files.iter().for_each(|_| each());
                    whole.extend(self.alike(&files, u64::MAX));
                }
            }
            for files in whole {
                let inodes: HashSet<_> =
                    files.iter().filter_map(|n| self.seen.get(*n)).map(|seen| seen.inode).collect();
                let paths = files.iter().filter_map(|n| self.seen.get(*n)).map(|seen| seen.path.clone());
                self.inventory.duplicates.push(Same { bytes, files: paths.collect() });
                self.inventory.to_be_saved += bytes * (inodes.len() as u64).saturating_sub(1);
            }
        }
        self.inventory.duplicates.sort_by(|a, b| (b.bytes, &a.files).cmp(&(a.bytes, &b.files)));
    }

    /// Files whose first bytes are the same, two at least; one that cannot be read is like none.
    fn alike(&mut self, files: &[usize], most: u64) -> Vec<Vec<usize>> {
        let mut hashes: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
        for n in files {
            let Some(seen) = self.seen.get(*n) else { continue };
            match hash(&seen.path, most) {
                Ok(hash) => hashes.entry(hash).or_default().push(*n),
                Err(e) => {
                    let path = seen.path.clone();
                    self.broken(&path, format!("cannot be read: {e}"));
                }
            }
        }
        hashes.into_values().filter(|files| files.len() > 1).collect()
    }

    fn clashes(&mut self) {
        let mut names: BTreeMap<(&Path, String), Vec<&Path>> = BTreeMap::new();
        for path in self.seen.iter().map(|seen| seen.path.as_path()) {
            let name = path.file_name().map(|name| plain(&name.to_string_lossy())).unwrap_or_default();
            names.entry((path.parent().unwrap_or(path), name)).or_default().push(path);
        }
        let several = names.into_values().filter(|paths| paths.len() > 1);
        let clashes = several.map(|paths| paths.into_iter().map(Path::to_owned).collect()).collect();
        self.inventory.clashes = clashes;
    }

    fn lone_sidecars(&mut self) {
        let (sidecars, others): (Vec<&Path>, Vec<&Path>) = self.files().partition(|path| is_sidecar(path));
        let known: HashSet<PathBuf> =
            others.iter().flat_map(|path| [path.to_path_buf(), path.with_extension("")]).collect();
        let alone = sidecars.into_iter().filter(|path| !known.contains(&path.with_extension("")));
        let alone = alone.map(Path::to_owned).collect();
        self.inventory.sidecars_alone = alone;
    }
}

fn is_sidecar(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let name = path.file_name().and_then(|name| FileName::new(name.as_bytes()).ok());
    name.is_some_and(|name| class::classify(&name) == NameClass::Sidecar)
}

fn hash(path: &Path, most: u64) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(open(path)?.take(most))?;
    Ok(*hasher.finalize().as_bytes())
}

/// A name without case and marks.
fn plain(name: &str) -> String {
    name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_are_compared_without_case_and_marks() {
        assert_eq!(plain("Ämter.PNG"), plain("amter.png"));
        assert_eq!(plain("A\u{308}mter.png"), plain("Ämter.png"));
        assert_ne!(plain("a1.png"), plain("a2.png"));
    }
}
