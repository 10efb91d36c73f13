//! Looks of pictures, and which look alike. The looks of all contents are gathered when somebody asks for the first time, and kept.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};

use damfs_policy::Expr;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::convert::Num;
use super::indexed::Indexed;
use super::query::Filter;
use super::sql::{all, cursor, limit, one, run};
use crate::catalog::facts::{digits, duplicate_number};
use crate::catalog::looks::{Looks, Seen};
use crate::catalog::{Alike, CatalogError as E, LookRow};
use crate::media::LOOK;
use crate::types::ContentId;

pub(super) fn get(conn: &Connection, content: ContentId) -> Result<Option<LookRow>, E> {
    one(conn, "SELECT way, look, failure, colours FROM look WHERE content = ?1", [content], |row| {
        let look = match row.get(2)? {
            Some(failure) => Err(failure),
            None => Ok(u64::from_be_bytes(row.get(1)?)),
        };
        Ok(LookRow { content, way: row.get(0)?, look, colours: row.get(3)? })
    })
}

pub(super) fn put(conn: &Connection, row: &LookRow) -> Result<(), E> {
    let (look, failure) = match &row.look {
        Ok(look) => (Some(look.to_be_bytes()), None),
        Err(failure) => (None, Some(failure)),
    };
    let sql = "INSERT INTO look (content, way, look, failure, colours) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (content) DO UPDATE SET
            way = excluded.way, look = excluded.look, failure = excluded.failure, colours = excluded.colours";
    run(conn, sql, params![row.content, row.way, look, failure, row.colours]).map(drop)
}

pub(super) fn unlooked(conn: &Connection, way: u32, after: u64, rows: usize) -> Result<Vec<(u64, ContentId)>, E> {
    let sql = "SELECT a.ordinal, v.content FROM asset a JOIN version v ON v.id = a.head
        WHERE a.ordinal > ?1 AND a.kind = 'image'
        AND NOT EXISTS (SELECT 1 FROM look l WHERE l.content = v.content AND l.way = ?2)
        ORDER BY a.ordinal LIMIT ?3";
    all(conn, sql, params![cursor(after), way, limit(rows)], |row| Ok((row.get::<_, Num>(0)?.0, row.get(1)?)))
}

/// What a read sees of the looks.
fn read(conn: &Connection) -> Result<Looks, E> {
    let sql = "SELECT look, content FROM look WHERE way = ?1 AND look IS NOT NULL";
    let rows = all(conn, sql, [LOOK], |row| Ok((u64::from_be_bytes(row.get(0)?), duplicate_number(row.get(1)?))))?;
    Ok(Looks::of(rows))
}

enum State {
    /// Nobody asked yet.
    Off,
    /// What was committed since the reading began.
    Reading(Vec<(u64, u64)>),
    Ready(Arc<Looks>),
}

/// The looks of an engine. They are of the last commit: as they follow from bytes alone, a read of an earlier moment is answered by them too.
pub(super) struct KeptLooks {
    path: PathBuf,
    state: RwLock<State>,
    /// Held by who reads them all; the others wait for it.
    reading: Mutex<()>,
}

impl KeptLooks {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), state: RwLock::new(State::Off), reading: Mutex::default() }
    }

    fn change(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit put these.
    pub(super) fn committed(&self, rows: &[LookRow]) {
        let rows = rows.iter().filter(|row| row.way == LOOK);
        let mut rows =
            rows.filter_map(|row| Some((*row.look.as_ref().ok()?, duplicate_number(row.content)))).peekable();
        if rows.peek().is_none() {
            return;
        }
        match &mut *self.change() {
            State::Off => {}
            State::Reading(since) => since.extend(rows),
            // Copied while somebody answers from them: no commit waits for an answer.
            State::Ready(looks) => {
                let looks = Arc::make_mut(looks);
                rows.for_each(|(look, digits)| looks.add(look, digits));
            }
        }
    }

    fn ready(&self) -> Option<Arc<Looks>> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Ready(looks) => Some(Arc::clone(looks)),
            State::Off | State::Reading(_) => None,
        }
    }

    /// The looks, gathered by the first who asks.
    fn all(&self) -> Result<Arc<Looks>, E> {
        if let Some(looks) = self.ready() {
            return Ok(looks);
        }
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*self.change(), State::Ready(_)) {
            *self.change() = State::Reading(Vec::new());
            // On a connection of its own: the asker's read may have begun before what is gathered from now on.
            let mut looks = read(&super::connect(&self.path)?)?;
            let mut state = self.change();
            if let State::Reading(since) = std::mem::replace(&mut *state, State::Off) {
                since.into_iter().for_each(|(look, digits)| looks.add(look, digits));
            }
            *state = State::Ready(Arc::new(looks));
        }
        drop(reading);
        self.ready().ok_or_else(|| E::Engine("the looks of pictures could not be gathered".into()))
    }
}

/// The kept looks, or those that a write sees.
fn looks<T>(conn: &Connection, kept: Option<&KeptLooks>, answer: impl FnOnce(&Looks) -> Result<T, E>) -> Result<T, E> {
    match kept {
        Some(kept) => answer(&*kept.all()?),
        None => answer(&read(conn)?),
    }
}

pub(super) fn around(
    conn: &Connection,
    kept: Option<&KeptLooks>,
    look: u64,
    most: u32,
) -> Result<Vec<(String, u32)>, E> {
    looks(conn, kept, |looks| Ok(looks.around(look, most)))
}

pub(super) fn alike(
    conn: &Connection,
    index: Option<&Indexed<'_>>,
    kept: Option<&KeptLooks>,
    within: &Expr,
    of: Option<ContentId>,
) -> Result<Vec<Vec<Alike>>, E> {
    let filter = Filter::published_of_few(within);
    let first = format!("SELECT min(a.ordinal) FROM asset a WHERE a.duplicate = ? AND {}", filter.sql);
    let mut see = |number: u64| {
        let number = digits(number);
        let ordinal = match index.map_or(Ok(None), |index| index.first_duplicate(conn, within, &number))? {
            Some(first) => first,
            None => {
                let params = [Value::from(number)].into_iter().chain(filter.params.iter().cloned());
                one(conn, &first, params_from_iter(params), |row| row.get::<_, Option<Num>>(0))?.flatten().map(|n| n.0)
            }
        };
        let Some(ordinal) = ordinal else { return Ok(None) };
        let sql = "SELECT family, seed FROM asset WHERE ordinal = ?1";
        let alternate = one(conn, sql, [Num(ordinal)], |row| {
            Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        Ok(Some(Seen { ordinal, alternate: alternate.and_then(|(family, seed)| family.zip(seed)) }))
    };
    looks(conn, kept, |looks| looks.groups(of.map(duplicate_number), &mut see))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::types::Colours;

    /// A commit waited for whoever listed by/similar/, and everybody for the commit.
    #[test]
    fn no_commit_waits_for_an_answer() {
        let kept = KeptLooks::new(Path::new("nowhere"));
        *kept.change() = State::Ready(Arc::new(Looks::of(vec![(0, 7)])));
        let answering = kept.all().unwrap();
        kept.committed(&[LookRow { content: ContentId([1; 32]), way: LOOK, look: Ok(1), colours: Colours::NONE }]);
        assert_eq!(answering.around(0, 2).len(), 1, "one answer, one moment");
        assert_eq!(kept.all().unwrap().around(0, 2).len(), 2);
    }
}
