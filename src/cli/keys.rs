//! Where keys live: one file per library under the user's config folder, never inside a library.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Failure, failed};

/// `$XDG_CONFIG_HOME/damfs`, or `~/.config/damfs`.
pub fn folder() -> Result<PathBuf, Failure> {
    let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(config) = set("XDG_CONFIG_HOME").filter(|p| p.is_absolute()) {
        return Ok(config.join("damfs"));
    }
    set("HOME")
        .map(|home| home.join(".config/damfs"))
        .ok_or_else(|| failed("there is no HOME to find the key in", "name the key with --key-file FILE"))
}

/// The key file of a library: the one given, else `<id>.key` in the folder, if it is there.
pub fn find(given: Option<&Path>, root: &Path) -> Option<PathBuf> {
    if let Some(path) = given {
        return Some(path.to_owned());
    }
    let id = library_id(root)?;
    let path = folder().ok()?.join(format!("{id}.key"));
    path.exists().then_some(path)
}

/// The id in a library's `damfs.toml`.
pub fn library_id(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("damfs.toml")).ok()?;
    let table: toml::Table = text.parse().ok()?;
    let id = table.get("id").or_else(|| table.get("library").and_then(|l| l.get("id")))?;
    Some(id.as_str()?.to_owned())
}
