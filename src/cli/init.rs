//! `dam init`: makes a library and its key.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::args::{Global, InitArgs};
use super::{Done, Failure, backend, failed, keys, mounts, print, usage};
use crate::ops::{KeyChoice, Library, OpenError};

/// Makes the library.
pub fn run(global: &Global, args: &InitArgs) -> Done {
    let root = mounts::absolute(&args.root);
    let uid = backend::caller().uid;
    let admin = user_name(uid);
    alone(&root)?;
    if args.no_encryption {
        let made = Library::create(&root, KeyChoice::Plain, (&admin, uid), &backend::clock(), &backend::entropy());
        let made = made.map_err(|e| backend::explain(&e, &root))?;
        return report(global, &root, &made.id, None, &admin);
    }
    let (key, id) = match keys::given(global) {
        Some(file) => {
            outside(&root, &file)?;
            make_parent(&file)?;
            let id = create(&root, &file, &admin, uid)?;
            (file, id)
        }
        None => {
            let folder = keys::folder()?;
            outside(&root, &folder)?;
            // The key is named after the library's id, which is not known before there is a library.
            let fresh = folder.join(format!("new-{}.key", std::process::id()));
            make_parent(&fresh)?;
            let id = create(&root, &fresh, &admin, uid)?;
            let file = folder.join(format!("{id}.key"));
            fs::rename(&fresh, &file).map_err(|e| {
                failed(
                    format!("cannot name the key {}: {e}", file.display()),
                    format!("the key is {}; use it with --key-file", fresh.display()),
                )
            })?;
            (file, id)
        }
    };
    report(global, &root, &id, Some(&key), &admin)
}

fn create(root: &Path, key: &Path, admin: &str, uid: u32) -> Result<String, Failure> {
    if key.exists() {
        return Err(failed(
            format!("the key file {} exists already", key.display()),
            "name a new file; an old key is never overwritten",
        ));
    }
    let made = Library::create(root, KeyChoice::File(key), (admin, uid), &backend::clock(), &backend::entropy());
    match made {
        Ok(made) => Ok(made.id),
        Err(e) => {
            if !matches!(e, OpenError::Exists { .. } | OpenError::NotEmpty { .. }) {
                // A key without a library opens nothing.
                let _ = fs::remove_file(key);
            }
            Err(backend::explain(&e, root))
        }
    }
}

/// A library inside another would be filed, backed up and guarded by it, too; one inside a mount would be files of that library.
fn alone(root: &Path) -> Result<(), Failure> {
    let Some(there) = root.ancestors().find_map(|path| path.canonicalize().ok()) else { return Ok(()) };
    if let Some((mount, _)) = mounts::locate(&there) {
        return Err(usage(
            format!("{} lies in the mount of {}", root.display(), mount.library.display()),
            "choose a folder outside of every mount",
        ));
    }
    let itself = backend::canonical(root);
    match there.ancestors().find(|above| *above != itself && above.join("damfs.toml").is_file()) {
        Some(above) => Err(usage(
            format!("{} lies inside the library {}", root.display(), above.display()),
            "choose a folder outside of every library",
        )),
        None => Ok(()),
    }
}

/// A key inside the library would be copied with every backup of it.
fn outside(root: &Path, key: &Path) -> Result<(), Failure> {
    if key.starts_with(root) || backend::canonical(key).starts_with(backend::canonical(root)) {
        return Err(usage(
            format!("the key {} would lie inside the library", key.display()),
            "a key beside its data protects nothing; choose a place outside",
        ));
    }
    Ok(())
}

fn make_parent(file: &Path) -> Result<(), Failure> {
    let Some(parent) = file.parent().filter(|p| !p.as_os_str().is_empty()) else { return Ok(()) };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(|e| {
        failed(format!("cannot make the folder {}: {e}", parent.display()), "name another place with --key-file FILE")
    })
}

fn report(global: &Global, root: &Path, id: &str, key: Option<&Path>, admin: &str) -> Done {
    if global.json {
        let key = key.map(|k| k.display().to_string());
        let root = root.display().to_string();
        print::json(&json!({ "library": root, "id": id, "key_file": key, "sealed": key.is_some(), "admin": admin }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print::line(&format!("made the library {} (admin: {admin})", root.display()))?;
    match key {
        Some(key) => print::line(&format!(
            "its key is {}\n\
            Whoever loses this key loses the library's files: no version of any can be read without it. Keep a copy elsewhere.\n\
            The bytes of files are sealed; the catalogue (names, tags, prompts, the audit log) is not encrypted.",
            key.display()
        ))?,
        None => print::line("it is not sealed: whoever reads the disk reads the files")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The name of a user id: the system's, else the environment's, else a number.
pub fn user_name(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.or_else(|| std::env::var("USER").ok().filter(|u| !u.is_empty())).unwrap_or_else(|| format!("uid{uid}"))
}
