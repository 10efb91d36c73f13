//! Commands of a second user id, through the daemon's socket.

use std::fs;

use serde_json::Value;

use crate::harness::*;
use crate::users::*;

/// A library that serves two members at `shared`: root, and Eddy as a content creator of acme.
fn shared() -> Studio {
    let mut s = Studio::new();
    for (seed, client) in [(1, "acme"), (2, "globex")] {
        let from = s.path(client);
        fs::create_dir(&from).unwrap();
        fs::write(from.join(format!("{client}.png")), png(64, 64, seed)).unwrap();
        s.import(
            &from,
            &["--into", client, "--set", &format!("client={client}"), "--set", &format!("tag=of-{client}")],
        );
    }
    s.dam(["member", "add", "eddy", "--uid", &EDDY.to_string(), "--role", "content-creator", "--scope", "client=acme"]);
    s.mount("shared", &["--shared"]);
    s
}

#[test]
fn commands_of_another_user_obey_his_role() {
    let s = shared();
    let dam = format!("DAM_LIBRARY={} {}", s.library().display(), env!("CARGO_BIN_EXE_dam"));
    let eddy = |line: &str| code_as(EDDY, &format!("{dam} {line}"));
    assert_eq!(eddy("find kind=image"), (0, "library/acme/acme.png\n".into()));
    let (code, shown) = eddy("show --json library/acme/acme.png");
    assert_eq!(code, 0, "{shown}");
    let (code, said) = eddy("show library/globex/globex.png");
    assert_eq!(code, 3, "{said}");
    assert_eq!(eddy("set library/acme/acme.png rating=safe").0, 0);
    assert_eq!(eddy("set library/globex/globex.png rating=safe").0, 3);
    assert_eq!(eddy("tag add beach library/acme/acme.png").0, 0);
    let (code, said) = eddy("set library/acme/acme.png status.instagram=approved");
    assert_eq!(code, 4, "{said}");
    let (code, said) = eddy("fsck");
    assert!(code == 4 && !said.contains("dam why"), "{code} {said}");
    let (code, said) = eddy("why library/acme/acme.png");
    assert!(code == 0 && said.contains("eddy"), "{said}");
    assert_eq!(eddy("why library/acme/acme.png --as root").0, 4);
    assert_eq!(s.show("library/acme/acme.png")["tag"], serde_json::json!(["beach", "of-acme"]));
    let (code, said) = code_as(EVE, &format!("{dam} find kind=image"));
    assert_eq!(code, 4, "a stranger: {said}");
}

/// Regression: values that only hidden assets have looked different from values that nothing has.
#[test]
fn a_hidden_value_looks_like_an_unknown_one() {
    let s = shared();
    let dam = format!("DAM_LIBRARY={} {}", s.library().display(), env!("CARGO_BIN_EXE_dam"));
    let ask = |tag: &str| {
        let (code, said) = code_as(EDDY, &format!("{dam} find tag={tag}"));
        (code, said.replace(tag, "X"))
    };
    let hidden = ask("of-globex");
    assert_eq!(hidden, ask("of-glovex"));
    assert!(hidden.0 == 2 && hidden.1.contains("of-acme") && !hidden.1.contains("globex"), "{hidden:?}");
    let at = s.path("shared");
    for tag in ["of-globex", "of-glovex"] {
        let (ok, said) = as_user(EDDY, &format!("ls {}/find/tag={tag}", at.display()));
        assert!(!ok && said.contains("No such file"), "{said}");
    }
    assert!(at.join("find/tag=of-globex/globex.png").exists());
}

#[test]
fn a_shared_mount_shows_to_its_members_alone() {
    let s = shared();
    // Other tests mount and kill beside this one; what they leave is told on stderr.
    let dam = format!("{} status --json 2>/dev/null", env!("CARGO_BIN_EXE_dam"));
    let mine = |uid: u32| {
        let (code, said) = code_as(uid, &dam);
        assert_eq!(code, 0, "{said}");
        let status: Value = serde_json::from_str(&said).unwrap();
        let rows = status["mounts"].as_array().unwrap().clone();
        rows.into_iter().filter(|m| m["library"] == s.library().to_str().unwrap()).collect::<Vec<_>>()
    };
    let eddy = mine(EDDY);
    assert!(eddy.len() == 1 && eddy[0]["shared"] == true, "{eddy:?}");
    assert!(mine(EVE).is_empty());
    let library = s.library();
    fs::write(library.join("versions.toml"), "al = 1\n").unwrap();
    assert!(s.dam(["status", "--json"]).contains("unknown key `al`"));
    for uid in [EDDY, EVE] {
        let (code, said) = code_as(uid, &dam);
        assert!(code == 0 && !said.contains("unknown key"), "the library's rules are an admin's: {said}");
    }
    s.dam(["member", "set", "eddy", "--active", "false"]);
    assert!(mine(EDDY).is_empty());
    let (code, said) = s.dam_fails(["status", "--library", library.join("none").to_str().unwrap()]);
    assert_eq!(code, 3, "{said}");
}

/// The kernel has one cache of names for all who reach a mount.
#[test]
fn a_name_on_a_shared_mount_leads_each_to_his_own() {
    let mut s = Studio::new();
    for (seed, client) in [(1, "globex"), (2, "acme")] {
        let from = s.path(client);
        fs::create_dir(&from).unwrap();
        fs::write(from.join("a.png"), png(64, 64, seed)).unwrap();
        s.import(&from, &["--into", client, "--set", &format!("client={client}")]);
    }
    s.dam(["member", "add", "eddy", "--uid", &EDDY.to_string(), "--role", "content-creator", "--scope", "client=acme"]);
    s.mount("shared", &["--shared"]);
    let view = s.path("shared/find/kind=image");
    let sum = |path: String| sh(&format!("sha256sum < '{path}'"));
    let (globex, acme) =
        (sum(s.path("globex/a.png").display().to_string()), sum(s.path("acme/a.png").display().to_string()));
    let marked = s.show("library/acme/a.png")["view_name"].as_str().unwrap().to_owned();
    assert!(marked.starts_with("a ~"), "{marked}");
    for _ in 0..3 {
        assert_eq!(sum(format!("{}/a.png", view.display())), globex);
        assert_eq!(sum(format!("{}/{marked}", view.display())), acme);
        assert_eq!(code_as(EDDY, &format!("sha256sum < {}/a.png", view.display())), (0, acme.clone()));
        assert_eq!(code_as(EDDY, &format!("ls {}", view.display())), (0, "a.png\n".into()));
        assert_ne!(code_as(EDDY, &format!("cat '{}/{marked}'", view.display())).0, 0);
        assert_eq!(names(&view).len(), 2);
    }
}

/// The kernel leaves it to us, so that it need not ask for capabilities before every write.
#[test]
fn who_writes_takes_the_set_user_id_bits_away_and_root_does_not() {
    let s = shared();
    let file = s.path("shared/library/acme/acme.png");
    let (eddy, at) = (|line: &str| assert_eq!(code_as(EDDY, line).0, 0, "{line}"), file.display());
    let mode = || std::os::unix::fs::MetadataExt::mode(&fs::metadata(&file).unwrap()) & 0o7777;
    let set = |mode: u32| {
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        s.settle();
    };
    for line in ["printf x >> ", "truncate -s 5 ", "fallocate -l 9000 ", ": > "] {
        set(0o6777);
        eddy(&format!("{line}{at}"));
        assert_eq!(mode(), 0o777, "{line}");
    }
    set(0o6767);
    eddy(&format!("printf x >> {at}"));
    assert_eq!(mode(), 0o2767, "a bit that once meant a lock stays");
    set(0o6777);
    fs::write(&file, b"root may").unwrap();
    assert_eq!(mode(), 0o6777);
    std::os::unix::fs::chown(&file, Some(EDDY), None).unwrap();
    assert_eq!(mode(), 0o777, "another owner");
    fs::set_permissions(file.parent().unwrap(), std::os::unix::fs::PermissionsExt::from_mode(0o2775)).unwrap();
    std::os::unix::fs::chown(file.parent().unwrap(), None, Some(EDDY)).unwrap();
    let folder = std::os::unix::fs::MetadataExt::mode(&fs::metadata(file.parent().unwrap()).unwrap());
    assert_eq!(folder & 0o7777, 0o2775, "a folder's bit means something else");
}

/// A program of Eddy's that says when it has begun, and what it says in the end.
struct Watcher {
    ready: std::path::PathBuf,
    said: std::thread::JoinHandle<(bool, String)>,
}

/// Runs Python lines as Eddy: `ready()` tells that they have begun, `sys.argv[1]` is a folder that he may write to.
fn watcher(s: &Studio, lines: &str) -> Watcher {
    let room = s.path("room");
    fs::create_dir(&room).unwrap();
    set_mode(&room, 0o777);
    let script = room.join("watch.py");
    let head = "import ctypes, os, select, sys, time\nroom = sys.argv[1]\ndef ready(): open(room + '/ready', 'w')\n";
    fs::write(&script, format!("{head}{lines}")).unwrap();
    let ready = room.join("ready");
    let line = format!("python3 {} {}", script.display(), room.display());
    let watcher = Watcher { ready, said: std::thread::spawn(move || as_user(EDDY, &line)) };
    wait_until("the watcher has begun", || watcher.ready.exists() || watcher.said.is_finished());
    watcher
}

/// A stated limit: the kernel tells everyone who watches a directory of a shared mount the same.
#[test]
fn who_watches_a_shared_folder_is_told_hidden_names() {
    let s = shared();
    let folder = s.path("shared/library/acme");
    let watch = format!(
        "fd = ctypes.CDLL(None).inotify_init()\n\
         assert ctypes.CDLL(None).inotify_add_watch(fd, {folder:?}.encode(), 0x100) > 0\n\
         ready()\n\
         assert select.select([fd], [], [], 60)[0]\n\
         print(os.read(fd, 4096)[16:].rstrip(b'\\0').decode(), os.listdir({folder:?}))\n",
        folder = folder.to_str().unwrap()
    );
    let watcher = watcher(&s, &watch);
    fs::write(folder.join("hidden.png"), b"nobody's client").unwrap();
    let (ok, said) = watcher.said.join().unwrap();
    assert!(ok, "{said}");
    assert_eq!(said, "hidden.png ['acme.png']\n");
}

/// A stated limit: what another member reads of the same file lies in the one page cache of a shared mount.
#[test]
fn a_withdrawn_right_ends_but_for_pages_that_another_brings_in() {
    let s = shared();
    let file = s.path("shared/library/acme/acme.png");
    let lines = format!(
        "f = os.open({file:?}, os.O_RDONLY); assert os.pread(f, 4, 0)\n\
         def read():\n\
         \x20   try: return os.pread(f, 4, 0)\n\
         \x20   except OSError as e: return e.errno\n\
         ready()\n\
         while not os.path.exists(room + '/withdrawn'): time.sleep(0.05)\n\
         alone = read(); open(room + '/alone', 'w')\n\
         while not os.path.exists(room + '/read'): time.sleep(0.05)\n\
         print(alone, read())\n",
        file = file.to_str().unwrap()
    );
    let watcher = watcher(&s, &lines);
    s.dam(["member", "set", "eddy", "--scope", "client=other"]);
    fs::write(s.path("room/withdrawn"), b"").unwrap();
    wait_until("he has tried alone", || s.path("room/alone").exists() || watcher.said.is_finished());
    let mut open = fs::File::open(&file).unwrap();
    std::io::Read::read_exact(&mut open, &mut [0; 4]).unwrap();
    fs::write(s.path("room/read"), b"").unwrap();
    let (ok, said) = watcher.said.join().unwrap();
    assert!(ok, "{said}");
    assert_eq!(said, format!("{} b'\\x89PNG'\n", libc::EACCES));
}

/// The kernel's word for who asked: the name of the program.
#[test]
fn the_log_tells_which_program_opened_what() {
    let s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("a.png"), png(1200, 1600, 1)).unwrap();
    s.import(&from, &["--into", "luna", "--set", "rating=safe"]);
    s.dam(["set", "library/luna/a.png", "status.instagram=approved"]);
    sh(&format!(
        "cat {0} > /dev/null; cat {0} > /dev/null; md5sum {1}",
        s.mnt("library/luna/a.png").display(),
        s.mnt("platforms/instagram/post_square/a.jpg").display()
    ));
    let rows = || -> Vec<Value> {
        let told = s.dam(["log", "--reads", "--json"]);
        serde_json::from_str::<Value>(&told).unwrap()["rows"].as_array().unwrap().clone()
    };
    let by = |what: &str, program: &str| {
        rows().iter().filter(|row| row["what"] == what && row["detail"]["program"] == program).count()
    };
    wait_until("the openings are on record", || by("read.file", "cat") > 0 && by("read.export", "md5sum") == 1);
    let row = rows().into_iter().find(|row| row["what"] == "read.export").unwrap();
    assert_eq!(
        (&row["path"], &row["detail"]["place"]),
        (&"library/luna/a.png".into(), &"instagram/post_square".into())
    );
    assert_eq!(row["detail"]["version"], 1);
}
