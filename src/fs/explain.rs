//! What is told of a call that was refused: to its caller in `.dam/errors`, and to the audit log.

use std::sync::Arc;

use super::handles::Rights;
use super::inodes::Virtual;
use super::mount::Mount;
use super::{FsError, FsResult};
use crate::access::Who;
use crate::ops::find;
use crate::ops::notices::Notice;
use crate::types::FileName;
use crate::view::tree::Dir;

impl Mount {
    /// Remembers the refusal of a call for `.dam/errors`, one of the roles, the board, a guideline or a member's own hold for the audit log too, and passes it on. Each call ends in one of these at
    /// most: what is asked within it, of whatever it may turn out to need, is no try by itself.
    pub(super) fn explain<T>(&self, who: &Who, op: &str, result: FsResult<T>) -> FsResult<T> {
        if let Some(denial) = result.as_ref().err().and_then(FsError::denial) {
            self.library.audit_denial(who, denial.verb, &denial.subject, &denial.reason);
        }
        if let Err(e) = &result
            && let Some(sentence) = e.sentence()
        {
            self.library.notices.add(Notice {
                at: self.library.clock.now(),
                member: Some(who.id),
                op: op.to_owned(),
                sentence: sentence.to_owned(),
            });
        }
        result
    }

    /// The same of a call that names an open handle: of who opened it, whoever he is by now.
    pub(super) fn explain_use<T>(&self, gate: Option<&Arc<Rights>>, op: &str, result: FsResult<T>) -> FsResult<T> {
        match gate.and_then(|gate| gate.who()) {
            Some(who) if result.as_ref().is_err_and(|e| e.denial().is_some()) => self.explain(who, op, result),
            _ => result,
        }
    }

    /// A query that cannot be read says so in `.dam/errors`.
    pub(super) fn explain_find(&self, who: &Who, parent: u64, name: &FileName) {
        let is_find = matches!(self.inodes.get(parent).as_deref(), Some(Virtual::Dir(Dir::Find)));
        if !is_find {
            return;
        }
        let text = name.to_text();
        if let Some(e) = self.library.catalog.read(|tx| find::parse(tx, who, &text)).err() {
            let sentence = format!("find/{text}: {e}");
            let _ = self.explain::<()>(who, "find", Err(FsError::NotPermitted(sentence)));
        }
    }
}
