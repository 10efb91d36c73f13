//! `dam tag`: one tag of many assets.

use super::args::{Global, TagAction, TagArgs};
use super::{Done, many};
use crate::ops::proto::Command;
use crate::ops::value;

/// Adds or removes.
pub fn run(global: &Global, args: TagArgs) -> Done {
    let (what, remove) = match args.action {
        TagAction::Add(what) => (what, false),
        TagAction::Remove(what) => (what, true),
    };
    value::tag(&what.tag)?;
    let paths: Vec<&String> = what.paths.iter().collect();
    many::run(global, &what.many, &paths, |of, dry_run| Command::Tag {
        what: of,
        tag: what.tag.clone(),
        remove,
        dry_run,
    })
}
