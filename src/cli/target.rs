//! What a PATH argument means to the library: a path as a mount shows it (`library/...`) or an asset id. A file in any mount says its id
//! itself.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Failure, failed, mounts, not_found};
use crate::ops::proto::FailureKind;
use crate::types::AssetId;

/// The directories of a mount below which a path means the same wherever one stands, also within a mount.
const TOPS: [&str; 4] = ["library", "platforms", "versions", "trash"];

/// The target of one argument.
pub fn resolve(root: &Path, arg: &str) -> Result<String, Failure> {
    Resolver::new(root).resolve(arg)
}

/// The targets of several arguments.
pub fn resolve_all(root: &Path, args: &[String]) -> Result<Vec<String>, Failure> {
    let resolver = Resolver::new(root);
    args.iter().map(|arg| resolver.resolve(arg)).collect()
}

/// Arguments of one command: where mounts are is looked up once.
pub struct Resolver<'r> {
    root: &'r Path,
    mounts: Vec<mounts::FuseMount>,
}

impl<'r> Resolver<'r> {
    pub fn new(root: &'r Path) -> Self {
        Self { root, mounts: mounts::all() }
    }

    /// The target of one argument.
    pub fn resolve(&self, arg: &str) -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&self.resolve_bytes(OsStr::new(arg))?).into_owned())
    }

    /// As [`Resolver::resolve`], also of a name that is no text.
    pub fn resolve_bytes(&self, arg: &OsStr) -> Result<Vec<u8>, Failure> {
        let text = arg.to_string_lossy();
        if text.parse::<AssetId>().is_ok() {
            return Ok(arg.as_bytes().to_vec());
        }
        let names_itself = text.split('/').next().is_some_and(|top| TOPS.contains(&top));
        let located = match mounts::locate_among(&self.mounts, Path::new(arg)) {
            Some((mount, _)) if mount.library != self.root => Err(failed(
                format!("{text} lies in a mount of another library, {}", mount.library.display()),
                "run one command per library; leave --library out to use the one that a PATH lies in",
            )),
            Some((mount, path)) => in_mount(mount, &path, &text),
            None => Err(not_found(
                format!("`{text}` is not in a mount of {}", self.root.display()),
                "a PATH is a path in a mount of the library, library/..., versions/..., trash/..., or an asset id",
            )),
        };
        match located {
            Err(e) if names_itself && e.kind == FailureKind::NotFound => Ok(arg.as_bytes().to_vec()),
            located => located,
        }
    }
}

fn in_mount(mount: &mounts::FuseMount, path: &Path, arg: &str) -> Result<Vec<u8>, Failure> {
    use rustix::io::Errno;
    let mut id = [0_u8; 64];
    let below = mounts::below(mount, path);
    match rustix::fs::getxattr(path, "user.dam.id", &mut id) {
        // Its path tells which version, too.
        Ok(_) if below.starts_with(b"versions/") => Ok(below.to_vec()),
        Ok(len) => {
            let id = id.get(..len).unwrap_or_default();
            Ok(id.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
        }
        // A folder, or a local file: the library says what it is.
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(below.to_vec()),
        // Not every asset is shown in each placement that it is meant for, nor has every version. The library says why.
        Err(Errno::NOENT) if below.starts_with(b"platforms/") || below.starts_with(b"versions/") => Ok(below.to_vec()),
        Err(Errno::NOENT | Errno::NOTDIR) => {
            Err(not_found(format!("no such file: {arg}"), "look with ls, or dam find"))
        }
        Err(Errno::NOTCONN) => Err(failed(
            format!("the mount at {} is dead", mount.mountpoint.display()),
            format!("take it down with: dam unmount {}", mount.mountpoint.display()),
        )),
        Err(Errno::ACCESS | Errno::PERM) => Err(Failure {
            kind: FailureKind::Refused,
            message: format!("{arg}: permission denied"),
            hint: Some("the mount answers for another member".to_owned()),
        }),
        Err(e) => Err(failed(format!("{arg}: {e}"), "look into .dam/errors of the mount")),
    }
}
