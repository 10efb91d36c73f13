//! Users and groups of a system that is made up here, and a library that asks it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use damfs::directory::{Directory, DirectoryError, Person};
use damfs::fs::{Audience, Mount, Show};
use damfs::ops::groups::GroupChange;
use damfs::ops::log::Ask;
use damfs::ops::proto::{Command, FailureKind};
use damfs::types::Caller;
use serde_json::Value;

use crate::world::{Seat, World};

pub const EVE: u32 = 1_001;
pub const BOB: u32 = 1_002;
pub const A: &str = "library/acme/a.png";
pub const SECRET: &str = "library/globex/secret.png";

/// Logins by user id with their groups, and how often each was asked for.
#[derive(Default)]
pub struct People {
    rows: Mutex<BTreeMap<u32, (String, BTreeSet<String>)>>,
    asked: Mutex<BTreeMap<u32, usize>>,
    silent: Mutex<bool>,
    /// Its part of the users and groups is down: nobody knows them, and that is all that is said.
    down: Mutex<bool>,
    /// What comes in between while this one is asked for, once.
    meanwhile: Mutex<Option<(u32, Meanwhile)>>,
}

type Meanwhile = Box<dyn FnOnce() + Send>;

impl People {
    pub fn put(&self, uid: u32, login: &str, groups: &[&str]) {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self.rows.lock().unwrap().insert(uid, (login.to_owned(), groups));
    }

    pub fn silent(&self, is_silent: bool) {
        *self.silent.lock().unwrap() = is_silent;
    }

    pub fn down(&self, is_down: bool) {
        *self.down.lock().unwrap() = is_down;
    }

    pub fn while_asked(&self, uid: u32, what: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some((uid, Box::new(what)));
    }

    pub fn asked(&self, uid: u32) -> usize {
        self.asked.lock().unwrap().get(&uid).copied().unwrap_or_default()
    }
}

impl Directory for People {
    fn person(&self, uid: u32, groups: &[String]) -> Result<Option<Person>, DirectoryError> {
        *self.asked.lock().unwrap().entry(uid).or_default() += 1;
        let meanwhile = self.meanwhile.lock().unwrap().take_if(|(of, _)| *of == uid);
        if let Some((_, what)) = meanwhile {
            what();
        }
        if *self.silent.lock().unwrap() {
            return Err(DirectoryError("the server is down".to_owned()));
        }
        if *self.down.lock().unwrap() {
            return Ok(None);
        }
        let rows = self.rows.lock().unwrap();
        Ok(rows.get(&uid).map(|(login, of)| Person {
            login: login.clone(),
            groups: groups.iter().filter(|group| of.contains(*group)).cloned().collect(),
            unknown: BTreeSet::new(),
        }))
    }

    fn has_group(&self, name: &str) -> Result<bool, DirectoryError> {
        Ok(self.rows.lock().unwrap().values().any(|(_, of)| of.contains(name)))
    }
}

/// eve is in studio, bob in nothing; studio gives nothing yet.
pub fn stage() -> (World, Arc<People>) {
    let (world, _) = World::studio();
    let people = Arc::new(People::default());
    people.put(EVE, "eve", &["studio"]);
    people.put(BOB, "bob", &[]);
    world.library.use_directory(people.clone());
    (world, people)
}

pub fn grant(world: &World, group: &str, role: &str) -> Value {
    world.serve(0, granting(group, role)).unwrap()
}

pub fn granting(group: &str, role: &str) -> Command {
    let new = GroupChange { role: Some(role.into()), ..GroupChange::default() };
    Command::GroupAdd { group: group.into(), new }
}

/// Time in which everybody is asked for again.
pub fn round(world: &World) {
    world.clock.advance_ms(2_500);
    world.library.sweep_groups();
    world.library.tick_short();
}

/// At a mount that is everybody's.
pub fn shared(world: &World, uid: u32) -> Seat {
    let mount = Mount::new(world.library.clone(), Audience::Everyone, Show { uid: 0, gid: 0 }).unwrap();
    Seat { mount, caller: Caller { uid, gid: uid, process: uid + 100 } }
}

pub fn list(world: &World) -> Value {
    world.serve(0, Command::MemberList).unwrap()
}

pub fn member(world: &World, name: &str) -> Option<Value> {
    list(world)["members"].as_array().unwrap().iter().find(|row| row["name"] == name).cloned()
}

pub fn may_ask(world: &World, uid: u32) -> bool {
    match world.serve(uid, Command::SavedList) {
        Ok(_) => true,
        Err(e) => {
            assert_eq!(e.kind, FailureKind::Refused, "{e:?}");
            false
        }
    }
}

pub fn deeds(world: &World, what: &str) -> Vec<Value> {
    let rows = world.serve(0, Command::Log(Ask { limit: 1_000, ..Ask::default() })).unwrap();
    rows["rows"].as_array().unwrap().iter().filter(|row| row["what"] == what).cloned().collect()
}

pub fn troubles(world: &World) -> String {
    String::from_utf8(world.admin().read(".dam/errors").unwrap()).unwrap()
}
