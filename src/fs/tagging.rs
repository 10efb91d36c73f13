//! Moving between views is tagging: one transaction, through the same rules as `dam set`.

use std::sync::Arc;

use super::create::keep_left;
use super::error::{Denial, LIBRARY};
use super::mount::{Found, Mount};
use super::{FsError, FsResult};
use crate::access::Who;
use crate::catalog::{Asset, ReadTx, WriteTx};
use crate::ops::value::{FacetChange, written};
use crate::ops::view_copy::added;
use crate::ops::{Actor, OpsError, assign, terms};
use crate::policy::{Field, Glossary, Verb};
use crate::types::{AssetId, Caller, FileName};
use crate::view::tree::{Dir, Item, takes_words};

impl Mount {
    /// An asset leaves some values and gets others. A word stays when its last file leaves it, as an emptied folder does.
    pub(super) fn retag(
        &self,
        who: &Arc<Who>,
        caller: &Caller,
        id: AssetId,
        left: &[(Field, String)],
        add: &[(Field, String)],
    ) -> FsResult<()> {
        let actor = Actor::of_who(&self.library, who.clone(), caller)?;
        // The other one of a single-valued field takes the place of the first.
        let remove: Vec<_> = left.iter().filter(|(field, _)| field.is_multi()).cloned().collect();
        self.library.catalog.write(|tx| {
            self.retag_in(tx, &actor, id, &remove, add)?;
            left.iter()
                .filter(|(field, _)| takes_words(field))
                .try_for_each(|(field, value)| keep_left(tx, who, field, value))
        })
    }

    /// Takes values from an asset and gives it others, with more in the same transaction.
    pub(super) fn retag_in(
        &self,
        tx: &mut dyn WriteTx,
        actor: &Actor,
        id: AssetId,
        remove: &[(Field, String)],
        add: &[(Field, String)],
    ) -> FsResult<()> {
        let mut asset = tx.asset(id)?.ok_or(FsError::NotFound)?;
        let mut changes = removals(actor.who().subject.glossary(), &asset, remove)?;
        for (field, value) in add {
            changes.push((field.clone(), added(field, value)));
        }
        let name = asset.view_name.clone();
        assign::change_asset(&self.library, actor, tx, &mut asset, &changes, &name, self.library.clock.now())?;
        Ok(())
    }

    /// Whether a name of a word is taken. A term of the glossary that nothing has yet resolves and is not listed: it can still be made.
    pub(super) fn has_word(
        &self,
        tx: &dyn ReadTx,
        who: &Who,
        (dir, name): (&Dir, &FileName),
        field: &Field,
        value: &str,
    ) -> FsResult<bool> {
        match self.in_view(tx, who, dir, name) {
            Ok(Found::Item(Item::Dir(Dir::Query(_)))) => {
                let value = who.subject.glossary().canonical(field, value);
                Ok(self.tree(tx, who).is_listed_value(field, &value)?)
            }
            Ok(_) => Ok(true),
            Err(FsError::NotFound) => Ok(false),
            Err(e) => Err(e),
        }
    }
}

/// What taking a view's values from an asset changes.
///
/// # Errors
/// [`FsError::NotPermitted`] for a value that it has only because another of its values implies it.
pub(super) fn removals(
    glossary: &Glossary,
    asset: &Asset,
    remove: &[(Field, String)],
) -> FsResult<Vec<(Field, FacetChange)>> {
    let mut changes = Vec::new();
    for (field, value) in remove {
        let taken = taken(glossary, asset, field, value);
        if taken.is_empty() {
            let implies = |stored: &String| {
                glossary.told(field, stored).iter().any(|told| glossary.is_spelling(field, told, value))
            };
            if let Some(stored) = terms::stored(asset, field).into_iter().find(implies) {
                let (value, stored) = (written(field, value), written(field, &stored));
                return Err(FsError::NotPermitted(format!(
                    "`{}` is in {field}={value} because {field}={stored} implies it; take {field}={stored} from it",
                    asset.view_name
                )));
            }
        }
        changes.push((field.clone(), FacetChange::Remove(value.clone())));
        changes.extend(taken.into_iter().map(|v| (field.clone(), FacetChange::Remove(v))));
    }
    Ok(changes)
}

/// What an asset loses with a view's value: that value, under whatever name it is stored. A view of a tag also shows what has a tag below
/// it: removing from it takes those as well.
pub(super) fn taken(glossary: &Glossary, asset: &Asset, field: &Field, value: &str) -> Vec<String> {
    if !Glossary::FIELDS.contains(field) {
        return vec![value.to_owned()];
    }
    let is_it = |stored: &String| glossary.is_spelling(field, stored, value);
    terms::stored(asset, field).into_iter().filter(is_it).collect()
}

fn with_hint(message: String, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message,
    }
}

impl From<OpsError> for FsError {
    fn from(e: OpsError) -> Self {
        match e {
            OpsError::NotFound(_) => Self::NotFound,
            OpsError::NoTerm { message, hint } => Self::NotPermitted(format!("{message}; {hint}")),
            OpsError::Unknown { message, hint } => Self::NotPermitted(format!("{message}; {hint}")),
            OpsError::Usage { message, hint } => Self::NotPermitted(with_hint(message, hint)),
            OpsError::Barred { subject, message, hint } => {
                Self::Barred(Denial { verb: Verb::Review, subject, reason: format!("{message}; {hint}") })
            }
            OpsError::Refused { verb, subject, reason } => Self::Denied(Denial { verb, subject, reason }),
            OpsError::Locked { message, .. } => Self::denied(Verb::Admin, LIBRARY, message),
            OpsError::Several { failure, .. } => Self::NotPermitted(with_hint(failure.message, failure.hint)),
            OpsError::Failed { message, .. } => Self::Io(message),
            OpsError::Catalog(e) => e.into(),
            OpsError::Blob(e) => e.into(),
            OpsError::Access(e) => e.into(),
            OpsError::Live(e) => e.into(),
            OpsError::Io(e) => e.into(),
        }
    }
}
