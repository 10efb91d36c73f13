//! `dam tag`: one tag of many assets.

use super::args::{Global, TagAction, TagArgs};
use super::{Done, backend, set, target};
use crate::ops::proto::Command;
use crate::ops::value;

/// Adds or removes.
pub fn run(global: &Global, args: TagArgs) -> Done {
    let (what, remove) = match args.action {
        TagAction::Add(what) => (what, false),
        TagAction::Remove(what) => (what, true),
    };
    value::tag(&what.tag)?;
    let hints: Vec<&str> = what.paths.iter().map(String::as_str).collect();
    let done = backend::run(global, &hints, |root| {
        Ok(Command::Tag { targets: target::resolve_all(root, &what.paths)?, tag: what.tag.clone(), remove })
    })?;
    set::report(global, &done)
}
