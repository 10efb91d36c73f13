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

/// Puts the program that tries into a folder.
pub fn put_tries(dir: &Path) {
    for (name, text) in [("tries.py", include_str!("leaks/tries.py")), ("uring.py", include_str!("leaks/uring.py"))] {
        fs::write(dir.join(name), text).unwrap();
        set_mode(&dir.join(name), 0o644);
    }
}

/// Where the program lies that tries, readable by everybody.
pub fn tries(s: &Studio) -> String {
    put_tries(s.dir.path());
    format!("/usr/bin/python3 -B {}", s.path("tries.py").display())
}

/// How each try ended: by its errno how often; the ones that should not have come out so are told.
pub fn tried(uid: u32, line: &str, fine: &[&str]) -> BTreeMap<String, usize> {
    judged(uid, line, &as_user(uid, line).1, fine)
}

/// The same of somebody whom root lets look up any file of the machine, as a program that makes backups.
fn tried_with_search(uid: u32, line: &str, fine: &[&str]) -> BTreeMap<String, usize> {
    let who = format!("--reuid {uid} --regid {uid} --clear-groups");
    let search = "--inh-caps +dac_read_search --ambient-caps +dac_read_search";
    let said = try_sh(&format!("env -i PATH=/usr/bin:/bin setpriv {who} {search} {line}")).1;
    judged(uid, line, &said, fine)
}

fn judged(uid: u32, line: &str, said: &str, fine: &[&str]) -> BTreeMap<String, usize> {
    let mut ended = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in said.lines() {
        match row.split_once('\t').unwrap_or_else(|| panic!("{line}: {said}")) {
            ("NOTE", note) => eprintln!("{note}"),
            (errno, what) => {
                *ended.entry(errno.to_owned()).or_insert(0) += 1;
                if !fine.contains(&errno) {
                    wrong.push(format!("{errno} {what}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} tries of {uid}:\n{}", wrong.len(), said.lines().count(), wrong.join("\n"));
    ended
}

/// Says how many tries there were, which are as many as were meant to be made.
pub fn none_came_out(test: &str, tries: usize, least: usize) {
    eprintln!("leaks: {test}: {tries} tries, and none came out");
    assert!(tries >= least, "{test}: {tries} tries are too few");
}

/// Of what may not be listed; `ALIKE` is the place's own answer to any name whatever.
pub const HIDDEN: [&str; 3] = ["ENOENT", "EACCES", "ALIKE"];
/// Of what is open: the kernel says ESTALE of an inode that it looks for and is not there.
pub const HELD: [&str; 3] = ["ENOENT", "EACCES", "ESTALE"];

/// Mounts for eddy, as he does himself.
fn eddys(s: &mut Studio) -> String {
    own_mount(s, EDDY, "eddy").display().to_string()
}

/// Waits until the daemon has seen every picture, which moves it from one folder of `by/colour/` to another.
fn all_looked_at(admins: &Path) {
    let status = admins.join(".dam/status");
    wait_until("all was looked at", || {
        let told = fs::read_to_string(&status).unwrap_or_default();
        told.lines().any(|line| line.starts_with("looks") && !line.contains("not yet"))
    });
}

#[test]
fn no_way_leads_to_what_may_not_be_listed() {
    let mut s = studio();
    let (mnt, shared) = (s.mount("mnt", &[]), s.mount("shared", &["--shared"]));
    let own = eddys(&mut s);
    furnish(&s, &mnt);
    // The owner's own walk finds everything that he was told of.
    all_looked_at(&mnt);
    let (things, program) = (things(&mnt), tries(&s));
    let (shared_at, mnt_at) = (shared.display().to_string(), mnt.display().to_string());
    // Whom, and on which mount: a member on both of his, a stranger on the shared one, anybody on a mount of another's.
    let seats = [(EDDY, &shared_at), (EDDY, &own), (EVE, &shared_at), (EVE, &own), (EDDY, &mnt_at)];
    let mut count = 0;
    let mut all = |phase: &str| {
        for (uid, at) in seats {
            let ended = tried(uid, &format!("{program} hidden {at} {}", things.join(" ")), &HIDDEN);
            let sum: usize = ended.values().sum();
            assert!(sum >= things.len() * 40, "{phase}: {ended:?}");
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
    none_came_out("hidden", count, 20_000);
    assert!(things.iter().all(|thing| mnt.join(thing).symlink_metadata().is_ok()), "nothing of it was changed");
    let walk = |at: &str| {
        let walk = format!("find {at} -ls; cat {at}/.dam/status {at}/.dam/errors; grep -r . {at}/records {at}/reports");
        as_user(EDDY, &walk).1
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
    none_came_out("kept", tries, 11);
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
    let files = [own, shared.display().to_string()].map(|at| format!("{at}/library/acme/acme.png")).join(" ");
    let line = format!("{} held {} {files}", tries(&s), room.display());
    let holder = std::thread::spawn(move || tried(EDDY, &line, &HELD));
    wait_until("he has them open", || room.join("ready").exists() || holder.is_finished());
    s.dam(["member", "set", "eddy", "--scope", "client=other"]);
    fs::write(room.join("withdrawn"), b"").unwrap();
    let ended = holder.join().unwrap();
    none_came_out("held", ended.values().sum(), 2 * 24);
}

/// By handles that the owner was given, and by what he has open and where he stands.
#[test]
fn a_handle_of_anothers_opens_nothing() {
    let mut s = studio();
    let (mnt, shared) = (s.mount("mnt", &[]), s.mount("shared", &["--shared"]));
    let own = eddys(&mut s);
    furnish(&s, &mnt);
    let (things, program) = (things(&mnt), tries(&s));
    let handles = |at: &Path, things: &[&str]| -> String {
        let of = |thing: &&str| sh(&format!("{program} handle {}/{thing}", at.display()));
        let lines: Vec<String> = things.iter().map(of).collect();
        let told = lines.iter().flat_map(|lines| lines.lines()).filter(|line| !line.starts_with("NOTE"));
        told.collect::<Vec<_>>().join(" ")
    };
    let hidden: Vec<&str> = things.iter().map(String::as_str).collect();
    let at = shared.display().to_string();
    let plain = ["EPERM", "EACCES"];
    // What kind of thing it is the kernel knows by itself, and asks nobody before it says that a folder is none to write to.
    let kind = [&HELD[..], &["EISDIR", "ENOTDIR"]].concat();
    let mut count = 0;
    let all = |texts: &str, seats: &[(u32, &str)]| -> usize {
        let each = |(uid, at): &(u32, &str)| {
            let line = format!("{program} handles {at} {texts}");
            let ended = [tried(*uid, &line, &plain), tried_with_search(*uid, &line, &kind)];
            ended.iter().flat_map(BTreeMap::values).sum::<usize>()
        };
        seats.iter().map(each).sum()
    };
    let theirs = handles(&shared, &hidden);
    count += all(&theirs, &[(EDDY, &at), (EDDY, &own), (EVE, &at), (EVE, &own)]);
    sh(&format!("cat {at}/library/globex/secret.png > /dev/null; ls -lR {at}/library {at}/versions > /dev/null"));
    count += all(&theirs, &[(EDDY, &at), (EDDY, &own), (EVE, &at)]);
    // What he might reach when the handle was made.
    let (_, his) = as_user(EDDY, &format!("{program} handle {own}/library/acme/acme.png"));
    let his = his.lines().find(|line| !line.starts_with("NOTE")).unwrap().to_owned();
    let his = format!("{his} {}", handles(&shared, &["library/acme/acme.png", "by/client/acme/acme.png"]));
    let open = fs::File::open(shared.join("library/globex/secret.png")).unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&open);
    let of_it = format!("/proc/{}", std::process::id());
    for line in [
        format!("cat {of_it}/fd/{fd}"),
        format!("readlink {of_it}/fd/{fd}"),
        format!("cat {of_it}/fdinfo/{fd}"),
        format!("ls {of_it}/map_files/"),
        format!("ls {of_it}/cwd/"),
    ] {
        let (ok, said) = as_user(EDDY, &line);
        assert!(!ok && (said.is_empty() || said.contains("Permission denied")), "{line}: {said}");
        count += 1;
    }
    for line in ["ls", "ls ..", "cat secret.png", "stat secret.png", "stat .", "touch x", "cd ."] {
        let who = format!("setpriv --reuid {EDDY} --regid {EDDY} --clear-groups");
        let (ok, said) = try_sh(&format!("cd {at}/library/globex && env -i PATH=/usr/bin:/bin {who} sh -c '{line}'"));
        // Whither `..` leads he may go.
        assert!(line == "cd ." || (line == "ls ..") == ok, "{line}: {said}");
        assert!(!said.contains("secret.png\n") && !said.contains("globex"), "{line}: {said}");
        count += 1;
    }
    s.dam(["member", "set", "eddy", "--scope", "client=other"]);
    // As long as the kernel may believe what it was told last.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    count += all(&his, &[(EDDY, &at), (EDDY, &own), (EVE, &at)]);
    none_came_out("handles", count, 500);
}

/// A cache of thumbnails has what its owner may have, and loses what he may have no more the next time that it is filled.
#[test]
fn no_thumbnail_is_made_of_what_may_not_be_listed_or_stays_of_what_may_not_be_had() {
    let mut s = studio();
    s.mount("shared", &["--shared"]);
    let own = eddys(&mut s);
    let home = s.path("home");
    fs::create_dir(&home).unwrap();
    sh(&format!("chown {EDDY} {}", home.display()));
    let dam = format!("HOME={} DAM_LIBRARY={} {}", home.display(), s.library().display(), env!("CARGO_BIN_EXE_dam"));
    let seen = ["library/acme", "by/kind/image", "by/client/acme", "find/kind=image"];
    let places: String = seen.iter().map(|place| format!(" {own}/{place}")).collect();
    let cached = || sh(&format!("grep -rlaE 'globex|secret|acme' {}/.cache || true", home.display())).lines().count();
    let fill = || as_user(EDDY, &format!("{dam} thumbs{places}"));
    let (ok, said) = fill();
    assert!(ok && cached() == 2 * seen.len(), "{said}");
    for place in ["library/globex", "by/client/globex", "find/client=globex"] {
        let (ok, said) = as_user(EDDY, &format!("{dam} thumbs {own}/{place}"));
        assert!(!ok && !said.contains("made"), "{said}");
    }
    let (_, told) = as_user(EDDY, &format!("grep -rlaE 'globex|secret' {}/.cache", home.display()));
    assert_eq!(told, "", "nothing of it is there");
    s.dam(["set", "library/acme/acme.png", "rating=adult"]);
    fill();
    assert_eq!(cached(), 0, "what may be locked is kept nowhere");
    s.dam(["set", "library/acme/acme.png", "rating=safe"]);
    fill();
    assert_eq!(cached(), 2 * seen.len());
    s.dam(["member", "set", "eddy", "--scope", "client=other"]);
    let (ok, said) = fill();
    assert!(!ok && said.contains("No such file"), "{said}");
    none_came_out("thumbnails", 4 * seen.len(), 16);
    assert_eq!(cached(), 0, "{said}");
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
    all_looked_at(&mnt);
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
    none_came_out("commands", count, 40);
}
