//! A second user id sees no name, size, attribute or byte that it may not, on a personal and on a shared mount.

use std::fs;
use std::path::Path;

use crate::harness::*;
use crate::users::*;

fn studio() -> Studio {
    let s = Studio::new();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("acme.png"), png(64, 64, 1)).unwrap();
    s.import(&from, &["--into", "acme", "--set", "client=acme", "--set", "tag=beach"]);
    fs::write(from.join("acme.png"), png(64, 64, 2)).unwrap();
    fs::rename(from.join("acme.png"), from.join("secret.png")).unwrap();
    s.import(
        &from,
        &["--into", "globex", "--set", "client=globex", "--set", "tag=hidden-tag", "--set", "persona=nova"],
    );
    s.dam(["member", "add", "eddy", "--uid", &EDDY.to_string(), "--role", "editor", "--scope", "client=acme"]);
    s
}

#[test]
fn on_a_shared_mount_each_user_sees_his_own() {
    let mut s = studio();
    let at = s.mount("shared", &["--shared"]);
    let m = at.display();
    assert!(
        fs::read(at.join("library/globex/secret.png")).is_ok(),
        "the admin sees everything, and primes every cache"
    );
    sh(&format!("find {m}/library {m}/by -ls > /dev/null"));
    for line in [
        format!("cat {m}/library/globex/secret.png"),
        format!("stat {m}/library/globex/secret.png"),
        format!("stat {m}/library/globex"),
        format!("stat {m}/by/client/globex"),
        format!("stat {m}/by/persona/nova"),
        format!("stat {m}/by/tag/hidden-tag"),
        format!("getfattr -d {m}/library/globex/secret.png"),
        format!("stat {m}/find/tag=hidden-tag/secret.png"),
        format!("stat {m}/versions/globex/secret.png"),
        format!("stat {m}/records/globex/secret.png.json"),
    ] {
        let (ok, said) = as_user(EDDY, &line);
        assert!(!ok && said.contains("No such file"), "{line}: {said}");
    }
    let (_, said) = as_user(EDDY, &format!("find {m}"));
    assert!(said.contains("acme.png"), "{said}");
    for hidden in ["secret", "globex", "nova", "hidden-tag"] {
        assert!(!said.contains(hidden), "{hidden} leaks: {said}");
    }
    let (ok, _) = as_user(EDDY, &format!("cat {m}/library/acme/acme.png > /dev/null"));
    assert!(ok, "what is his he reads");
    let (ok, said) = as_user(EVE, &format!("ls {m}/library"));
    assert!(!ok, "a stranger gets nothing: {said}");
    // The other way round: what he was denied is still there for the admin.
    assert!(fs::read(at.join("library/globex/secret.png")).is_ok());
}

#[test]
fn a_personal_mount_answers_its_member_and_reaches_nobody_else() {
    let mut s = studio();
    s.mount("mnt", &[]);
    let dam = env!("CARGO_BIN_EXE_dam");
    reachable(Path::new(dam));
    let own = own_mount(&mut s, EDDY, "eddy");
    let (ok, said) = as_user(EDDY, &format!("find {}", own.display()));
    assert!(ok && said.contains("acme.png") && !said.contains("secret") && !said.contains("globex"), "{said}");
    let root = try_sh(&format!("ls {}", own.display()));
    assert!(!root.0, "the kernel keeps root out: {}", root.1);
    let (ok, said) = as_user(EVE, &format!("ls {}", own.display()));
    assert!(!ok, "and every other user: {said}");
    let (ok, said) = as_user(EDDY, &format!("ls {}", s.mnt("").display()));
    assert!(!ok, "he does not reach the admin's mount: {said}");
    let (ok, said) = as_user(EDDY, &format!("{dam} unmount {}", own.display()));
    assert!(ok, "{said}");
}

#[test]
fn a_reviewer_changes_nothing() {
    let mut s = studio();
    s.mount("mnt", &[]);
    s.dam(["member", "add", "rita", "--role", "client-reviewer"]);
    let at = s.mount("rita", &["--as", "rita"]);
    assert!(!at.join("library/acme/acme.png").exists(), "nothing is approved yet");
    s.dam(["set", "library/acme/acme.png", "status.instagram=approved"]);
    wait_until("the approved one is listed", || at.join("library/acme/acme.png").exists());
    let e = fs::write(at.join("library/acme/acme.png"), b"x").unwrap_err();
    assert_eq!(e.raw_os_error(), Some(libc::EACCES));
    let (_, why) = s.dam_fails(["why", "library/acme/acme.png", "--as", "rita"]);
    assert!(why.contains("client-reviewer"), "{why}");
    assert!(!at.join("library/globex/secret.png").exists());
    let audit = sh(&format!("grep -c . {} || true", at.join(".dam/errors").display()));
    assert_ne!(audit.trim(), "0", "the refusal has its sentence");
}

#[test]
fn an_editor_saves_but_does_not_delete() {
    let mut s = studio();
    s.mount("mnt", &[]);
    s.dam(["member", "add", "ed", "--role", "editor"]);
    let at = s.mount("ed", &["--as", "ed"]);
    let id = s.id("library/acme/acme.png");
    let name = |n: &str| at.join("library/acme").join(n);
    // As most editors do: a scratch file, renamed over the old one.
    fs::write(name(".goutputstream-A1B2C3"), png(64, 64, 9)).unwrap();
    fs::rename(name(".goutputstream-A1B2C3"), name("acme.png")).unwrap();
    s.settle();
    assert_eq!(s.versions("library/acme/acme.png"), 2);
    // As vim does: the old one aside, a new one under its name, the old one removed.
    fs::rename(name("acme.png"), name("acme.png~")).unwrap();
    fs::write(name("acme.png"), png(64, 64, 10)).unwrap();
    fs::remove_file(name("acme.png~")).unwrap();
    s.settle();
    assert_eq!((s.id("library/acme/acme.png"), s.versions("library/acme/acme.png")), (id.clone(), 3));
    // What he removes and does not write anew is put back when the tunnel ends.
    let _ = fs::remove_file(name("acme.png"));
    wait_until("the removed one is back", || name("acme.png").exists());
    assert_eq!(s.id("library/acme/acme.png"), id);
    assert!(names(&s.mnt("trash")).iter().all(|n| n.starts_with('.')), "nothing went to the trash");
}

#[test]
fn revoking_ends_open_handles() {
    use std::os::unix::fs::FileExt;
    let mut s = studio();
    s.mount("mnt", &[]);
    s.dam(["member", "add", "bea", "--role", "backup"]);
    s.dam(["member", "add", "ed", "--role", "editor", "--scope", "client=acme"]);
    let (bea, ed) = (s.mount("bea", &["--as", "bea"]), s.mount("ed", &["--as", "ed"]));
    let (read, record) = (bea.join("library/acme/acme.png"), bea.join("records/acme/acme.png.json"));
    let (read, record) = (fs::File::open(read).unwrap(), fs::File::open(record).unwrap());
    let write = fs::File::options().read(true).write(true).open(ed.join("library/acme/acme.png")).unwrap();
    let before = fs::read(s.mnt("library/acme/acme.png")).unwrap();
    let mut buf = vec![0u8; before.len()];
    for file in [&read, &write] {
        file.read_exact_at(&mut buf, 0).unwrap();
        assert_eq!(buf, before, "the kernel has all of its pages now");
    }
    s.dam(["member", "set", "bea", "--active", "false"]);
    s.dam(["member", "set", "ed", "--scope", "client=other"]);
    for file in [&read, &record, &write] {
        assert_eq!(file.read_at(&mut buf, 0).unwrap_err().raw_os_error(), Some(libc::EACCES), "{file:?}");
    }
    assert!(write.write_at(b"x", 0).is_err());
    assert!(write.set_len(1).is_err());
    // `fallocate --punch-hole` on the descriptor that is open here.
    let fd = std::os::fd::AsRawFd::as_raw_fd(&write);
    let (ok, said) =
        try_sh(&format!("fallocate --punch-hole --offset 0 --length 4096 /proc/{}/fd/{fd}", std::process::id()));
    assert!(!ok, "{said}");
    assert_eq!(fs::read(s.mnt("library/acme/acme.png")).unwrap(), before);
    assert!(fs::File::open(bea.join("library/acme/acme.png")).is_err(), "no new open");
}

/// Makes the built program reachable for other users: the folders above it must be searchable.
fn reachable(path: &Path) {
    for dir in path.ancestors().skip(1).filter(|d| !d.as_os_str().is_empty()) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(dir).unwrap().permissions());
        assert!(
            mode & 0o001 != 0,
            "{} is closed to other users: run the tests from a folder they can reach",
            dir.display()
        );
    }
}
