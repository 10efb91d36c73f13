//! Alerts by rule: what is counted, what is on record of one, what it runs, and whom it shuts out.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use damfs::ops::log::Ask;
use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::serve;
use damfs::policy::Alerts;
use serde_json::Value;

use crate::world::{Seat, World, assign};

const MIRA: u32 = 1001;

/// Five assets, and mira, who may read and tag them and is told of everything but what is adult.
fn stage(rules: &str) -> (World, Seat) {
    let (world, admin) = World::studio();
    for n in 0..5 {
        admin.write(&format!("library/acme/{n}.png"), format!("bytes {n}").as_bytes()).unwrap();
    }
    world.settle();
    let mira = world.member("mira", MIRA, "editor", None);
    put(&world, rules);
    (world, mira)
}

fn put(world: &World, rules: &str) {
    fs::write(world.library.root().join("alerts.toml"), rules).unwrap();
    world.watches();
}

fn rows(world: &World, what: &str) -> Vec<Value> {
    let told = world.serve(0, Command::Log(Ask { limit: 1_000, ..Ask::default() })).unwrap();
    let rows = told["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["what"] == what).cloned().collect()
}

fn rule(on: &str, more: &str) -> String {
    format!("[alert.a]\non = \"{on}\"\nmore_than = 2\nwithin = \"10 minutes\"\n{more}\n")
}

fn read(mira: &Seat, which: &[u8]) {
    for n in which {
        mira.read(&format!("library/acme/{n}.png")).unwrap();
    }
}

#[test]
fn many_downloads_are_an_alert_once_until_the_time_has_passed() {
    let (world, mira) = stage(&rule("downloads", ""));
    read(&mira, &[0, 1, 0, 1]);
    world.watches();
    assert!(rows(&world, "alert.fire").is_empty());
    read(&mira, &[2, 3, 4]);
    world.watches();
    let fired = rows(&world, "alert.fire");
    assert_eq!(fired.len(), 1, "{fired:?}");
    let detail = &fired[0]["detail"];
    assert_eq!(
        (&detail["alert"], &detail["member"], &detail["on"]),
        (&"a".into(), &"mira".into(), &"downloads".into())
    );
    assert!(fired[0]["who"] == "damfs" && detail["count"] == 3 && detail["within_s"] == 600, "{detail}");
    // Admins see it, and nobody else.
    let admin = world.admin();
    let status = |seat: &Seat| String::from_utf8(seat.read(".dam/status").unwrap()).unwrap();
    assert!(status(&admin).contains("alert a: mira, 3 downloads within 600 s"), "{}", status(&admin));
    assert!(!status(&mira).contains("alert"), "{}", status(&mira));
    let own = world.serve(MIRA, Command::Log(Ask { limit: 1_000, ..Ask::default() })).unwrap();
    assert!(!own.to_string().contains("alert."), "{own}");

    read(&mira, &[0, 1, 2]);
    world.watches();
    assert_eq!(rows(&world, "alert.fire").len(), 1);
    world.clock.advance_ms(600_000);
    read(&mira, &[0, 1, 2]);
    world.watches();
    assert_eq!(rows(&world, "alert.fire").len(), 2);
}

/// What was counted is counted again from the log, and what has fired does not fire again.
#[test]
fn a_restart_neither_forgets_nor_repeats() {
    let (world, mira) = stage(&rule("downloads", ""));
    read(&mira, &[0, 1]);
    world.watches();
    drop(mira);
    let world = world.reopen();
    let mira = world.seat(MIRA);
    world.watches();
    assert!(rows(&world, "alert.fire").is_empty());
    read(&mira, &[2]);
    world.watches();
    assert_eq!(rows(&world, "alert.fire").len(), 1);
    drop(mira);
    let world = world.reopen();
    let mira = world.seat(MIRA);
    world.watches();
    read(&mira, &[0, 1, 2, 3]);
    world.watches();
    assert_eq!(rows(&world, "alert.fire").len(), 1);
    assert!(world.library.recent_alerts().len() == 1);
}

#[test]
fn denials_and_changes_count_and_making_assets_does_not() {
    let (world, mira) = stage(&format!("{}{}", rule("denials", ""), rule("changes", "").replace(".a]", ".b]")));
    let fired = |world: &World| -> Vec<String> {
        world.watches();
        let mut names: Vec<String> =
            rows(world, "alert.fire").iter().map(|row| row["detail"]["alert"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    for n in 5..9 {
        mira.write(&format!("library/acme/{n}.png"), format!("bytes {n}").as_bytes()).unwrap();
    }
    for n in 0..4 {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(format!("text {n}").as_bytes()).unwrap();
        let (path, into) = (format!("{n}.txt"), Some("acme".to_owned()));
        let command = Command::Import { path, into, set: Vec::new(), mtime: 0, any: true, copies: false };
        serve::serve(&world.library, &mira.caller, command, Some(file)).unwrap();
    }
    world.settle();
    assert!(fired(&world).is_empty(), "{:?}", fired(&world));
    for n in 0..3 {
        let what = vec![format!("library/acme/{n}.png")].into();
        let approve = Command::Set { what, set: assign(&["status.instagram=approved"]), dry_run: false, why: None };
        assert_eq!(world.kind(MIRA, approve), FailureKind::Refused);
    }
    assert_eq!(fired(&world), ["a"]);
    for n in 0..3 {
        mira.overwrite(&format!("library/acme/{n}.png"), b"other").unwrap();
    }
    world.settle();
    assert_eq!(fired(&world), ["a", "b"]);
}

#[test]
fn a_command_is_run_without_a_shell_with_the_alert_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (script, out) = (dir.path().join("tell"), dir.path().join("out"));
    fs::write(&script, format!("#!/bin/sh\n{{ cat; echo \"$1\"; env; }} >{}\n", out.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let command = format!("command = [\"{}\", \"$HOME; ls\"]", script.display());
    let (world, mira) = stage(&rule("downloads", &command));
    read(&mira, &[0, 1, 2]);
    world.watches();
    let said = fs::read_to_string(&out).unwrap();
    let mut lines = said.lines();
    let alert: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!((&alert["alert"], &alert["member"], &alert["count"]), (&"a".into(), &"mira".into(), &3.into()));
    assert_eq!(alert["library"], world.library.root().to_str().unwrap());
    assert_eq!(lines.next().unwrap(), "$HOME; ls");
    for line in lines {
        assert!(["PATH=", "PWD=", "_=", "SHLVL=", "OLDPWD="].iter().any(|known| line.starts_with(known)), "{line}");
    }
    assert!(world.library.faults().is_empty(), "{:?}", world.library.faults());
}

#[test]
fn a_command_that_fails_is_a_fault_and_one_that_hangs_is_ended() {
    for (command, fault) in [
        (
            "[\"/bin/false\"]",
            "the command of alert a: /bin/false ended with exit status: 1; the alert itself is in dam log",
        ),
        ("[\"/no/such\"]", "the command of alert a: /no/such cannot be run"),
        ("[\"/bin/sleep\", \"1000\"]", "the command of alert a: /bin/sleep took more than ten seconds, and was ended"),
    ] {
        let (world, mira) = stage(&rule("downloads", &format!("command = {command}")));
        read(&mira, &[0, 1, 2]);
        world.watches();
        assert_eq!(rows(&world, "alert.fire").len(), 1);
        let faults = world.library.faults();
        assert!(faults.len() == 1 && faults[0].starts_with(fault), "{faults:?}");
    }
}

/// Whoever may write there says what a daemon runs that may more than he.
#[test]
fn no_command_is_run_where_others_may_write_in_the_librarys_folder() {
    for (place, mode) in [(".", 0o777), ("alerts.toml", 0o664)] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let (world, mira) =
            stage(&rule("downloads", &format!("command = [\"/usr/bin/touch\", \"{}\"]", out.display())));
        fs::set_permissions(world.library.root().join(place), fs::Permissions::from_mode(mode)).unwrap();
        read(&mira, &[0, 1, 2]);
        world.watches();
        assert_eq!(rows(&world, "alert.fire").len(), 1);
        let faults = world.library.faults();
        assert!(faults.len() == 1 && faults[0].starts_with("no command of alerts.toml is run"), "{faults:?}");
        assert!(!out.exists());
    }
}

/// Regression: whoever may write the program, or put another in its place, said what the daemon runs.
#[test]
fn no_command_is_run_whose_program_others_may_write() {
    for (place, mode, owner) in [
        ("bin/tell", 0o777, None),
        ("bin/tell", 0o775, None),
        ("bin/tell", 0o755, Some(1001)),
        ("bin", 0o777, None),
        ("bin", 0o1777, None),
        (".", 0o777, None),
        ("bin/tell", 0o755, None),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (bin, out) = (dir.path().join("bin"), dir.path().join("out"));
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("tell"), format!("#!/bin/sh\necho told >{}\n", out.display())).unwrap();
        for (path, mode) in [("bin", 0o755), ("bin/tell", 0o755), (place, mode)] {
            fs::set_permissions(dir.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
        // Only root gives files away.
        if std::os::unix::fs::chown(dir.path().join(place), owner, None).is_err() {
            continue;
        }
        let (world, mira) = stage(&rule("downloads", &format!("command = [\"{}/tell\"]", bin.display())));
        read(&mira, &[0, 1, 2]);
        world.watches();
        let (is_well, faults) = (mode == 0o755 && owner.is_none(), world.library.faults());
        let said = "the command of alert a: it is not run: others than root and user id";
        assert_eq!(out.exists(), is_well, "{place} {mode:o}");
        assert!(
            faults.len() == usize::from(!is_well) && faults.iter().all(|fault| fault.starts_with(said)),
            "{faults:?}"
        );
    }
}

#[test]
fn a_rule_may_shut_the_member_out_and_his_mounts_go() {
    let (world, mira) = stage(&rule("downloads", "action = \"suspend\""));
    let gone = Arc::new(Mutex::new(Vec::new()));
    let seen = gone.clone();
    world.library.when_suspended(move |member| seen.lock().unwrap().push(member));
    let id = world.library.member_for(MIRA).unwrap();
    let open = mira.open("library/acme/4.png", true, false).unwrap();
    read(&mira, &[0, 1, 2]);
    world.watches();
    assert_eq!(*gone.lock().unwrap(), [id]);
    assert!(world.library.is_shut_out(id) && world.library.member_for(MIRA).is_none());
    assert!(mira.read("library/acme/0.png").is_err());
    assert!(mira.pread(open).is_err(), "what is open ends, too");
    let out = rows(&world, "member.suspend");
    assert!(out.len() == 1 && out[0]["who"] == "damfs" && out[0]["detail"]["alert"] == "a", "{out:?}");
    world.change_member("mira", None, Some(true));
    world.watches();
    read(&mira, &[0]);
}

#[test]
fn the_last_admin_is_not_shut_out() {
    let (world, _mira) = stage(&rule("downloads", "action = \"suspend\""));
    let admin = world.admin();
    read(&admin, &[0, 1, 2]);
    world.watches();
    assert_eq!(rows(&world, "alert.fire").len(), 1);
    assert!(rows(&world, "member.suspend").is_empty() && world.library.member_for(0).is_some());
}

#[test]
fn rules_with_a_mistake_are_refused_whole_and_those_before_stay_in_force() {
    let (world, mira) = stage(&rule("downloads", ""));
    let before = rule("downloads", "");
    put(&world, &format!("{before}[alert.b]\non = \"uploads\"\n"));
    let fault = world.library.alerts_fault().unwrap();
    assert!(fault.starts_with("alerts.toml line 7: unknown on `uploads`; did you mean `downloads`?"), "{fault}");
    let shown = |world: &World| world.serve(0, Command::AlertsShow).unwrap();
    assert_eq!(shown(&world)["text"], before);
    drop(mira);
    let world = world.reopen();
    assert_eq!(shown(&world)["text"], before, "also after a restart");
    let mira = world.seat(MIRA);
    read(&mira, &[0, 1, 2]);
    world.watches();
    let fired = rows(&world, "alert.fire");
    assert_eq!(fired.len(), 1);
    assert_eq!(fired[0]["detail"]["version"], shown(&world)["version"]);
    assert_eq!(world.kind(MIRA, Command::AlertsShow), FailureKind::Refused);
    put(&world, Alerts::TEMPLATE);
    assert_eq!(world.library.alerts_fault(), None);
    assert_eq!(shown(&world)["text"], Alerts::TEMPLATE);
    assert_eq!(rows(&world, "alerts.change").len(), 2);
}
