//! The board's rules in force. Those that ship are, until an admin puts others there; each text that was is kept.

use std::sync::{Arc, PoisonError, RwLock};

use damfs_policy::{Vocabulary, Workflow};
use serde_json::{Value, json};

use super::kept::{self, Kind, Version};
use super::{Actor, Library, OpsError, members};
use crate::catalog::{CatalogError, ReadTx};

const KIND: Kind<'static> = Kind { key: "workflow", action: "workflow.apply", subject: "workflow.toml" };

/// The board of a library, with the number of its text; 0 is what ships.
pub(super) struct Board(RwLock<(u64, Arc<Workflow>)>);

impl Board {
    /// As it was when the library was used last.
    ///
    /// # Errors
    /// When the catalogue fails, or what it keeps is no board.
    pub fn kept(tx: &dyn ReadTx, vocabulary: &Vocabulary) -> Result<Self, CatalogError> {
        let broken = |e: damfs_policy::WorkflowError| CatalogError::Damaged(format!("the board that is kept: {e}"));
        let Some(kept) = kept::in_force(tx, KIND.key)? else { return Ok(Self(RwLock::default())) };
        let board = Workflow::parse(&kept.text, vocabulary).map_err(broken)?;
        Ok(Self(RwLock::new((kept.no, Arc::new(board)))))
    }

    /// Of two that were put in force at a time the later one stays.
    fn take(&self, no: u64, board: Workflow) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if no > held.0 {
            *held = (no, Arc::new(board));
        }
    }
}

impl Library {
    /// The board's rules in force.
    #[must_use]
    pub fn workflow(&self) -> Arc<Workflow> {
        Arc::clone(&self.board.0.read().unwrap_or_else(PoisonError::into_inner).1)
    }
}

/// The text in force, and who put it there. Who reviews what, and what somebody noted beside it, is told to admins alone: queries speak of what is hidden
/// from others.
///
/// # Errors
/// What the catalogue says.
pub fn show(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    let kept = library.catalog.read(|tx| kept::in_force(tx, KIND.key))?;
    let mut told = kept.map_or_else(|| json!({ "version": 0 }), |kept| kept.told());
    let board = library.workflow();
    told["text"] = if actor.is_admin() { board.text().into() } else { board.ways_text().into() };
    Ok(told)
}

/// Puts another text in the place of the one that `base` is, by default of whichever is in force: it holds when this returns.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Usage`] for a text with a mistake; [`OpsError::Failed`] when another one was put there
/// meanwhile.
pub fn put(library: &Library, actor: &Actor, text: &str, base: Option<&str>) -> Result<Value, OpsError> {
    actor.must_be_admin("change the board")?;
    // Held to the end: no table that leaves out what this text names comes between.
    let _turn = library.platforms_file.seen();
    let board = Workflow::parse(text, &library.gate.platforms().vocabulary())
        .map_err(|e| OpsError::usage(e.0, "nothing was changed; mend it and put it in again"))?;
    let now = library.clock.now();
    let next = library.catalog.write(|tx| {
        let kept = kept::in_force(tx, KIND.key)?;
        let stands = kept.as_ref().map_or(Workflow::TEMPLATE, |kept| &kept.text);
        if base.is_some_and(|base| base != stands) {
            return Err(OpsError::failed(
                "somebody else has changed the board meanwhile; nothing was changed",
                "edit it once more: dam workflow edit",
            ));
        }
        if stands == text {
            return Ok(None);
        }
        for name in board.members() {
            if !tx.member_by_name(name)?.is_some_and(|member| member.is_in(now)) {
                return Err(members::unknown(name, &tx.members()?));
            }
        }
        let next = Version::new(kept.map_or(0, |kept| kept.no) + 1, text, &actor.member.name, now);
        next.keep(tx, KIND, json!({}))?;
        Ok(Some(next))
    })?;
    let Some(next) = next else { return Ok(json!({ "applied": false })) };
    library.board.take(next.no, board);
    let mut told = next.told();
    told["applied"] = true.into();
    Ok(told)
}
