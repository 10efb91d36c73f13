//! Generated people at work in views: files are made, copied, linked, moved and removed in them, values are made, removed and renamed. After
//! each step every value's directory lists what the reference says, and so does `dam find`.

use std::collections::{BTreeMap, BTreeSet};

use damfs::fs::{FsError, FsResult};
use damfs::types::FileKind;
use proptest::prelude::*;
use tempfile::TempDir;

use super::tags::{Asset, Facet, No, Tags, VIEWS, View};
use crate::world::{User, World};

/// The first four are there from the beginning.
const NAMES: [&str; 7] = ["a.png", "b.png", "c.txt", "d.png", "e.png", "f.jpg", "g.txt"];
const FIRST: usize = 4;
const FOLDERS: [&str; 2] = ["", "d1/"];
const UNSORTED: &str = "Unsorted/2026/09/";
const VALUES: [(Facet, &str); 10] = [
    (Facet::Tag, "sea"),
    (Facet::Tag, "sea/beach"),
    (Facet::Tag, "sun"),
    (Facet::Tag, "sun/sea"),
    (Facet::Tag, "sea/beach/north"),
    (Facet::Tag, "lake"),
    (Facet::Persona, "luna"),
    (Facet::Persona, "mira"),
    (Facet::Rating, "safe"),
    (Facet::Rating, "adult"),
];
/// A version is made, and a name that was removed is remembered for five steps more.
const STEP_MS: i64 = 2_600;

/// A file in a view.
#[derive(Debug, Clone)]
enum Which {
    /// One of all that are shown.
    Shown(usize),
    /// It may be there or not.
    Any(&'static View, &'static str),
}

/// A value's directory.
#[derive(Debug, Clone)]
enum Value {
    Listed(usize),
    Any(usize),
}

#[derive(Debug, Clone)]
enum Op {
    /// A new file, or when the name is somebody's a copy of that one.
    Copy {
        name: &'static str,
        to: &'static View,
    },
    Link {
        name: &'static str,
        to: &'static View,
    },
    MoveIn {
        name: &'static str,
        to: &'static View,
    },
    MoveOut {
        which: Which,
        folder: &'static str,
    },
    Move {
        which: Which,
        to: &'static View,
    },
    Remove {
        which: Which,
    },
    /// `dam tag`.
    Tag {
        name: &'static str,
        tag: usize,
        give: bool,
    },
    MakeWord {
        value: usize,
    },
    RemoveWord {
        value: Value,
    },
    RenameValue {
        from: Value,
        to: usize,
    },
    /// No word is made where a directory shows a query.
    MakeElsewhere,
    Wait,
}

fn op() -> impl Strategy<Value = Op> {
    let name = || prop::sample::select(&NAMES[..]);
    // Those that take files are the likelier.
    let view = || prop_oneof![3 => 0..8usize, 4 => 0..14usize, 1 => 14..VIEWS.len()].prop_map(|n| &VIEWS[n]);
    let which = move || {
        let one = (view(), name()).prop_map(|(view, name)| Which::Any(view, name));
        prop_oneof![6 => any::<usize>().prop_map(Which::Shown), 1 => one]
    };
    let value =
        || prop_oneof![3 => any::<usize>().prop_map(Value::Listed), 1 => (0..VALUES.len()).prop_map(Value::Any)];
    prop_oneof![
        6 => (name(), view()).prop_map(|(name, to)| Op::Copy { name, to }),
        3 => (name(), view()).prop_map(|(name, to)| Op::Link { name, to }),
        5 => (name(), view()).prop_map(|(name, to)| Op::MoveIn { name, to }),
        2 => (which(), prop::sample::select(&FOLDERS[..])).prop_map(|(which, folder)| Op::MoveOut { which, folder }),
        10 => (which(), view()).prop_map(|(which, to)| Op::Move { which, to }),
        8 => which().prop_map(|which| Op::Remove { which }),
        4 => (name(), 0..6usize, prop::bool::weighted(0.7)).prop_map(|(name, tag, give)| Op::Tag { name, tag, give }),
        4 => (0..VALUES.len()).prop_map(|value| Op::MakeWord { value }),
        3 => value().prop_map(|value| Op::RemoveWord { value }),
        4 => (value(), 0..VALUES.len()).prop_map(|(from, to)| Op::RenameValue { from, to }),
        1 => Just(Op::MakeElsewhere),
        1 => Just(Op::Wait),
    ]
}

fn directory((facet, value): (Facet, &str)) -> String {
    format!("/by/{}/{value}", facet.name())
}

fn at(view: &View, name: &str) -> String {
    format!("{}/{name}", view.path)
}

struct Bench {
    _dir: TempDir,
    world: World,
    me: User,
    tags: Tags,
    now: i64,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let world = World::new(&dir.path().join("0"));
        let me = world.me();
        me.mkdir("d1").unwrap();
        let mut tags = Tags::default();
        for (n, name) in NAMES.iter().enumerate().take(FIRST) {
            let folder = FOLDERS[n % 2];
            me.write(&format!("{folder}{name}"), name.as_bytes()).unwrap();
            tags.assets.insert((*name).to_owned(), Asset::lying_in(folder));
        }
        for (facet, value) in [(Facet::Tag, "sea"), (Facet::Tag, "sun"), (Facet::Persona, "luna")] {
            me.mkdir(&format!("/by/{}/{value}", facet.name())).unwrap();
            tags.make_word(facet, value).unwrap();
        }
        let mut bench = Self { _dir: dir, world, me, tags, now: 0 };
        bench.pass(STEP_MS);
        bench
    }

    fn pass(&mut self, ms: i64) {
        self.now += ms;
        self.world.clock.advance_ms(ms);
        self.world.library().tick();
    }

    fn which(&self, which: &Which) -> (&'static View, String) {
        match which {
            Which::Any(view, name) => (view, (*name).to_owned()),
            Which::Shown(n) => {
                let there = VIEWS.iter().filter(|view| self.tags.resolves(view));
                let mut shown: Vec<_> =
                    there.flat_map(|view| self.tags.files(view).into_iter().map(move |name| (view, name))).collect();
                let n = n % shown.len();
                shown.swap_remove(n)
            }
        }
    }

    fn value(&self, value: &Value) -> (Facet, String) {
        match value {
            Value::Any(n) => (VALUES[*n].0, VALUES[*n].1.to_owned()),
            Value::Listed(n) => {
                let listed = |facet| self.tags.listed(facet).into_iter().map(move |value| (facet, value));
                let mut values: Vec<_> = Facet::ALL.into_iter().flat_map(listed).collect();
                match values.len() {
                    0 => (Facet::Tag, "sea".to_owned()),
                    count => values.swap_remove(n % count),
                }
            }
        }
    }

    fn home(&self, name: &str) -> Option<String> {
        self.tags.assets.get(name).map(|asset| format!("{}{name}", asset.folder))
    }

    /// As the kernel renames: two names of one file are left as they are.
    fn rename(&self, from: &str, to: &str) -> FsResult<()> {
        let source = self.me.find(from)?;
        if self.me.find(to).is_ok_and(|there| there == source) {
            return Ok(());
        }
        self.me.rename(from, to)
    }

    fn link(&self, from: &str, to: &str) -> FsResult<()> {
        let source = self.me.find(from)?;
        let (parent, name) = self.me.split(to)?;
        if self.me.find(to).is_ok() {
            return Err(FsError::Exists);
        }
        self.me.mount.link(&self.me.caller, source, parent, name).map(drop)
    }

    /// What is done, and what the page says of it.
    fn run(&mut self, op: &Op) -> (FsResult<()>, Result<(), No>) {
        let (me, now) = (self.me.clone(), self.now);
        match op {
            Op::Copy { name, to } => {
                let done = me.write(&at(to, name), name.as_bytes());
                let said = match self.tags.assets.contains_key(*name) {
                    true => self.tags.copy(name, to, now, false),
                    false => self.tags.create(to, name, UNSORTED),
                };
                (done, said)
            }
            Op::Link { name, to } => match self.home(name) {
                Some(home) => (self.link(&home, &at(to, name)), self.tags.copy(name, to, now, true)),
                None => (Ok(()), Ok(())),
            },
            Op::MoveIn { name, to } => match self.home(name) {
                Some(home) => (self.rename(&home, &at(to, name)), self.tags.move_in(name, to)),
                None => (Ok(()), Ok(())),
            },
            Op::MoveOut { which, folder } => {
                let (from, name) = self.which(which);
                let done = self.rename(&at(from, &name), &format!("{folder}{name}"));
                (done, self.tags.move_out(from, &name, folder))
            }
            Op::Move { which, to } => {
                let (from, name) = self.which(which);
                (self.rename(&at(from, &name), &at(to, &name)), self.tags.move_between(from, to, &name))
            }
            Op::Remove { which } => {
                let (from, name) = self.which(which);
                (me.unlink(&at(from, &name)), self.tags.remove(from, &name, now))
            }
            Op::Tag { name, tag, give } => {
                let Some(home) = self.home(name) else { return (Ok(()), Ok(())) };
                let asset = self.tags.assets.get_mut(*name).unwrap();
                let (facet, value) = VALUES[*tag];
                if asset.of(facet).any(|own| own == value) == *give {
                    return (Ok(()), Ok(()));
                }
                if *give {
                    asset.give((facet, value))
                } else {
                    asset.take_exactly((facet, value))
                }
                (self.world.set_tag(&home, value, *give), Ok(()))
            }
            Op::MakeWord { value } => {
                let (facet, word) = VALUES[*value];
                (self.mkdir(&directory((facet, word))), self.tags.make_word(facet, word))
            }
            Op::RemoveWord { value } => {
                let (facet, word) = self.value(value);
                (me.rmdir(&directory((facet, &word))), self.tags.remove_word(facet, &word))
            }
            Op::RenameValue { from, to } => {
                let ((facet, word), to) = (self.value(from), VALUES[*to]);
                let from = (facet, word.as_str());
                (self.rename(&directory(from), &directory(to)), self.tags.rename_value(from, to))
            }
            Op::MakeElsewhere => {
                let said = if self.tags.exists((Facet::Tag, "sea")) { No::NotPermitted } else { No::NotFound };
                (me.mkdir("/find/tag=sea/new"), Err(said))
            }
            Op::Wait => {
                self.pass(20_000);
                (Ok(()), Ok(()))
            }
        }
    }

    /// The kernel asks whether a name is there before it makes it.
    fn mkdir(&self, path: &str) -> FsResult<()> {
        if self.me.find(path).is_ok() { Err(FsError::Exists) } else { self.me.mkdir(path) }
    }

    /// The files and the directories in one, without what damfs puts there.
    fn listed(&self, path: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut files, mut directories) = (BTreeSet::new(), BTreeSet::new());
        for row in self.me.rows(path) {
            let name = String::from_utf8(row.name).unwrap();
            if name == "+and" || name == ".nomedia" || name == ".trackerignore" {
                continue;
            }
            if row.kind == FileKind::Dir { &mut directories } else { &mut files }.insert(name);
        }
        (files, directories)
    }

    fn check(&self) -> Result<(), String> {
        for facet in Facet::ALL {
            self.check_values(facet)?;
        }
        let mut paths = BTreeMap::new();
        for (name, asset) in &self.tags.assets {
            paths.insert(name.clone(), format!("library/{}{name}", asset.folder));
        }
        for view in &VIEWS {
            if !self.tags.resolves(view) {
                let found = self.me.find(view.path);
                differ(view.path, &found.map_err(|e| e.errno()), &Err(FsError::NotFound.errno()))?;
                continue;
            }
            let files = self.tags.files(view);
            differ(view.path, &self.listed(view.path).0, &files)?;
            let found = self.world.found(view.query).map_err(|e| format!("{}: {e:?}", view.query))?;
            let wanted = files.iter().map(|name| paths[name].clone()).collect();
            differ(&format!("dam find {}", view.query), &found.into_iter().collect::<BTreeSet<_>>(), &wanted)?;
        }
        let mut listed = Vec::new();
        self.me.list("", &mut listed);
        let listed = listed.into_iter().filter(|(_, is_dir)| !is_dir).map(|(path, _)| format!("library/{path}"));
        differ("library/", &listed.collect::<BTreeSet<_>>(), &paths.into_values().collect())
    }

    /// Every directory of a facet, and of the tags below one another.
    fn check_values(&self, facet: Facet) -> Result<(), String> {
        let by = format!("/by/{}", facet.name());
        let known = self.tags.listed(facet);
        let below = |above: &str| -> BTreeSet<String> {
            let own = known.iter().filter_map(|value| value.strip_prefix(above));
            own.filter(|rest| !rest.is_empty() && !rest.contains('/')).map(str::to_owned).collect()
        };
        let mut directories = below("");
        if self.tags.any_without(facet) {
            directories.insert("none".to_owned());
        }
        differ(&by, &self.listed(&by), &(BTreeSet::new(), directories))?;
        for value in &known {
            let path = format!("{by}/{value}");
            differ(&path, &self.listed(&path), &(self.tags.with((facet, value)), below(&format!("{value}/"))))?;
        }
        Ok(())
    }
}

fn errno(no: No) -> i32 {
    match no {
        No::NotFound => FsError::NotFound.errno(),
        No::NotPermitted => FsError::NotPermitted(String::new()).errno(),
        No::Exists => FsError::Exists.errno(),
        No::NotEmpty => FsError::NotEmpty.errno(),
        No::Invalid => FsError::Invalid("").errno(),
    }
}

fn differ<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("{what}: {got:?}, not {wanted:?}")) }
}

proptest! {
    #![proptest_config(super::config(24))]

    #[test]
    fn views_show_what_was_said_in_them(ops in prop::collection::vec(op(), 1..40)) {
        let mut bench = Bench::new();
        for op in &ops {
            let (done, said) = bench.run(op);
            bench.pass(STEP_MS);
            let got = done.as_ref().map(drop).map_err(|e| e.errno());
            prop_assert_eq!(got, said.map_err(errno), "{:?}: {:?}, not {:?}", op, done, said);
            let checked = bench.check();
            prop_assert!(checked.is_ok(), "after {:?} ({:?}): {}", op, done, checked.unwrap_err());
        }
        for name in bench.tags.assets.keys() {
            let home = bench.home(name).unwrap();
            prop_assert_eq!(bench.world.versions(&home), 1, "versions of {}", home);
        }
        prop_assert_eq!(bench.world.faults(), serde_json::json!([]));
    }
}
