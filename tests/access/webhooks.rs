//! Alerts that are posted to a webhook: what is sent, how often, and what is said when it fails. The servers are real ones.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use damfs::ops::log::Ask;
use damfs::ops::proto::Command;
use serde_json::Value;

use crate::world::{Seat, World};

/// A server on this machine that gives one answer after the other, the last one for ever; what it was asked.
fn server(answers: &'static [&'static str]) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            seen.lock().unwrap().push(request(&mut stream));
            let answer = answers[n.min(answers.len() - 1)];
            if answer == "hang" {
                std::thread::sleep(Duration::from_secs(60));
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, asked)
}

fn request(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (mut said, mut buf) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&said).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut buf) {
            Ok(0) | Err(_) => return text,
            Ok(count) => said.extend(&buf[..count]),
        }
    }
}

const OK: &str = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";

/// Mira has opened three files, one more than the rule lets her.
fn stage(rule: &str) -> (World, Seat) {
    let (world, admin) = World::studio();
    for n in 0..3 {
        admin.write(&format!("library/acme/{n}.png"), format!("bytes {n}").as_bytes()).unwrap();
    }
    world.settle();
    let mira = world.member("mira", 1001, "editor", None);
    let text = format!("[alert.a]\non = \"downloads\"\nmore_than = 2\nwithin = \"10 minutes\"\n{rule}\n");
    fs::write(world.library.root().join("alerts.toml"), text).unwrap();
    world.watches();
    (world, mira)
}

fn fire(world: &World, mira: &Seat) {
    (0..3).for_each(|n| drop(mira.read(&format!("library/acme/{n}.png")).unwrap()));
    world.watches();
    let told = world.serve(0, Command::Log(Ask { limit: 1_000, ..Ask::default() })).unwrap();
    assert!(told.to_string().contains("alert.fire"));
}

fn wait<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = done() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn fault(world: &World) -> String {
    let status = |seat: &Seat| String::from_utf8(seat.read(".dam/status").unwrap()).unwrap();
    let fault = wait("a fault", || world.library.faults().into_iter().next());
    assert!(status(&world.admin()).contains(&fault), "admins see it");
    assert!(!fault.contains("s3cret") && !status(&world.admin()).contains("s3cret"), "{fault}");
    fault
}

#[test]
fn an_alert_is_posted_as_the_line_that_a_command_reads() {
    let (port, asked) = server(&[OK]);
    let (world, mira) = stage(&format!("webhook = \"http://127.0.0.1:{port}/s3cret?a=b\"\naction = \"suspend\""));
    fire(&world, &mira);
    let said = wait("a post", || asked.lock().unwrap().first().cloned());
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /s3cret?a=b HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    let alert: Value = serde_json::from_str(body.strip_suffix('\n').unwrap()).unwrap();
    assert_eq!((&alert["alert"], &alert["member"], &alert["count"]), (&"a".into(), &"mira".into(), &3.into()));
    assert_eq!((&alert["suspended"], &alert["read_only"]), (&true.into(), &false.into()));
    std::thread::sleep(Duration::from_millis(300));
    assert!(world.library.faults().is_empty() && asked.lock().unwrap().len() == 1, "{:?}", world.library.faults());
}

#[test]
fn who_is_not_able_just_now_is_asked_again_and_who_refuses_is_not() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let (port, asked) = server(Box::leak(Box::new([busy, OK])));
    let (world, mira) = stage(&format!("webhook = \"http://127.0.0.1:{port}/s3cret\""));
    fire(&world, &mira);
    wait("a second post", || (asked.lock().unwrap().len() == 2).then_some(()));
    std::thread::sleep(Duration::from_millis(300));
    assert!(world.library.faults().is_empty(), "{:?}", world.library.faults());

    for (answer, said) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "status 403"),
        // Followed nowhere.
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/s3cret\r\nContent-Length: 0\r\n\r\n", "status 302"),
    ] {
        let (port, asked) = server(Box::leak(Box::new([answer])));
        let (world, mira) = stage(&format!("webhook = \"http://127.0.0.1:{port}/s3cret\""));
        fire(&world, &mira);
        let expected = format!(
            "the webhook of alert a: http://127.0.0.1:{port}: it answered with {said}; the alert itself is in dam log"
        );
        assert_eq!(fault(&world), expected);
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
}

#[test]
fn whom_nobody_reaches_or_trusts_is_a_fault_within_a_minute() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (plain, _) = server(&[OK]);
    let (nonsense, _) = server(&["SSH-2.0-nothing\r\n"]);
    let is_told = |url: String| {
        let began = Instant::now();
        let (world, mira) = stage(&format!("webhook = \"{url}\""));
        fire(&world, &mira);
        assert!(fault(&world).starts_with("the webhook of alert a: http"), "{url}");
        assert!(began.elapsed() < Duration::from_secs(60));
    };
    // At the same time: each is asked three times.
    std::thread::scope(|scope| {
        scope.spawn(|| is_told(format!("http://127.0.0.1:{closed}/s3cret")));
        scope.spawn(|| is_told(format!("https://127.0.0.1:{plain}/s3cret")));
        scope.spawn(|| is_told(format!("http://127.0.0.1:{nonsense}/s3cret")));
    });
}

/// Who does not answer keeps nobody waiting: the next look comes, commands are run, and the library closes.
#[test]
fn who_does_not_answer_keeps_nobody_waiting() {
    let (port, asked) = server(&["hang"]);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let (world, mira) = stage(&format!(
        "webhook = \"http://127.0.0.1:{port}/s3cret\"\ncommand = [\"/usr/bin/touch\", \"{}\"]\naction = \"read-only\"",
        out.display()
    ));
    fire(&world, &mira);
    wait("a post", || asked.lock().unwrap().first().cloned());
    let began = Instant::now();
    world.watches();
    assert!(out.exists());
    drop(mira);
    drop(world.reopen());
    assert!(began.elapsed() < Duration::from_secs(30), "it does not answer for a minute: {:?}", began.elapsed());
}

/// Regression: an alert that was on record as told was lost when the daemon ended while it was posted.
#[test]
fn the_end_waits_a_moment_for_what_is_being_posted() {
    let (port, asked) = server(&["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", OK]);
    let (world, mira) = stage(&format!("webhook = \"http://127.0.0.1:{port}/s3cret\""));
    fire(&world, &mira);
    wait("the first post", || asked.lock().unwrap().first().cloned());
    let began = Instant::now();
    world.library.close();
    assert_eq!(asked.lock().unwrap().len(), 2, "who was busy was asked again");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    let began = Instant::now();
    world.library.close();
    assert!(began.elapsed() < Duration::from_secs(1), "nothing is posted: {:?}", began.elapsed());
}

#[test]
fn nobody_is_asked_where_others_may_write_in_the_librarys_folder() {
    let (port, asked) = server(&[OK]);
    let (world, mira) = stage(&format!("webhook = \"http://127.0.0.1:{port}/s3cret\""));
    fs::set_permissions(world.library.root(), fs::Permissions::from_mode(0o777)).unwrap();
    fire(&world, &mira);
    assert!(fault(&world).starts_with("no command of alerts.toml is run and no webhook asked"));
    assert!(asked.lock().unwrap().is_empty());
}
