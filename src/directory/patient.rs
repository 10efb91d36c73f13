//! A directory that is not waited for without end: name services ask other machines, and no call of ours can be taken back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::bounded;

use super::{Directory, DirectoryError, Person, SharedDirectory};

/// How long an answer is waited for.
const WITHIN: Duration = Duration::from_secs(2);
/// Questions under way at once, those included that nobody waits for any more.
const MOST: usize = 32;

type Asking = Arc<Mutex<BTreeSet<String>>>;

/// Asks another directory on a thread for each question, and gives up in time.
pub struct Patient {
    inner: SharedDirectory,
    asking: Asking,
    within: Duration,
    most: usize,
}

/// A question under way.
struct Turn {
    asking: Asking,
    what: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.what);
    }
}

impl Patient {
    /// In front of another.
    #[must_use]
    pub fn new(inner: SharedDirectory) -> Self {
        Self { inner, asking: Asking::default(), within: WITHIN, most: MOST }
    }

    /// With so many questions under way at once.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    fn turn(&self, what: &str) -> Result<Turn, DirectoryError> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if asking.len() >= self.most || !asking.insert(what.to_owned()) {
            return Err(DirectoryError(format!(
                "the system has not answered yet what was asked before ({})",
                asking.len()
            )));
        }
        Ok(Turn { asking: Arc::clone(&self.asking), what: what.to_owned() })
    }

    fn ask<T: Send + 'static>(
        &self,
        what: &str,
        question: impl FnOnce(&dyn Directory) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let turn = self.turn(what)?;
        let inner = Arc::clone(&self.inner);
        let (tell, told) = bounded(1);
        let answer = move || {
            let answer = question(&*inner);
            drop(turn);
            // Nobody may be listening any more.
            let _ = tell.send(answer);
        };
        std::thread::Builder::new()
            .name("directory".to_owned())
            .spawn(answer)
            .map_err(|e| DirectoryError(format!("no thread can be made: {e}")))?;
        let late = || DirectoryError(format!("the system does not say within {} s", self.within.as_secs()));
        told.recv_timeout(self.within).map_err(|_| late())?
    }
}

impl Directory for Patient {
    fn person(&self, uid: u32, groups: &[String]) -> Result<Option<Person>, DirectoryError> {
        let groups = groups.to_vec();
        self.ask(&format!("user {uid}"), move |inner| inner.person(uid, &groups))
    }

    fn has_group(&self, name: &str) -> Result<bool, DirectoryError> {
        let named = name.to_owned();
        self.ask(&format!("group {name}"), move |inner| inner.has_group(&named))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Answers of user 1 at once, and of others when it is let.
    struct Slow(crossbeam_channel::Receiver<()>);

    impl Directory for Slow {
        fn person(&self, uid: u32, _: &[String]) -> Result<Option<Person>, DirectoryError> {
            if uid != 1 {
                let _ = self.0.recv();
            }
            Ok(Some(Person { login: format!("u{uid}"), groups: BTreeSet::new(), unknown: BTreeSet::new() }))
        }
        fn has_group(&self, _: &str) -> Result<bool, DirectoryError> {
            Ok(true)
        }
    }

    #[test]
    fn who_does_not_answer_in_time_is_waited_for_once_and_keeps_nobody_else() {
        let (let_go, held) = bounded::<()>(0);
        // One waits long for who answers, whatever else the machine does; the other gives up on who does not.
        let patient = Patient { within: Duration::from_secs(60), ..Patient::new(Arc::new(Slow(held))) }.at_most(4);
        let within = Duration::from_millis(1);
        let hasty = Patient { inner: Arc::clone(&patient.inner), asking: Arc::clone(&patient.asking), within, most: 4 };
        assert!(hasty.person(2, &[]).unwrap_err().0.contains("within"));
        assert!(patient.person(2, &[]).unwrap_err().0.contains("not answered yet"), "and is not asked again meanwhile");
        assert_eq!(patient.person(1, &[]).unwrap().unwrap().login, "u1");
        for uid in 3..6 {
            assert!(hasty.person(uid, &[]).is_err());
        }
        assert!(patient.person(1, &[]).is_err(), "too many wait");
        drop(let_go);
        let free = || patient.person(2, &[]).is_ok();
        assert!((0..6_000).any(|_| free() || {
            std::thread::sleep(Duration::from_millis(10));
            false
        }));
    }
}
