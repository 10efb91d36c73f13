//! Mounting and unmounting: what goes wrong says what to do.

use std::fs;

use crate::harness::*;
use crate::users::*;

#[test]
fn a_library_is_mounted_once_for_each_member() {
    let mut s = Studio::mounted();
    let other = s.path("other");
    fs::create_dir(&other).unwrap();
    let (code, said) = s.dam_fails(["mount", s.library().to_str().unwrap(), other.to_str().unwrap()]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("mounted already") && said.contains("mnt"), "{said}");
    s.dam(["member", "add", "rita", "--role", "client-reviewer"]);
    s.mount("rita", &["--as", "rita"]);
    let status: serde_json::Value = serde_json::from_str(&s.dam(["status", "--json"])).unwrap();
    let mine: Vec<_> =
        status["mounts"].as_array().unwrap().iter().filter(|m| m["library"] == s.library().to_str().unwrap()).collect();
    assert_eq!(mine.len(), 2);
    assert!(mine.iter().any(|m| m["member"] == "rita"));
    s.unmount();
    assert!(!s.mnt("library").exists());
}

#[test]
fn bad_mountpoints_and_keys_are_told_apart() {
    let mut s = Studio::new();
    let library = s.library();
    let lib = library.to_str().unwrap();
    let missing = s.path("missing");
    let (code, said) = s.dam_fails(["mount", lib, missing.to_str().unwrap()]);
    assert!(code != 0 && said.contains("missing") && said.contains("mkdir"), "{said}");
    let full = s.path("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("x"), b"x").unwrap();
    let (code, said) = s.dam_fails(["mount", lib, full.to_str().unwrap()]);
    assert!(code != 0 && said.contains("not empty"), "{said}");
    let empty = s.path("empty");
    fs::create_dir(&empty).unwrap();
    let (code, said) = s.dam_fails(["mount", "--key-file", "/nonexistent.key", lib, empty.to_str().unwrap()]);
    assert!(code != 0 && said.contains("key"), "{said}");
    let other = Studio::new();
    let key = sh(&format!("find {} -name '*.key'", other.dir.path().display()));
    let (code, said) = s.dam_fails(["mount", "--key-file", key.trim(), lib, empty.to_str().unwrap()]);
    assert!(code != 0 && said.contains("key"), "{said}");
    let (code, said) = s.dam_fails(["mount", s.path("in").to_str().unwrap(), empty.to_str().unwrap()]);
    assert!(code != 0 && said.contains("not a damfs library"), "{said}");
    s.mount("mnt", &[]);
    let (code, said) = s.dam_fails(["mount", other.library().to_str().unwrap(), s.mnt("").to_str().unwrap()]);
    assert!(code != 0 && (said.contains("busy") || said.contains("mounted")), "{said}");
}

#[test]
fn commands_work_while_mounted_and_when_not() {
    let mut s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    s.settle();
    s.dam(["tag", "add", "beach", s.mnt("library/a.png").to_str().unwrap()]);
    assert_eq!(s.find("tag=beach"), ["library/a.png"]);
    s.unmount();
    assert_eq!(s.find("tag=beach"), ["library/a.png"]);
    s.dam(["tag", "remove", "beach", "library/a.png"]);
    assert_eq!(s.find("tag=none"), ["library/a.png"]);
}

/// Regression: the daemon still had the library's lock for a moment after its last mount was gone.
#[test]
fn unmounting_and_mounting_again_at_once_works() {
    let mut s = Studio::mounted();
    for i in 0..8u8 {
        fs::write(s.mnt(format!("library/{i}.png")), png(64, 64, i)).unwrap();
        s.remount();
    }
    assert_eq!(names(&s.mnt("library")).len(), 8);
}

/// Regression: the daemon, which works in another folder, was given the key's path as it was typed.
#[test]
fn a_key_file_is_named_relative_to_where_one_stands() {
    let s = Studio::new();
    let key = sh(&format!("find {} -name '*.key'", s.dir.path().display()));
    fs::rename(key.trim(), s.path("my.key")).unwrap();
    let mnt = s.path("mnt");
    fs::create_dir(&mnt).unwrap();
    let library = s.library();
    let here = |args: &[&str], variable: &str| {
        let mut command = s.command(args);
        command.args([library.as_os_str(), mnt.as_os_str()]).current_dir(s.dir.path()).env("DAM_KEY_FILE", variable);
        let out = command.output().unwrap();
        (out.status.code(), text(&out))
    };
    let (code, said) = here(&["mount"], "");
    assert!(code == Some(1) && said.contains("its place is"), "{code:?} {said}");
    for (args, variable) in [(&["mount", "--key-file", "my.key"][..], ""), (&["mount"][..], "my.key")] {
        let (code, said) = here(args, variable);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        let (code, said) = s.dam_fails(["unmount".as_ref(), mnt.as_os_str()]);
        assert_eq!(code, 0, "{said}");
    }
}

/// Regression: the second waited for the library until it gave up.
#[test]
fn two_mounts_started_together_are_both_served() {
    let s = Studio::new();
    s.dam(["member", "add", "rita", "--role", "backup"]);
    let library = s.library();
    let started: Vec<_> = [("mnt", None), ("rita", Some("rita"))]
        .into_iter()
        .map(|(name, member)| {
            fs::create_dir(s.path(name)).unwrap();
            let mut command = s.command(["mount"]);
            command.args([library.clone(), s.path(name)]);
            if let Some(member) = member {
                command.args(["--as", member]);
            }
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in started {
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", text(&out));
    }
    for name in ["mnt", "rita"] {
        assert!(s.path(name).join("library").exists(), "{name}");
        s.dam(["unmount".as_ref(), s.path(name).as_os_str()]);
    }
}

#[test]
fn the_wrong_user_is_refused_as_everywhere_and_leaves_nothing_behind() {
    let s = Studio::new();
    let library = s.library();
    let own = s.path("own");
    fs::create_dir(&own).unwrap();
    sh(&format!("chown {EDDY} {}", own.display()));
    let dam = env!("CARGO_BIN_EXE_dam");
    let find = code_as(EDDY, &format!("{dam} find kind=image --library {}", library.display()));
    assert!(find.0 == 4 && find.1.contains("no permission to open"), "{find:?}");
    let mount = code_as(EDDY, &format!("{dam} mount {} {}", library.display(), own.display()));
    assert_eq!(mount, find);
}

/// Regression: what root was refused left a lock of root's behind, which shut the owner out.
#[test]
fn what_root_makes_in_a_library_belongs_to_its_owner() {
    use std::os::unix::fs::MetadataExt;
    let s = Studio::new();
    let library = s.library();
    sh(&format!("chown -R {EDDY}:{EDDY} {0} && rm -r {0}/run", library.display()));
    s.find("kind=image");
    let not_his = sh(&format!("find {} ! -user {EDDY}", library.display()));
    assert_eq!(not_his, "");
    assert!(library.join("run/lock").exists());
    assert_eq!(fs::metadata(library.join("run")).unwrap().mode() & 0o777, 0o711);
}

#[test]
fn the_daemons_log_does_not_grow_for_ever() {
    let mut s = Studio::new();
    let log = s.library().join("run/mountd.log");
    fs::write(&log, "an old line\n".repeat(400_000)).unwrap();
    s.mount("mnt", &[]);
    assert!(fs::metadata(&log).unwrap().len() < 1 << 20);
    assert!(fs::metadata(log.with_extension("log.1")).unwrap().len() > 4 << 20);
}

#[test]
fn without_the_device_that_is_what_is_said() {
    let s = Studio::new();
    fs::create_dir(s.path("mnt")).unwrap();
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "sh", "-c", "mount -t tmpfs none /dev && exec \"$@\"", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_dam")).arg("mount").args([s.library(), s.path("mnt")]).env("HOME", s.dir.path());
    let out = command.output().unwrap();
    let said = text(&out);
    assert!(
        out.status.code() == Some(1) && said.contains("/dev/fuse is missing") && said.contains("modprobe"),
        "{said}"
    );
}

/// Regression: the log lies on the library's disk; when that was full, the logger's own complaint panicked and ended the daemon.
#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let s = Studio::new();
    fs::create_dir(s.path("mnt")).unwrap();
    let key = sh(&format!("find {} -name '*.key'", s.dir.path().display()));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut daemon =
        std::process::Command::new(std::path::Path::new(env!("CARGO_BIN_EXE_dam")).with_file_name("dam-mountd"))
            .arg("--library")
            .arg(s.library())
            .args(["--key-file", key.trim(), "--mountpoint"])
            .arg(s.path("mnt"))
            .env("DAM_LOG", "trace")
            .stderr(full)
            .spawn()
            .unwrap();
    wait_until("it is mounted", || s.mnt("library").exists());
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    s.settle();
    assert_eq!(fs::read(s.mnt("library/a.png")).unwrap(), png(64, 64, 1));
    assert!(daemon.try_wait().unwrap().is_none(), "the daemon is there");
    s.dam(["unmount".as_ref(), s.path("mnt").as_os_str()]);
    assert!(daemon.wait().unwrap().success());
}

#[test]
fn status_tells_an_admin_of_rules_that_cannot_be_read() {
    let s = Studio::mounted();
    let library = s.library();
    let faults = |said: &str| {
        let status: serde_json::Value = serde_json::from_str(said).unwrap();
        let faults = status["faults"].as_array().unwrap().clone();
        faults.into_iter().filter(|f| f["library"] == library.to_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(faults(&s.dam(["status", "--json"])).len(), 0);
    fs::write(library.join("versions.toml"), "newest = 1\nal = \"none\"\n").unwrap();
    let told = faults(&s.dam(["status", "--json"]));
    let said = "versions.toml line 2: unknown key `al`; did you mean `all`?";
    assert!(told[0]["fault"].as_str().unwrap().starts_with(said), "{told:?}");
    let (code, words) = s.dam_fails(["status", "--library", library.to_str().unwrap()]);
    assert!(code == 0 && words.contains(said) && words.contains("until it is mended"), "{words}");
    fs::remove_file(library.join("versions.toml")).unwrap();
    assert_eq!(faults(&s.dam(["status", "--json"])).len(), 0);
    fs::write(library.join("glossary.toml"), "[tag.x]\nalias = []\n").unwrap();
    wait_until("the mistake is seen", || s.dam(["status", "--json"]).contains("glossary.toml line 2"));
    fs::write(library.join("glossary.toml"), "[tag.x]\n").unwrap();
    wait_until("it is mended", || faults(&s.dam(["status", "--json"])).is_empty());
}

#[test]
fn the_heads_of_the_log_are_told_at_the_beginning_and_the_end() {
    let mut s = Studio::new();
    let info = s.library().join("damfs.toml");
    let heads = s.path("heads");
    let said = fs::read_to_string(&info).unwrap();
    fs::write(&info, format!("{said}audit_heads = {:?}\n", heads.to_str().unwrap())).unwrap();
    s.mount("mnt", &[]);
    let text = || fs::read_to_string(&heads).unwrap_or_default();
    let lines = || text().lines().filter(|line| !line.is_empty()).count();
    wait_until("the first words", || lines() > 0);
    let first = lines();
    fs::write(s.mnt("library/a.png"), png(64, 64, 1)).unwrap();
    s.settle();
    s.unmount();
    wait_until("the last words", || lines() > first);
    let verified: serde_json::Value = serde_json::from_str(&s.dam(["log", "verify", "--json"])).unwrap();
    assert_eq!((&verified["faults"], verified["heads"].as_u64()), (&serde_json::json!([]), Some(lines() as u64)));
    fs::remove_file(&heads).unwrap();
    fs::create_dir(&heads).unwrap();
    s.mount("mnt", &[]);
    wait_until("the fault is told", || s.dam(["status", "--json"]).contains("cannot be written"));
}
