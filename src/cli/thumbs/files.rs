//! The files of assets below folders of a mount.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::cache::{Said, uri};
use crate::cli::{Failure, mounts, usage};
use crate::types::AssetId;
use crate::view::tree::AND;

const ID: &str = "user.dam.id";
/// Where assets are shown as they are.
const PLACES: [&[u8]; 4] = [b"library", b"by", b"find", b"saved"];

/// A file as the mount shows it.
pub struct Shown {
    pub asset: AssetId,
    /// What its thumbnail has to say.
    pub said: Said,
    /// Its time, as the library knows it.
    pub nanos: i128,
}

impl Shown {
    /// What its time has beside whole seconds.
    pub fn micros(&self) -> u32 {
        u32::try_from(self.nanos.rem_euclid(1_000_000_000) / 1_000).unwrap_or(0)
    }
}

/// The folder that is meant, by the path by which file managers get to it: a mount itself means its library/.
pub fn folder(dir: &Path) -> Result<PathBuf, Failure> {
    let (mount, located) = mounts::locate(dir).ok_or_else(|| {
        usage(format!("{} is in no mount of a library", dir.display()), "name a folder of a mount; see dam status")
    })?;
    // Links on the way are part of the address.
    let typed = std::path::absolute(dir).ok();
    let path = typed.filter(|path| !path.components().any(|part| part == Component::ParentDir));
    // As the addresses below it begin: without a slash at its end.
    let path: PathBuf = path.unwrap_or_else(|| located.clone()).components().collect();
    let top = mounts::below(&mount, &located).split(|byte| *byte == b'/').next().unwrap_or_default();
    if top.is_empty() {
        return Ok(path.join("library"));
    }
    if PLACES.contains(&top) {
        return Ok(path);
    }
    Err(usage(
        format!("{} shows no assets as they are", dir.display()),
        "name a folder below library/, by/, find/ or saved/",
    ))
}

/// The files of assets below a folder. What narrows a query shows the same files again, and is passed over.
pub fn below(dir: &Path, out: &mut Vec<Shown>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && entry.file_name() != OsStr::new(AND) {
            match below(&path, out) {
                // Gone meanwhile.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
        } else if kind.is_file() {
            out.extend(shown(&path));
        }
    }
    Ok(())
}

/// Nothing of what is gone meanwhile, or no asset.
fn shown(path: &Path) -> Option<Shown> {
    let mut id = [0; 64];
    let length = rustix::fs::lgetxattr(path, ID, &mut id).ok()?;
    let asset = std::str::from_utf8(id.get(..length)?).ok()?.trim_end_matches('\0').parse().ok()?;
    let meta = fs::symlink_metadata(path).ok()?;
    let said = Said { uri: uri(path), mtime: Some(meta.mtime()), size: Some(meta.size()) };
    let nanos = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    Some(Shown { asset, said, nanos })
}
