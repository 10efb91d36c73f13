//! Records as a tree of texts: with the files of `library/` a whole backup. What `records/` of a mount shows, `dam records export` writes;
//! `dam records import` puts it on the assets of this or another library.

mod check;
mod export;
mod import;
mod merge;
mod place;
mod shelf;
mod shelf_put;

pub use check::{Told, read};
pub use export::export;
pub use import::{Given, How, Outcome, Row, import};
pub use shelf::Shelf;
pub use shelf_put::put_shelf;

use super::{Library, OpsError};
use crate::catalog::{CatalogError, WriteTx};

/// Why a transaction comes to nothing.
enum Stop {
    /// It was only to be told what would come of it.
    Dry,
    Failed(OpsError),
}

impl<E: Into<OpsError>> From<E> for Stop {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

/// Does something in a transaction; on a dry run everything but to commit it, so that what is told is what would come of it.
fn attempt<T>(
    library: &Library,
    dry_run: bool,
    mut f: impl FnMut(&mut dyn WriteTx) -> Result<T, OpsError>,
) -> Result<T, OpsError> {
    let mut told = None;
    let done = library.catalog.write(|tx| {
        told = Some(f(tx)?);
        if dry_run { Err(Stop::Dry) } else { Ok(()) }
    });
    match (done, told) {
        (Ok(()) | Err(Stop::Dry), Some(told)) => Ok(told),
        (Err(Stop::Failed(e)), _) => Err(e),
        _ => Err(CatalogError::Engine("the write did not run".into()).into()),
    }
}
