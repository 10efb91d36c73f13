//! What the generated programs and people do.

use proptest::prelude::*;

use super::names::{FILES, FOLDERS};
use super::reference::Who;

/// An admin from three processes (one unknown), an editor from two.
pub const WHO: [Who; 5] = [
    Who { deletes: true, process: 7 },
    Who { deletes: true, process: 8 },
    Who { deletes: true, process: 0 },
    Who { deletes: false, process: 7 },
    Who { deletes: false, process: 9 },
];

/// How a file is opened for writing.
#[derive(Debug, Clone, Copy)]
pub enum How {
    /// `O_CREAT | O_EXCL`.
    New,
    /// `O_CREAT | O_TRUNC`.
    Cut,
    /// Without either, and written from there.
    Patch(u8),
    /// Opened and nothing written.
    Touch,
}

#[derive(Debug, Clone)]
pub enum Op {
    /// Opens and writes; the file stays open when asked for.
    Write {
        who: usize,
        at: String,
        how: How,
        fill: u8,
        keep: bool,
    },
    /// Through one of the files that are open.
    More {
        slot: u8,
        offset: u8,
        fill: u8,
    },
    Resize {
        slot: u8,
        size: u8,
    },
    Close {
        slot: u8,
    },
    Truncate {
        who: usize,
        at: String,
        size: u8,
    },
    Rename {
        who: usize,
        from: String,
        to: String,
        no_replace: bool,
    },
    Unlink {
        who: usize,
        at: String,
    },
    Mkdir {
        who: usize,
        at: String,
    },
    Rmdir {
        who: usize,
        at: String,
    },
    Xattr {
        who: usize,
        at: String,
        name: &'static str,
        fill: u8,
    },
    Tag {
        at: String,
        give: bool,
    },
    Wait(i64),
    Settle,
    /// The daemon is killed, and begins again.
    Crash,
    /// It ends, and begins again.
    Remount,
}

fn folder() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 2 => Just("d1/"), 1 => Just(".~tmp~/"), 1 => Just("d1/d2/")]
}

/// A file's path; the first names are the likelier.
fn file() -> impl Strategy<Value = String> {
    let name = prop_oneof![4 => Just(0usize), 2 => Just(1), 2 => Just(2), 6 => 0..FILES.len()];
    (folder(), name).prop_map(|(folder, name)| format!("{folder}{}", FILES[name].0))
}

fn dir() -> impl Strategy<Value = String> {
    (prop_oneof![4 => Just(""), 1 => Just("d1/")], 0..FOLDERS.len())
        .prop_map(|(folder, name)| format!("{folder}{}", FOLDERS[name]))
}

fn who() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(0usize), 4 => 0..WHO.len()]
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![3 => Just(How::New), 6 => Just(How::Cut), 1 => (0u8..40).prop_map(How::Patch), 1 => Just(How::Touch)]
}

pub fn op() -> impl Strategy<Value = Op> {
    let fill = || prop_oneof![1 => Just(0u8), 12 => any::<u8>()];
    prop_oneof![
        14 => (who(), file(), how(), fill(), prop::bool::weighted(0.15))
            .prop_map(|(who, at, how, fill, keep)| Op::Write { who, at, how, fill, keep }),
        2 => (any::<u8>(), 0u8..60, fill()).prop_map(|(slot, offset, fill)| Op::More { slot, offset, fill }),
        1 => (any::<u8>(), 0u8..60).prop_map(|(slot, size)| Op::Resize { slot, size }),
        3 => any::<u8>().prop_map(|slot| Op::Close { slot }),
        1 => (who(), file(), 0u8..60).prop_map(|(who, at, size)| Op::Truncate { who, at, size }),
        14 => (who(), file(), file(), prop::bool::weighted(0.1))
            .prop_map(|(who, from, to, no_replace)| Op::Rename { who, from, to, no_replace }),
        1 => (who(), dir(), dir()).prop_map(|(who, from, to)| Op::Rename { who, from, to, no_replace: false }),
        8 => (who(), file()).prop_map(|(who, at)| Op::Unlink { who, at }),
        2 => (who(), dir()).prop_map(|(who, at)| Op::Mkdir { who, at }),
        1 => (who(), dir()).prop_map(|(who, at)| Op::Rmdir { who, at }),
        2 => (who(), file(), prop_oneof![Just("user.DOSATTRIB"), Just("user.note")], fill())
            .prop_map(|(who, at, name, fill)| Op::Xattr { who, at, name, fill }),
        2 => (file(), any::<bool>()).prop_map(|(at, give)| Op::Tag { at, give }),
        8 => prop_oneof![3 => Just(100i64), 6 => Just(3_000), 3 => Just(20_000), 1 => Just(660_000)].prop_map(Op::Wait),
        1 => Just(Op::Settle),
        1 => Just(Op::Crash),
        1 => Just(Op::Remount),
    ]
}
