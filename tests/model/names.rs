//! Generated operations on many files of few names: each has one name in views, which leads to it and stays.

use std::collections::{BTreeMap, BTreeSet};

use damfs::catalog::AssetState;
use damfs::types::{AssetId, FileKind};
use proptest::prelude::*;

use crate::world::World;

const PLACES: [&str; 9] =
    ["a.png", "a.jpg", "b.png", "d1/a.png", "d1/a.jpg", "d1/b.png", "d2/a.png", "d2/a.jpg", "d2/b.png"];

#[derive(Debug, Clone)]
enum Op {
    Write(usize, u8),
    Rename(usize, usize),
    Unlink(usize),
    /// The first in the trash is moved out.
    Restore(usize),
    Wait(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let place = 0..PLACES.len();
    prop_oneof![
        4 => (place.clone(), any::<u8>()).prop_map(|(p, byte)| Op::Write(p, byte)),
        3 => (place.clone(), place.clone()).prop_map(|(a, b)| Op::Rename(a, b)),
        3 => place.clone().prop_map(Op::Unlink),
        2 => place.prop_map(Op::Restore),
        4 => (1u8..20).prop_map(Op::Wait),
    ]
}

/// What does not work changes nothing.
fn run(world: &World, op: &Op) {
    let me = world.me();
    let _ = match op {
        Op::Write(place, byte) => me.write(PLACES[*place], &[*byte; 50]),
        Op::Rename(from, to) => me.rename(PLACES[*from], PLACES[*to]),
        Op::Unlink(place) => me.unlink(PLACES[*place]),
        Op::Restore(place) => {
            let mut trash = Vec::new();
            me.list("/trash", &mut trash);
            match trash.iter().find(|(path, is_dir)| !is_dir && path.ends_with('g')) {
                Some((path, _)) => me.rename(path, PLACES[*place]),
                None => Ok(()),
            }
        }
        Op::Wait(seconds) => {
            world.wait(i64::from(*seconds));
            Ok(())
        }
    };
}

/// The name shown and the plain one of each asset outside the trash.
type Names = BTreeMap<AssetId, (String, String)>;

/// Everything is listed once, and by a name that leads to it.
fn shown(world: &World) -> Names {
    let me = world.me();
    let view = "/find/state=active+trashed";
    let (mut names, mut ids, mut live) = (BTreeSet::new(), BTreeSet::new(), Names::new());
    for row in me.rows(view).into_iter().filter(|row| row.kind == FileKind::File) {
        let name = String::from_utf8(row.name).unwrap();
        let path = format!("{view}/{name}");
        assert_eq!(me.find(&path).unwrap(), row.ino, "{name}");
        let id: AssetId = me.id(&path).parse().unwrap();
        assert!(ids.insert(id), "{name}: another name of what was listed already");
        assert!(names.insert(name.clone()), "{name}: listed twice");
        let asset = world.library().catalog.read(|tx| tx.asset(id)).unwrap().unwrap();
        if asset.state == AssetState::Active {
            live.insert(id, (name, asset.view_name));
        }
    }
    live
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn who_has_his_plain_name_keeps_it_whoever_comes(ops in prop::collection::vec(op(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::new(dir.path());
        world.me().mkdir("d1").unwrap();
        world.me().mkdir("d2").unwrap();
        let mut before = Names::new();
        for op in &ops {
            run(&world, op);
            let now = shown(&world);
            for (id, (name, plain)) in before.iter().filter(|(_, (name, plain))| name == plain) {
                if let Some((name_now, plain_now)) = now.get(id).filter(|(_, now)| now == plain) {
                    prop_assert_eq!((name_now, plain_now), (name, plain), "{:?}", op);
                }
            }
            before = now;
        }
        world.open();
        prop_assert_eq!(shown(&world), before);
        prop_assert_eq!(world.library().catalog.check().unwrap(), Vec::<String>::new());
    }
}
