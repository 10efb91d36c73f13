//! Imports that need another user or a mount.

use std::fs;

use crate::harness::*;
use crate::users::*;

/// Root may read everything, so somebody else imports.
#[test]
fn a_file_that_may_not_be_read_is_refused_and_the_rest_goes_on() {
    let dir = tempfile::Builder::new().prefix("damfs-test-").tempdir().unwrap();
    let home = dir.path().join("home");
    set_mode(dir.path(), 0o755);
    fs::create_dir_all(home.join("in/shut")).unwrap();
    fs::write(home.join("in/a.png"), png(8, 8, 1)).unwrap();
    fs::write(home.join("in/b.png"), png(8, 8, 2)).unwrap();
    fs::write(home.join("in/shut/c.png"), png(8, 8, 3)).unwrap();
    set_mode(&home.join("in/b.png"), 0o000);
    set_mode(&home.join("in/shut"), 0o000);
    sh(&format!("chown -R {EDDY}:{EDDY} {}", home.display()));
    let dam = format!("cd {0} && export HOME={0} && {1}", home.display(), env!("CARGO_BIN_EXE_dam"));
    let (code, said) = code_as(EDDY, &format!("{dam} init studio"));
    assert_eq!(code, 0, "{said}");
    let (code, said) = code_as(EDDY, &format!("{dam} import in --into x --library studio"));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("imported 1, already there 0, refused 2"), "{said}");
    for name in ["b.png", "shut"] {
        assert!(said.lines().any(|l| l.contains(name) && l.contains("cannot be read")), "{said}");
    }
    // Exit 1 of a key that may not be read names the key, and nobody to serve it.
    sh(&format!("chown -R 0 {}/.config && chmod -R go= {0}/.config/damfs/*", home.display()));
    let (code, said) = code_as(EDDY, &format!("{dam} find kind=image --library studio"));
    assert!(code == 1 && said.contains("key file") && !said.contains("dam mount"), "{code} {said}");
}

#[test]
fn a_library_is_not_made_in_a_mount() {
    let s = Studio::mounted();
    let inside = s.mnt("library/studio");
    let (code, said) = s.dam_fails(["init".as_ref(), inside.as_os_str()]);
    assert!(code == 2 && said.contains("in the mount of"), "{code} {said}");
    assert!(!inside.exists());
}
