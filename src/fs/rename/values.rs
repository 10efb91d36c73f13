//! A value's directory gets another name: whatever has the value has the other one.

use super::{Mover, Source};
use crate::catalog::WriteTx;
use crate::fs::mount::{Mount, Place};
use crate::fs::{FsError, FsResult};
use crate::ops::value::written;
use crate::ops::values::{self, Renamed};
use crate::ops::{Actor, terms};
use crate::policy::Field;
use crate::types::FileName;
use crate::view::tree::{self, Dir};

/// The value whose directory this is, in the place where all of it is shown: within a narrowed view it looks as if only a part were renamed.
pub(super) fn of_directory(dir: &Dir, name: &FileName) -> FsResult<Source> {
    let word = tree::new_word(dir, name).filter(|_| !matches!(dir, Dir::NarrowField(..)));
    match word {
        Some((Field::Client, _)) => Err(FsError::NotPermitted(
            "a client's name stands in the scopes of members: give its assets and members another with `dam set` and `dam member set`".into(),
        )),
        Some((field, value)) => Ok(Source::Value(field, value)),
        None => Err(FsError::NotPermitted(
            "only words of persona, campaign, tag, model and lora are renamed, in by/; the view's other directories stay".into(),
        )),
    }
}

impl Mount {
    pub(super) fn rename_value(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        (field, from): (&Field, &str),
        to: &Place,
        new_name: &FileName,
    ) -> FsResult<()> {
        let stays = || FsError::NotPermitted(format!("a value stays one of {field}: rename it within by/{field}/"));
        let Place::View(dir) = to else { return Err(stays()) };
        let target = tree::new_word(dir, new_name).filter(|_| !matches!(dir, Dir::NarrowField(..)));
        let Some((_, value)) = target.filter(|(other, _)| other == field) else { return Err(stays()) };
        Self::may_change_words(m.who, field, from)?;
        // Two values that became one could not be told apart again by renaming.
        if self.has_word(tx, m.who, (dir, new_name), field, &value)? {
            return Err(FsError::Exists);
        }
        if value.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) {
            return Err(FsError::Invalid("a tag cannot be moved below itself"));
        }
        // What the glossary defines it also names, or text and library would contradict each other.
        if m.who.subject.glossary().names(field, from) {
            return Err(FsError::NotPermitted(format!(
                "{field}={} is defined in the glossary: give it its new name there, with this one as an alias (dam glossary edit), then dam audit metadata --fix",
                written(field, from)
            )));
        }
        let value = terms::admit(tx, m.who, field, &value)?;
        let actor = Actor::of_who(&self.library, m.who.clone(), m.caller)?;
        let renamed = Renamed { field, from, to: &value };
        values::rename(&self.library, &actor, tx, &renamed, m.maker.now)?;
        Ok(())
    }
}
