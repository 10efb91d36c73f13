//! Where keys live: one file per library under the user's config folder, never inside a library.

use std::path::{Path, PathBuf};

use super::args::Global;
use super::{Failure, environment, failed, mounts};
use crate::ops::Library;

/// `$XDG_CONFIG_HOME/damfs`, or `~/.config/damfs`.
pub fn folder() -> Result<PathBuf, Failure> {
    if let Some(config) = environment("XDG_CONFIG_HOME").filter(|p| p.is_absolute()) {
        return Ok(config.join("damfs"));
    }
    environment("HOME")
        .map(|home| home.join(".config/damfs"))
        .ok_or_else(|| failed("there is no HOME to find the key in", "name the key with --key-file FILE"))
}

/// The key file that was named: `--key-file`, else `DAM_KEY_FILE`. Absolute, for a daemon works in another folder.
pub fn given(global: &Global) -> Option<PathBuf> {
    let named = global.key_file.clone().filter(|p| !p.as_os_str().is_empty());
    named.or_else(|| environment("DAM_KEY_FILE")).map(|path| mounts::absolute(&path))
}

/// The key file of a library: the one named, else `<id>.key` in the folder, if it is there.
pub fn find(global: &Global, root: &Path) -> Option<PathBuf> {
    if let Some(path) = given(global) {
        return Some(path);
    }
    let id = library_id(root)?;
    let path = folder().ok()?.join(format!("{id}.key"));
    path.exists().then_some(path)
}

/// Where a library's key is looked for, for people.
pub fn place(root: &Path) -> String {
    match (folder(), library_id(root)) {
        (Ok(folder), Some(id)) => folder.join(format!("{id}.key")).display().to_string(),
        _ => "the config folder of who made it".to_owned(),
    }
}

/// The id in a library's `damfs.toml`.
pub fn library_id(root: &Path) -> Option<String> {
    Library::info_of(root).ok().map(|info| info.id)
}
