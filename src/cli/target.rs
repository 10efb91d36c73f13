//! What a PATH argument means to the library: a path as a mount shows it (`library/...`) or an asset id. A file in any mount says its id
//! itself.

use std::path::Path;

use super::{Failure, failed, mounts, not_found};
use crate::ops::proto::FailureKind;
use crate::types::AssetId;

/// The directories of a mount below which a path means the same wherever one stands, also within a mount.
const TOPS: [&str; 4] = ["library", "platforms", "versions", "trash"];

/// The target of one argument.
pub fn resolve(root: &Path, arg: &str) -> Result<String, Failure> {
    if arg.parse::<AssetId>().is_ok() {
        return Ok(arg.to_owned());
    }
    let names_itself = arg.split('/').next().is_some_and(|top| TOPS.contains(&top));
    let located = match mounts::locate(Path::new(arg)) {
        Some((mount, _)) if mount.library != root => Err(failed(
            format!("{arg} lies in a mount of another library, {}", mount.library.display()),
            "run one command per library; leave --library out to use the one that a PATH lies in",
        )),
        Some((mount, path)) => in_mount(&mount, &path, arg),
        None => Err(not_found(
            format!("`{arg}` is not in a mount of {}", root.display()),
            "a PATH is a path in a mount of the library, library/..., versions/..., trash/..., or an asset id",
        )),
    };
    match located {
        Err(e) if names_itself && e.kind == FailureKind::NotFound => Ok(arg.to_owned()),
        located => located,
    }
}

/// The targets of several arguments.
pub fn resolve_all(root: &Path, args: &[String]) -> Result<Vec<String>, Failure> {
    args.iter().map(|arg| resolve(root, arg)).collect()
}

fn in_mount(mount: &mounts::FuseMount, path: &Path, arg: &str) -> Result<String, Failure> {
    use rustix::io::Errno;
    let mut id = [0_u8; 64];
    let below = mounts::below(mount, path);
    match rustix::fs::getxattr(path, "user.dam.id", &mut id) {
        // Its path tells which version, too.
        Ok(_) if below.starts_with("versions/") => Ok(below),
        Ok(len) => {
            let text = id.get(..len).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            Ok(text.trim_end_matches('\0').to_owned())
        }
        // A folder, or a local file: the library says what it is.
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(below),
        // Not every asset is shown in each placement that it is meant for, nor has every version. The library says why.
        Err(Errno::NOENT) if below.starts_with("platforms/") || below.starts_with("versions/") => Ok(below),
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
