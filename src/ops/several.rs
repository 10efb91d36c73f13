//! What cannot be done of several things: each is told, up to a number.

use damfs_policy::Verb;

use super::OpsError;
use super::proto::Failure;

/// How many are told in words; the rest are counted.
const TOLD: usize = 20;

/// A right that was missing, for the audit log.
#[derive(Debug, Clone)]
pub struct Missing {
    pub verb: Verb,
    pub subject: String,
    pub reason: String,
}

/// What cannot be done.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Nothing else was asked for: its error is the answer.
    alone: bool,
    first: Option<Failure>,
    told: Vec<String>,
    count: usize,
    missing: Vec<Missing>,
}

impl Faults {
    /// Of so many things.
    #[must_use]
    pub fn of(things: usize) -> Self {
        Self { alone: things == 1, ..Self::default() }
    }

    /// Keeps why one thing cannot be done.
    ///
    /// # Errors
    /// The error itself, when it is the library that failed, or nothing else was asked for.
    pub fn note(&mut self, name: &str, error: OpsError) -> Result<(), OpsError> {
        if self.alone {
            return Err(error);
        }
        let line = match error {
            OpsError::NotFound(_)
            | OpsError::Unknown { .. }
            | OpsError::Usage { .. }
            | OpsError::NoTerm { .. }
            | OpsError::Failed { .. } => None,
            OpsError::Refused { verb, ref subject, ref reason } => self.miss(verb, name, subject, reason),
            OpsError::Barred { ref subject, ref message, .. } => self.miss(Verb::Review, name, subject, message),
            failed => return Err(failed),
        };
        self.note_failure(error.into(), line);
        Ok(())
    }

    /// Keeps what is for the log, and gives the line.
    fn miss(&mut self, verb: Verb, name: &str, subject: &str, reason: &str) -> Option<String> {
        if self.missing.len() < TOLD {
            self.missing.push(Missing { verb, subject: subject.to_owned(), reason: reason.to_owned() });
        }
        Some(format!("{name}: {reason}"))
    }

    /// As [`Faults::note`], of what a message tells already; `line` is what it is told by among others.
    pub fn note_failure(&mut self, failure: Failure, line: Option<String>) {
        if self.told.len() < TOLD {
            self.told.push(line.unwrap_or_else(|| failure.message.clone()));
        }
        self.first.get_or_insert(failure);
        self.count += 1;
    }

    /// Nothing when everything can be done.
    ///
    /// # Errors
    /// [`OpsError::Several`].
    pub fn end(self, of: usize) -> Result<(), OpsError> {
        match self.into_failure(of) {
            Some((failure, missing)) => Err(OpsError::Several { failure: Box::new(failure), missing }),
            None => Ok(()),
        }
    }

    /// What to tell of all of them, of so many; of a single thing its own failure.
    #[must_use]
    pub fn into_failure(self, of: usize) -> Option<(Failure, Vec<Missing>)> {
        let first = self.first?;
        if of <= 1 {
            return Some((first, self.missing));
        }
        let mut lines = self.told;
        let more = self.count.saturating_sub(lines.len());
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        let message = format!("nothing was changed: {} of {of} cannot be", self.count);
        Some((Failure { kind: first.kind, message, hint: Some(lines.join("\n")) }, self.missing))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ops::proto::FailureKind;

    #[test]
    fn each_is_told_up_to_a_number() {
        let mut faults = Faults::default();
        for n in 0..25 {
            faults.note("", OpsError::NotFound(n.to_string())).unwrap();
        }
        let (failure, _) = faults.into_failure(100).unwrap();
        assert_eq!(failure.message, "nothing was changed: 25 of 100 cannot be");
        let hint = failure.hint.unwrap();
        assert_eq!((hint.lines().count(), hint.lines().last()), (21, Some("and 5 more")));
        assert_eq!(failure.kind, FailureKind::NotFound);
    }

    #[test]
    fn one_thing_alone_has_its_own_words() {
        let mut faults = Faults::default();
        faults.note("a", OpsError::usage("wrong", "right")).unwrap();
        let (failure, _) = faults.into_failure(1).unwrap();
        assert_eq!((failure.message.as_str(), failure.hint.as_deref()), ("wrong", Some("right")));
        assert!(Faults::default().into_failure(1).is_none());
    }
}
