//! The row store in maps: the reference for the one on disk, and the catalogue of tests.
//!
//! A read holds a snapshot; a write works on copies of the tables it touches, which replace the old ones when it succeeds.

mod read;
mod state;
mod write;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use self::state::{Owed, State};
use super::{CatalogError as E, ChangeRow, Counter, Engine, ReadTx, WriteTx};

/// The row store in maps.
#[derive(Default)]
pub struct MemoryEngine {
    state: RwLock<State>,
    /// Held for the whole of a write. The last number that each counter gave; never undone.
    given: Mutex<HashMap<Counter, u64>>,
}

impl MemoryEngine {
    /// An empty catalogue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn snapshot(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One transaction.
struct Tx<'e> {
    state: State,
    /// `None` in a read.
    given: Option<&'e mut HashMap<Counter, u64>>,
    /// References to be checked at commit, as deferred foreign keys are.
    owed: Vec<Owed>,
    /// What it has appended to the change feed.
    appended: Vec<ChangeRow>,
}

impl Engine for MemoryEngine {
    fn read(&self, f: &mut dyn FnMut(&dyn ReadTx) -> Result<(), E>) -> Result<(), E> {
        f(&Tx { state: self.snapshot(), given: None, owed: Vec::new(), appended: Vec::new() })
    }

    fn write(&self, f: &mut dyn FnMut(&mut dyn WriteTx) -> Result<(), E>) -> Result<(), E> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tx = Tx { state: self.snapshot(), given: Some(&mut given), owed: Vec::new(), appended: Vec::new() };
        f(&mut tx)?;
        let Tx { state, owed, .. } = tx;
        if let Some(fault) = owed.iter().find_map(|owed| state.unpaid(owed)) {
            return Err(E::Constraint(fault));
        }
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }

    fn barrier(&self) -> Result<(), E> {
        Ok(())
    }

    fn check(&self) -> Result<Vec<String>, E> {
        Ok(self.snapshot().faults())
    }
}
