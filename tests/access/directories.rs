//! What the system says of who is in which group, and what it does not say: late, in doubt, never.

use std::sync::{Arc, Mutex, mpsc};

use damfs::directory::{Directory, DirectoryError, Person};
use damfs::ops::proto::Command;

use crate::people::*;
use crate::world::{World, errno};

/// Regression: while nobody was in by a group yet, a directory that was set up wrongly was told to nobody.
#[test]
fn a_directory_that_fails_is_told_to_admins_when_nobody_is_in_yet() {
    let (world, people) = stage();
    grant(&world, "studio", "editor");
    people.silent(true);
    assert!(!may_ask(&world, EVE));
    let told = || troubles(&world).matches("cannot be asked: the server is down; nobody new is let in").count();
    assert_eq!((told(), world.library.faults().len()), (1, 1), "{:?}", world.library.faults());
    round(&world);
    world.clock.advance_ms(3_500);
    assert!(!may_ask(&world, EVE));
    assert_eq!((told(), world.library.faults().len()), (1, 1), "once");
    people.silent(false);
    world.clock.advance_ms(3_500);
    assert!(may_ask(&world, EVE) && world.library.faults().is_empty());
}

#[test]
fn while_the_system_cannot_say_nobody_comes_and_who_is_in_stays_a_while() {
    let (world, people) = stage();
    grant(&world, "studio", "editor");
    let eve = shared(&world, EVE);
    assert!(eve.has(A));
    people.put(BOB, "bob", &["studio"]);
    people.silent(true);
    let refused = world.serve(BOB, Command::SavedList).unwrap_err();
    assert!(refused.message.contains("cannot be asked for now: the server is down"), "{refused:?}");
    round(&world);
    assert!(
        troubles(&world).contains("who is in which group cannot be asked: the server is down; nobody new is let in")
    );
    assert_eq!(world.library.faults().len(), 1, "{:?}", world.library.faults());
    for _ in 0..4 {
        world.clock.advance_ms(120_000);
        round(&world);
        assert!(eve.has(A) && may_ask(&world, EVE) && !may_ask(&world, BOB));
    }
    world.clock.advance_ms(480_000);
    round(&world);
    assert_eq!(errno(eve.find(A)), libc::EACCES, "a quarter of an hour, and no more");
    assert!(!may_ask(&world, EVE));
    let row = &deeds(&world, "member.groups")[0]["detail"];
    assert!(row["why"].as_str().unwrap().contains("the server is down"), "{row}");
    people.silent(false);
    world.clock.advance_ms(3_500);
    assert!(may_ask(&world, EVE) && may_ask(&world, BOB));
    assert!(eve.has(A));
    round(&world);
    assert!(world.library.faults().is_empty());
}

/// Regression: as name services are set up mostly, a directory that is down says of everybody that there is no such user, and whoever was in by a
/// group had lost his mounts and what he had unlocked within one round.
#[test]
fn whom_nobody_knows_while_a_directory_is_down_stays_a_while_also_over_a_start() {
    let (world, people) = stage();
    grant(&world, "studio", "editor");
    let eve = shared(&world, EVE);
    assert!(eve.has(A));
    people.down(true);
    round(&world);
    assert!(eve.has(A) && may_ask(&world, EVE) && !may_ask(&world, BOB));
    assert!(troubles(&world).contains("cannot be asked: nobody knows user id 1001"), "{}", troubles(&world));
    drop(eve);
    let world = world.reopen();
    world.library.use_directory(people.clone());
    round(&world);
    assert!(shared(&world, EVE).has(A));
    world.clock.advance_ms(15 * 60_000);
    round(&world);
    assert!(!may_ask(&world, EVE), "whose account is gone is out by then");
    assert!(deeds(&world, "member.groups")[0]["detail"]["why"].as_str().unwrap().contains("nobody knows user id 1001"));
    assert!(world.library.faults().len() == 1, "{:?}", world.library.faults());
    round(&world);
    assert!(world.library.faults().is_empty(), "nobody is in doubt any more");
    people.down(false);
    world.clock.advance_ms(3_500);
    assert!(may_ask(&world, EVE));
}

#[test]
fn a_stranger_does_not_make_the_system_be_asked_for_every_name() {
    let (world, people) = stage();
    grant(&world, "studio", "editor");
    let (bob, eve) = (shared(&world, BOB), shared(&world, EVE));
    for _ in 0..50 {
        assert!(bob.find("library/x").is_err() && eve.has(A));
    }
    assert_eq!((people.asked(BOB), people.asked(EVE)), (1, 1));
    people.put(BOB, "bob", &["studio"]);
    assert!(!bob.has(A), "believed for a moment");
    world.clock.advance_ms(3_500);
    assert!(bob.has(A) && people.asked(BOB) == 2);
    // Those of the system itself are never asked for, whatever groups they are in.
    people.put(33, "www-data", &["studio"]);
    people.put(65_534, "nobody", &["studio"]);
    assert!(!may_ask(&world, 33) && !may_ask(&world, 65_534));
    assert_eq!(people.asked(33) + people.asked(65_534), 0);
}

/// Answers nobody until it is let.
struct Held {
    asked: Mutex<Vec<u32>>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Directory for Held {
    fn person(&self, uid: u32, _: &[String]) -> Result<Option<Person>, DirectoryError> {
        self.asked.lock().unwrap().push(uid);
        let _ = self.go.lock().unwrap().recv();
        Ok(None)
    }

    fn has_group(&self, _: &str) -> Result<bool, DirectoryError> {
        Ok(true)
    }
}

/// Regression: whoever serves mounts waited for a stranger's question that another waited for, so that one user, or one with many user ids,
/// held a shared mount up while the directory was slow; and for questions about members whom nobody had to ask for.
#[test]
fn a_stranger_holds_nobody_up_while_the_directory_is_slow() {
    let (world, _) = World::studio();
    let (go, held) = mpsc::channel();
    let held = Arc::new(Held { asked: Mutex::default(), go: Mutex::new(held) });
    let mira = 1_500;
    drop(world.member("mira", mira, "editor", None));
    world.library.use_directory(held.clone());
    grant(&world, "studio", "editor");
    let asked = || held.asked.lock().unwrap().clone();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| may_ask(&world, BOB));
        while asked().is_empty() {
            std::thread::yield_now();
        }
        let refused = world.serve(BOB, Command::SavedList).unwrap_err();
        assert!(refused.message.contains("that is being done just now"), "{refused:?}");
        assert!(shared(&world, mira).has(A) && may_ask(&world, mira), "who is in by himself waits for nobody");
        drop(go);
        assert!(!first.join().unwrap());
    });
    assert_eq!(asked(), [BOB]);
    for uid in 2_000..2_100 {
        assert!(!may_ask(&world, uid));
    }
    assert_eq!(asked().len(), 20);
    world.clock.advance_ms(1_000);
    assert!(!may_ask(&world, 2_099));
    assert_eq!(asked().last(), Some(&2_099));
}
