//! The first screen: what it has not let pass is approved by nobody, or with a reason, and no answer is no pass.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use damfs::ops::proto::{Command, Failure, FailureKind};
use damfs::ops::records::{self, Given, How};
use damfs::ops::serve::serve;
use damfs::types::Caller;
use serde_json::Value;

use crate::world::{World, assign};

const A: &str = "library/acme/a.png";

struct Bench {
    world: World,
    dir: tempfile::TempDir,
}

impl Bench {
    /// A library with a screen that is this shell script.
    fn new(script: &str, more: &str) -> Self {
        let (world, _) = World::studio();
        Self::of(world, script, more)
    }

    fn of(world: World, script: &str, more: &str) -> Self {
        let bench = Self { world, dir: tempfile::tempdir().unwrap() };
        bench.script(script);
        let info = bench.world.library.root().join("damfs.toml");
        let said = fs::read_to_string(&info).unwrap();
        let program = bench.path("screen");
        fs::write(&info, format!("{said}\n[screen]\ncommand = [\"{}\", \"$HOME; ls\"]\n{more}\n", program.display()))
            .unwrap();
        let Self { world, dir } = bench;
        Self { world: world.reopen(), dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn script(&self, script: &str) {
        let (program, dir) = (self.path("screen"), self.dir.path().display());
        fs::write(&program, format!("#!/bin/sh\ncd {dir}\necho asked >>asked\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn asked(&self) -> usize {
        fs::read_to_string(self.path("asked")).unwrap_or_default().lines().count()
    }

    fn set(&self, word: &str, why: Option<&str>) -> Result<Value, Failure> {
        let why = why.map(str::to_owned);
        self.world.serve(0, Command::Set { what: vec![A.into()].into(), set: assign(&[word]), dry_run: false, why })
    }

    fn refusal(&self, why: Option<&str>) -> String {
        let failure = self.set("status.x=approved", why).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        failure.message
    }

    /// It waits on the board, and the daemon's thread comes by.
    fn submit(&self) {
        self.set("stage=internal-review", None).unwrap();
        self.world.library.screen_waiting();
    }

    fn told(&self) -> Value {
        let why = self.world.serve(0, Command::Why { target: A.into(), as_member: None }).unwrap()["screen"].clone();
        let list = Command::ReviewList { stage: Some("internal-review".into()), mine: false, overdue: false };
        if let Some(row) = self.world.serve(0, list).unwrap()["assets"].as_array().unwrap().first() {
            assert_eq!(row["screen"], why);
        }
        why
    }
}

const PASS: &str = "cat >/dev/null; echo '{\"answer\": \"pass\"}'";

#[test]
fn what_passes_is_approved_and_the_program_reads_record_and_bytes() {
    let bench = Bench::new(
        "IFS= read -r line; echo \"$line\" >line; cat >bytes; { echo \"$1\"; env; } >env; echo '{\"answer\":\"pass\"}'",
        "",
    );
    assert_eq!(bench.refusal(None), "it was not screened: the screen has not looked at these bytes yet");
    assert_eq!(bench.told()["answer"], "none");
    // Somebody wanted to approve it.
    bench.world.library.screen_waiting();
    assert_eq!(bench.told()["answer"], "pass");
    bench.set("status.x=approved", None).unwrap();
    assert_eq!(fs::read(bench.path("bytes")).unwrap(), b"acme");
    let line: Value = serde_json::from_str(&fs::read_to_string(bench.path("line")).unwrap()).unwrap();
    assert_eq!((&line["size"], &line["version"], &line["record"]["client"]), (&4.into(), &1.into(), &"acme".into()));
    let env = fs::read_to_string(bench.path("env")).unwrap();
    assert!(env.starts_with("$HOME; ls\n") && !env.contains("HOME="), "{env}");
    bench.world.library.screen_waiting();
    bench.submit();
    assert_eq!(bench.asked(), 1, "what was answered is not asked again");
    let row = |action: &str| {
        let rows = bench.world.library.catalog.read(|tx| tx.audit_after("ops", 0, 1_000)).unwrap();
        rows.into_iter().filter(|row| row.action == action).count()
    };
    assert_eq!(row("asset.screen"), 1);
}

#[test]
fn a_flag_asks_for_a_reason_and_a_refusal_for_other_bytes() {
    let flag = "cat >/dev/null; echo '{\"answer\":\"flag\",\"reason\":\"a logo\"}'";
    let bench = Bench::new(flag, "");
    bench.submit();
    assert_eq!(bench.told(), serde_json::json!({ "answer": "flag", "reason": "a logo" }));
    assert_eq!(bench.refusal(None), "who approves it for x says why: the screen flags it: a logo");
    bench.set("status.x=approved", Some("our own logo")).unwrap();

    bench.script(&flag.replace("flag", "refuse"));
    bench.world.serve(0, Command::Screen { targets: vec![A.into()] }).unwrap();
    assert_eq!(bench.refusal(Some("please")), "the screen refuses it: a logo");
    let stage = bench.set("stage=approved", Some("please")).unwrap_err();
    assert_eq!((stage.kind, stage.message.as_str()), (FailureKind::Refused, "the screen refuses it: a logo"));
    // Other bytes are another question, which has no answer yet.
    let admin = bench.world.admin();
    admin.overwrite(A, b"other").unwrap();
    bench.world.settle();
    assert!(bench.refusal(Some("please")).starts_with("it was not screened"));
    bench.script(PASS);
    bench.world.library.screen_waiting();
    bench.set("status.x=approved", None).unwrap();

    let bench = Bench::new(&flag.replace("flag", "refuse"), "refusal = \"flag\"");
    bench.submit();
    assert!(bench.refusal(None).contains("says why: the screen refuses it"));
    bench.set("status.x=approved", Some("I looked at it")).unwrap();
}

#[test]
fn whatever_is_no_answer_is_no_pass() {
    for (script, more, said) in [
        ("exit 1", "", "ended with exit status: 1"),
        ("echo '{\"answer\":\"pass\"}'; exit 3", "", "ended with exit status: 3"),
        ("kill -9 $$", "", "ended with signal: 9"),
        ("true", "", "its answer is not understood"),
        ("echo pass", "", "its answer is not understood"),
        ("echo '{\"answer\":\"refuse\"}'", "", "its answer has no reason"),
        ("yes '{\"answer\":\"pass\"}' | head -c 100000", "", "its answer is longer than 65536 bytes"),
        ("sleep 100", "seconds = 1", "took more than 1 seconds, and was ended"),
        // What it leaves running, with its output open, is ended and waited for by nobody.
        ("sleep 100 & exit 0", "", "its answer"),
        ("yes >&1 &\nsleep 100", "seconds = 1", "took more than 1 seconds, and was ended"),
    ] {
        let began = Instant::now();
        let bench = Bench::new(script, more);
        bench.submit();
        let refusal = bench.refusal(Some("please"));
        assert!(refusal.starts_with("it was not screened: ") && refusal.contains(said), "{script}: {refusal}");
        let faults = bench.world.library.faults();
        assert!(faults.iter().any(|fault| fault.contains(said)), "{script}: {faults:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{script}");
    }
    let bench = Bench::new("exit 1", "outage = \"flag\"");
    bench.submit();
    assert!(bench.refusal(None).contains("says why: it was not screened"));
    bench.set("status.x=approved", Some("I looked at it")).unwrap();
}

#[test]
fn a_program_that_is_gone_or_may_be_anybodys_is_not_run_and_asked_again_later() {
    let bench = Bench::new(PASS, "");
    let program = bench.path("screen");
    let aside = bench.path("aside");
    fs::rename(&program, &aside).unwrap();
    bench.submit();
    assert!(bench.refusal(None).contains("cannot be run"));
    fs::rename(&aside, &program).unwrap();
    bench.world.library.screen_waiting();
    assert_eq!(bench.asked(), 0, "not again at once");
    bench.world.clock.advance_ms(60_000);
    bench.world.library.screen_waiting();
    assert!(bench.world.library.faults().is_empty(), "{:?}", bench.world.library.faults());
    bench.set("status.x=approved", None).unwrap();

    let bench = Bench::new(PASS, "");
    fs::set_permissions(bench.world.library.root(), fs::Permissions::from_mode(0o777)).unwrap();
    bench.submit();
    assert!(bench.refusal(Some("please")).contains("it is not run: others than user id"));
    assert_eq!(bench.asked(), 0);

    for (place, usual) in [("screen", 0o755), ("", 0o700)] {
        let bench = Bench::new(PASS, "");
        let mode = |mode| fs::set_permissions(bench.path(place), fs::Permissions::from_mode(mode)).unwrap();
        mode(0o777);
        bench.submit();
        assert!(bench.refusal(Some("please")).contains("it is not run: others than root and user id"), "{place}");
        assert!(bench.asked() == 0 && bench.world.library.faults()[0].contains("may write"), "{place}");
        mode(usual);
        bench.world.clock.advance_ms(60_000);
        bench.world.library.screen_waiting();
        assert!(bench.asked() == 1 && bench.world.library.faults().is_empty(), "{place}");
    }
}

/// Bytes that come when nobody reads them, and very many of them.
#[test]
fn a_program_that_reads_nothing_answers_all_the_same() {
    let bench = Bench::new("exec 0<&-; echo '{\"answer\":\"pass\"}'", "");
    let admin = bench.world.admin();
    admin.overwrite(A, &vec![7; 60_000]).unwrap();
    bench.world.settle();
    bench.submit();
    bench.set("status.x=approved", None).unwrap();
}

#[test]
fn who_may_not_review_asks_nothing_and_a_library_without_a_screen_is_as_before() {
    let bench = Bench::new(PASS, "");
    bench.world.member("eddy", 1002, "editor", Some("client=acme"));
    let ask = |target: &str| Command::Screen { targets: vec![target.into()] };
    assert_eq!(bench.world.kind(1002, ask(A)), FailureKind::Refused);
    assert_eq!(bench.world.kind(1002, ask("library/globex/secret.png")), FailureKind::NotFound);
    assert_eq!(bench.asked(), 0);
    let (world, _admin) = World::studio();
    assert!(world.serve(0, ask(A)).unwrap_err().message.contains("has no screen"));
    world.set(A, &["status.x=approved"]);
    assert!(world.serve(0, Command::Why { target: A.into(), as_member: None }).unwrap()["screen"].is_null());
}

const REFUSE: &str = "cat >/dev/null; echo '{\"answer\": \"refuse\", \"reason\": \"a logo\"}'";

impl Bench {
    /// Something that is a turn of its own, and its number.
    fn turn(&self, word: &str, why: Option<&str>) -> Option<u64> {
        // By another process: what one does is one turn.
        let process = 70 + u32::try_from(self.asked()).unwrap();
        let (what, why) = (vec![A.into()].into(), why.map(str::to_owned));
        let set = Command::Set { what, set: assign(&[word]), dry_run: false, why };
        serve(&self.world.library, &Caller { uid: 0, gid: 0, process }, set, None).unwrap();
        let turns = self.world.serve(0, Command::Turns { of: None, limit: 1 }).unwrap();
        turns["turns"][0]["turn"].as_u64()
    }

    /// Why nothing comes of taking it back.
    fn left(&self, turn: Option<u64>) -> String {
        let before = self.world.show(A);
        let undone = self.world.serve(0, Command::Undo { turn, of: None, dry_run: false }).unwrap();
        let (now, why) = (self.world.show(A), undone["left"][0]["why"].as_str());
        assert_eq!((&now["status"], &now["stage"]), (&before["status"], &before["stage"]), "{undone}");
        why.unwrap_or_else(|| panic!("{undone}")).to_owned()
    }

    /// The screen says so of the current bytes.
    fn asks(&self, script: &str) {
        self.script(script);
        self.world.serve(0, Command::Screen { targets: vec![A.into()] }).unwrap();
    }

    fn overwrite(&self, bytes: &[u8]) {
        self.world.admin().overwrite(A, bytes).unwrap();
        self.world.settle();
    }
}

/// Regression: taking back a move out of a stage put bytes into it that came since and that nobody had judged.
#[test]
fn an_undo_puts_no_other_bytes_into_a_stage_and_asks_the_screen() {
    let bench = Bench::new(PASS, "");
    bench.asks(PASS);
    bench.set("stage=approved", None).unwrap();
    let away = bench.turn("stage=draft", None);
    bench.overwrite(b"unseen");
    assert!(bench.left(away).starts_with("changed since"));
    bench.asks(PASS);
    assert!(bench.left(away).starts_with("changed since"), "nobody has judged them");
    bench.set("stage=approved", None).unwrap();
    let away = bench.turn("stage=draft", None);
    bench.asks(REFUSE);
    assert!(bench.left(away).starts_with("the screen refuses it: a logo; "));
    bench.asks(PASS);
    bench.world.serve(0, Command::Undo { turn: away, of: None, dry_run: false }).unwrap();
    assert_eq!(bench.world.show(A)["stage"], "approved");
}

/// Regression: a verdict that came back for an earlier version was held to what the screen says of the current one, and one that names another
/// version than it does now to nothing.
#[test]
fn an_undo_asks_the_screen_of_the_version_that_a_verdict_names() {
    let bench = Bench::new(PASS, "");
    bench.asks(PASS);
    bench.set("status.x=approved", None).unwrap();
    let rejected = bench.turn("status.x=rejected", Some("not this one"));
    bench.asks(REFUSE);
    bench.overwrite(b"other");
    bench.asks(PASS);
    assert!(bench.left(rejected).starts_with("the screen refuses it: a logo; "));

    let bench = Bench::new(PASS, "");
    bench.asks(PASS);
    bench.set("status.x=approved", None).unwrap();
    bench.asks(REFUSE);
    bench.overwrite(b"other");
    bench.asks(PASS);
    let again = bench.turn("status.x=approved", None);
    assert!(bench.left(again).starts_with("the screen refuses it: a logo; "));
}

/// Regression: an undo of a verdict for an earlier version said that the screen was to be asked once more, which asks about the current one.
#[test]
fn an_undo_says_what_helps_when_an_earlier_version_was_never_screened() {
    let (world, admin) = World::studio();
    let set = |word: &str, process| {
        let why = Some("as it is".to_owned());
        let set = Command::Set { what: vec![A.into()].into(), set: assign(&[word]), dry_run: false, why };
        serve(&world.library, &Caller { uid: 0, gid: 0, process }, set, None).unwrap();
    };
    set("status.x=approved", 70);
    set("status.x=rejected", 71);
    let turns = world.serve(0, Command::Turns { of: None, limit: 1 }).unwrap();
    admin.overwrite(A, b"other").unwrap();
    world.settle();
    drop(admin);
    let bench = Bench::of(world, PASS, "");
    bench.asks(PASS);
    let left = bench.left(turns["turns"][0]["turn"].as_u64());
    let id = bench.world.show(A)["id"].as_str().unwrap().to_owned();
    assert!(left.contains(&format!("dam restore {id} --version 1")), "{left}");
    assert_eq!(bench.asked(), 1, "nobody is asked about what is not to be decided");
}

/// Regression: assets with the same bytes shared one answer, so that a clean record let the other pass, and a reason was read by who may not list
/// what it was written about.
#[test]
fn an_answer_is_of_one_asset_and_tells_nothing_of_another_with_the_same_bytes() {
    let bench = Bench::new(
        "IFS= read -r line; cat >/dev/null\ncase $line in *globex*) echo '{\"answer\":\"refuse\",\"reason\":\"globex\"}';; \
         *) exit 1;; esac",
        "",
    );
    let secret = "library/globex/secret.png";
    bench.world.admin().overwrite(secret, b"acme").unwrap();
    bench.world.settle();
    let ask = |target: &str| bench.world.serve(0, Command::Screen { targets: vec![target.into()] }).unwrap();
    let answer = |target: &str| ask(target)["assets"][0]["answer"].clone();
    assert_eq!(answer(secret), "refuse");
    assert_eq!(bench.told()["reason"], "the screen has not looked at these bytes yet");
    assert_eq!(answer(A), "none");
    let of = |target: &str| bench.world.serve(0, Command::Why { target: target.into(), as_member: None }).unwrap();
    assert_eq!(of(secret)["screen"]["answer"], "refuse", "an outage of one asset is none of another");
    bench.asks(PASS);
    assert_eq!((&of(A)["screen"]["answer"], &of(secret)["screen"]["answer"]), (&"pass".into(), &"refuse".into()));
}

/// Regression: asked once more in vain, the screen was said to have let it pass.
#[test]
fn an_outage_when_it_is_asked_again_is_told_as_one() {
    let bench = Bench::new(PASS, "");
    bench.asks(PASS);
    bench.script("exit 1");
    let told = bench.world.serve(0, Command::Screen { targets: vec![A.into()] }).unwrap()["assets"][0].clone();
    let reason = told["reason"].as_str().unwrap();
    assert_eq!(told["answer"], "none");
    assert!(reason.contains("exit status: 1") && reason.ends_with("what it said before stands: pass"), "{reason}");
    assert_eq!(bench.told()["answer"], "pass");
}

/// Regression: what somebody had wanted to approve was not asked about again after an outage, unless it waited on the board.
#[test]
fn what_somebody_wanted_to_approve_is_asked_about_after_an_outage() {
    let bench = Bench::new("exit 1", "");
    bench.refusal(None);
    bench.world.library.screen_waiting();
    bench.script(PASS);
    bench.world.library.screen_waiting();
    assert_eq!((bench.asked(), bench.told()["answer"].as_str()), (1, Some("none")), "not again at once");
    bench.world.clock.advance_ms(60_000);
    bench.world.library.screen_waiting();
    assert_eq!((bench.asked(), bench.told()["answer"].as_str()), (2, Some("pass")));
}

/// A backup's approvals are those of its time, and an admin's to put back: said of a record, and on record.
#[test]
fn records_that_are_put_back_bring_the_approvals_of_then() {
    let bench = Bench::new(PASS, "");
    bench.asks(PASS);
    bench.set("status.x=approved", None).unwrap();
    let text = bench.world.admin().read("records/acme/a.png.json").unwrap();
    bench.set("status.x=rejected", Some("not this one")).unwrap();
    bench.asks(REFUSE);
    let record = Box::new(records::read(&text).unwrap().record);
    let records = vec![Given { file: A.into(), record, asset: None }];
    let put = Command::RecordsImport { records, how: How { force: true, ..How::default() } };
    bench.world.serve(0, put).unwrap();
    assert_eq!(bench.world.show(A)["status"]["x"]["value"], "approved");
    let row = bench.world.library.catalog.read(|tx| tx.audit_head("ops")).unwrap().unwrap();
    assert!(row.action == "asset.record" && row.detail.contains("\"status\""), "{} {}", row.action, row.detail);
}

/// Regression: it went on without the daemon, with the bytes, for as long as it liked.
#[test]
fn a_program_that_is_asked_ends_with_the_library() {
    let bench = Bench::new("echo $$ >pid; exec sleep 1000", "");
    let library = &bench.world.library;
    std::thread::scope(|scope| {
        scope.spawn(|| bench.submit());
        let begun = Instant::now();
        let pid = loop {
            match fs::read_to_string(bench.path("pid")).unwrap_or_default().trim() {
                "" => assert!(begun.elapsed() < Duration::from_secs(20), "it is not run"),
                pid => break pid.to_owned(),
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        library.close();
        let gone = || fs::metadata(format!("/proc/{pid}")).is_err();
        while !gone() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it goes on");
            std::thread::sleep(Duration::from_millis(10));
        }
    });
}
