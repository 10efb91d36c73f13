//! The leak suite: a second and a third real user id try every way to everything that they may not know, on a shared mount and on personal ones,
//! before, while and after the owner's own access has warmed every cache. Each try ends in ENOENT or EACCES, and a denial is on record once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::harness::*;
use crate::users::*;

/// May read what is acme's and do nothing else.
const BEA: u32 = 47_103;

/// A library with what eddy may see (acme's) and what he may not (globex's): a file with two versions, an export of it, one in the trash, a word,
/// and a folder.
fn studio() -> Studio {
    let s = Studio::new();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for (client, seed, name) in [("acme", 1, "acme.png"), ("globex", 2, "secret.png"), ("globex", 3, "gone.png")] {
        fs::write(from.join(name), png(1200, 1200, seed)).unwrap();
        let set = [format!("client={client}"), format!("tag=of-{client}"), format!("persona={client}-face")];
        let set: Vec<&str> = set.iter().flat_map(|value| ["--set", value]).collect();
        s.import(&from, &[&["--into", client, "--set", "rating=safe"], &set[..]].concat());
        fs::remove_file(from.join(name)).unwrap();
    }
    s.dam(["set", "library/globex/secret.png", "library/acme/acme.png", "status.instagram=approved"]);
    for (name, uid, role) in [("eddy", EDDY, "editor"), ("bea", BEA, "backup")] {
        s.dam(["member", "add", name, "--uid", &uid.to_string(), "--role", role, "--scope", "client=acme"]);
    }
    s
}

/// Puts the rest in place, by the admin's mount: a version, and something in the trash.
fn furnish(s: &Studio, mnt: &Path) {
    fs::write(mnt.join("library/globex/secret.png"), png(1200, 1200, 9)).unwrap();
    fs::remove_file(mnt.join("library/globex/gone.png")).unwrap();
    s.settle();
    wait_until("it is in the trash", || names(&mnt.join("trash")).iter().any(|name| name.starts_with("20")));
}

/// Everything of globex's that has a path.
fn things(mnt: &Path) -> Vec<String> {
    let day = names(&mnt.join("trash")).into_iter().find(|name| name.starts_with("20")).unwrap();
    let mut things: Vec<String> = [
        "library/globex",
        "library/globex/secret.png",
        "library/acme/../globex/secret.png",
        "by/client/globex",
        "by/client/globex/secret.png",
        "by/persona/globex-face/secret.png",
        "by/tag/of-globex",
        "by/tag/of-globex/secret.png",
        "by/kind/image/secret.png",
        "by/rating/safe/secret.png",
        "by/status/instagram/approved/secret.png",
        "by/kind/image/+and/client/globex",
        "by/kind/image/+and/client/globex/secret.png",
        "find/client=globex",
        "find/client=globex/secret.png",
        "find/kind=image/secret.png",
        "find/not.client=acme/secret.png",
        "review/draft/secret.png",
        "review/overdue/secret.png",
        "platforms/instagram/post_square/secret.jpg",
        "platforms/instagram/post_square/secret.caption.txt",
        "versions/globex",
        "versions/globex/secret.png",
        "versions/globex/secret.png/1.png",
        "records/globex",
        "records/globex/secret.png.json",
        ".dam/why/library/globex/secret.png",
        ".dam/why/platforms/instagram/post_square/secret.jpg",
    ]
    .map(str::to_owned)
    .into();
    things.extend([format!("trash/{day}/gone.png"), "find/state=trashed/gone.png".to_owned()]);
    for thing in &things {
        assert!(mnt.join(thing).symlink_metadata().is_ok(), "the admin finds no {thing}: there is nothing to hide");
    }
    things
}

/// Where the program lies that tries, readable by everybody.
fn tries(s: &Studio) -> String {
    let script = s.path("tries.py");
    if !script.exists() {
        fs::write(&script, include_str!("leaks/tries.py")).unwrap();
        set_mode(&script, 0o644);
    }
    format!("python3 {}", script.display())
}

/// How each try ended: by its errno how often; the ones that should not have come out so are told.
fn tried(uid: u32, line: &str, fine: &[&str]) -> BTreeMap<String, usize> {
    let (_, said) = as_user(uid, line);
    let mut ended = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in said.lines() {
        let (errno, what) = row.split_once('\t').unwrap_or_else(|| panic!("{line}: {said}"));
        *ended.entry(errno.to_owned()).or_insert(0) += 1;
        if !fine.contains(&errno) {
            wrong.push(format!("{errno} {what}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} tries of {uid}:\n{}", wrong.len(), said.lines().count(), wrong.join("\n"));
    ended
}

/// Of what may not be listed; `ALIKE` is the place's own answer to any name whatever.
const HIDDEN: [&str; 3] = ["ENOENT", "EACCES", "ALIKE"];
/// Of what is open: the kernel says ESTALE of an inode that it looks for and is not there.
const HELD: [&str; 3] = ["ENOENT", "EACCES", "ESTALE"];

/// Mounts for eddy, as he does himself.
fn eddys(s: &mut Studio) -> String {
    let own = s.path("eddy");
    let _ = fs::create_dir(&own);
    sh(&format!("chown {EDDY} {}", own.display()));
    let dam = env!("CARGO_BIN_EXE_dam");
    let (ok, said) = as_user(EDDY, &format!("{dam} mount {} {}", s.library().display(), own.display()));
    assert!(ok, "{said}");
    s.adopt("eddy");
    own.display().to_string()
}

#[test]
fn no_way_leads_to_what_may_not_be_listed() {
    let mut s = studio();
    let (mnt, shared) = (s.mount("mnt", &[]), s.mount("shared", &["--shared"]));
    let own = eddys(&mut s);
    furnish(&s, &mnt);
    let (things, program) = (things(&mnt), tries(&s));
    let (shared_at, mnt_at) = (shared.display().to_string(), mnt.display().to_string());
    // Whom, and on which mount: a member on both of his, a stranger on the shared one, anybody on a mount of another's.
    let seats = [(EDDY, &shared_at), (EDDY, &own), (EVE, &shared_at), (EVE, &own), (EDDY, &mnt_at)];
    let mut count = 0;
    let mut all = |phase: &str| {
        for (uid, at) in seats {
            let ended = tried(uid, &format!("{program} hidden {at} {}", things.join(" ")), &HIDDEN);
            let sum: usize = ended.values().sum();
            assert!(sum > 900, "{phase}: {ended:?}");
            count += sum;
        }
    };
    let warm = |at: &Path| {
        sh(&format!(
            "find {0}/library {0}/by {0}/versions {0}/records -type f -exec cat {{}} + > /dev/null",
            at.display()
        ));
        for thing in &things {
            let _ = try_sh(&format!("stat {0}/{thing}; getfattr -d {0}/{thing}; ls {0}/{thing}", at.display()));
        }
    };
    all("before");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                warm(&shared);
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| all("while")));
        ended.store(true, Ordering::Relaxed);
        if let Err(panic) = done {
            std::panic::resume_unwind(panic);
        }
    });
    warm(&shared);
    warm(&mnt);
    all("after");
    s.unmount();
    s.mount("mnt", &[]);
    s.mount("shared", &["--shared"]);
    eddys(&mut s);
    all("after a restart");
    eprintln!("tries: {count}");
    assert!(things.iter().all(|thing| mnt.join(thing).symlink_metadata().is_ok()), "nothing of it was changed");
    let walk = |at: &str| {
        as_user(EDDY, &format!("find {at} -ls; cat {at}/.dam/status {at}/.dam/errors; grep -r . {at}/records")).1
    };
    for at in [&shared_at, &own] {
        let said = walk(at);
        assert!(said.contains("acme.png"), "{said}");
        // What he has typed himself is in `.dam/errors`, at most.
        for hidden in ["secret.png\n", "globex-face", "gone.png\n"] {
            assert!(!said.contains(hidden), "{hidden} leaks at {at}: {said}");
        }
    }
}

/// What he may list and not change: each try is a row of the log.
#[test]
fn each_denial_is_on_record_once() {
    let mut s = studio();
    let shared = s.mount("shared", &["--shared"]);
    let (at, program) = (shared.display().to_string(), tries(&s));
    let denied = || -> usize {
        let told = s.dam(["log", "--json", "--denied", "--member", "bea", "--limit", "1000"]);
        let rows: Value = serde_json::from_str(&told).unwrap();
        rows["rows"].as_array().unwrap().len()
    };
    assert_eq!(denied(), 0);
    let ended = tried(BEA, &format!("{program} kept {at} library/acme/acme.png"), &["EACCES"]);
    let tries = ended["EACCES"];
    assert_eq!(tries, 11, "{ended:?}");
    wait_until("the denials are on record", || denied() >= tries);
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert_eq!(denied(), tries);
}

/// What is open and mapped when the right to it ends.
#[test]
fn nothing_is_left_of_what_was_open() {
    let mut s = studio();
    let shared = s.mount("shared", &["--shared"]);
    let own = eddys(&mut s);
    let room = s.path("room");
    fs::create_dir(&room).unwrap();
    set_mode(&room, 0o777);
    let files = format!("{own}/library/acme/acme.png {}/library/acme/acme.png", shared.display());
    let line = format!("{} held {} {files}", tries(&s), room.display());
    let holder = std::thread::spawn(move || tried(EDDY, &line, &HELD));
    wait_until("he has them open", || room.join("ready").exists() || holder.is_finished());
    s.dam(["member", "set", "eddy", "--scope", "client=other"]);
    fs::write(room.join("withdrawn"), b"").unwrap();
    let ended = holder.join().unwrap();
    assert_eq!(ended.values().sum::<usize>(), 2 * 22, "{ended:?}");
}

/// Counts, sizes, times and numbers of what he may see tell nothing of what happens elsewhere.
#[test]
fn nothing_that_he_sees_moves_with_what_is_hidden() {
    let mut s = studio();
    let (mnt, shared) = (s.mount("mnt", &[]), s.mount("shared", &["--shared"]));
    let own = eddys(&mut s);
    let dam = format!("DAM_LIBRARY={} {}", s.library().display(), env!("CARGO_BIN_EXE_dam"));
    let seen = |at: &str| {
        let told = "'%p %i %y %m %n %s %b %T@ %C@\\n'";
        let (_, tree) = as_user(EDDY, &format!("find {at} -path {at}/.dam -prune -o -printf {told} | sort"));
        let (_, said) = as_user(
            EDDY,
            &format!("{dam} find --count kind=image; {dam} glossary; {dam} saved; {dam} log; {dam} audit metadata"),
        );
        (tree, said)
    };
    let at = shared.display().to_string();
    let before = [seen(&at), seen(&own)];
    assert!(before[0].0.contains("acme.png") && !before[0].0.contains("globex"));
    furnish(&s, &mnt);
    fs::create_dir(mnt.join("library/globex/new")).unwrap();
    fs::write(mnt.join("library/globex/new/acme.png"), png(64, 64, 77)).unwrap();
    fs::write(mnt.join("library/globex/new/other.png"), png(64, 64, 78)).unwrap();
    s.settle();
    s.dam(["set", "library/globex/new/acme.png", "library/globex/new/other.png", "client=globex", "rating=adult"]);
    s.dam(["tag", "add", "brand-new", "library/globex/new/other.png"]);
    s.dam(["set", "library/globex/new/other.png", "status.instagram=approved"]);
    for (n, at) in [&at, &own].into_iter().enumerate() {
        let after = seen(at);
        let (had, has): (Vec<&str>, Vec<&str>) = (before[n].0.lines().collect(), after.0.lines().collect());
        let moved: Vec<&&str> = has.iter().filter(|line| !had.contains(*line)).collect();
        assert!(moved.is_empty() && had.len() == has.len(), "{at}: {moved:#?}");
        assert_eq!(before[n].1, after.1, "{at}");
    }
}

/// By the control socket, a hidden thing and one that is not there are answered alike.
#[test]
fn commands_answer_as_if_it_were_not_there() {
    let mut s = studio();
    s.mount("shared", &["--shared"]);
    let hidden_id = s.show("library/globex/secret.png")["id"].as_str().unwrap().to_owned();
    let no_id = format!("{}0", &hidden_id[..hidden_id.len() - 1]);
    let no_id = if no_id == hidden_id { format!("{}1", &hidden_id[..hidden_id.len() - 1]) } else { no_id };
    let dam = format!("DAM_LIBRARY={} {}", s.library().display(), env!("CARGO_BIN_EXE_dam"));
    let mut count = 0;
    let pairs = [("library/globex/secret.png", "library/globex/nothing.png"), (hidden_id.as_str(), no_id.as_str())];
    let lines = [
        "show X",
        "show --json X",
        "versions X",
        "diff X",
        "why X",
        "similar X",
        "log X",
        "meta diff X",
        "restore X",
        "restore --version 1 X",
        "set X rating=safe",
        "tag add mine X",
        "tag remove of-globex X",
        "thin X",
        "records export X",
        "export X instagram/post_square /tmp",
    ];
    for (hidden, absent) in pairs {
        for line in lines {
            let ask = |target: &str| {
                let (code, said) = code_as(EDDY, &format!("{dam} {}", line.replace('X', target)));
                (code, said.replace(target, "X"))
            };
            let answer = ask(hidden);
            assert_eq!(answer, ask(absent), "{line}");
            assert_ne!(answer.0, 0, "{line}: {answer:?}");
            assert!(!answer.1.contains("globex") && !answer.1.contains("secret"), "{line}: {answer:?}");
            count += 1;
            assert_eq!(code_as(EVE, &format!("{dam} {}", line.replace('X', hidden))).0, 4, "a stranger: {line}");
        }
    }
    for query in ["client=globex", "tag=of-globex", "persona=globex-face"] {
        for line in ["find X", "find --count X", "records export /tmp/none X", "audit metadata X"] {
            let ask = |query: &str| {
                let (code, said) = code_as(EDDY, &format!("{dam} {}", line.replace('X', query)));
                (code, said.replace(query.split_once('=').unwrap().1, "Y"))
            };
            assert_eq!(ask(query), ask(&query.replace("globex", "glofex")), "{line} {query}");
            count += 1;
        }
    }
    eprintln!("commands: {count}");
}
