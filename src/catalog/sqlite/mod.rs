//! The row store on disk: SQLite in WAL mode. The only place with SQL, in the subset that PostgreSQL shares: ids made by us, explicit order,
//! integer nanoseconds, no meaning in rowids.
//!
//! One writer connection behind a lock; readers have connections of their own, each read in one transaction, so it sees one state.
//! Commits do not wait for the disk (synchronous NORMAL: they survive the death of the process); `barrier` makes everything before it
//! survive a power cut.

mod assets;
mod convert;
mod feed;
mod find;
mod nodes;
mod query;
mod read;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{CatalogError, Engine, ReadTx, WriteTx};

/// Marks the file as ours (`damf`).
const APPLICATION: i64 = 0x6461_6d66;
/// Migrations in order; `user_version` counts those that ran.
const SCHEMA: [&str; 1] = [include_str!("schema/0001.sql")];
/// Readers kept open for the next read.
const READERS: usize = 16;
/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;

/// A catalogue file.
pub struct SqliteEngine {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

/// One transaction.
pub(super) struct Tx<'c> {
    pub(super) conn: &'c Connection,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SqliteEngine {
    /// Opens a catalogue, makes it when the file is new, and migrates an older one.
    ///
    /// # Errors
    /// When the file is no catalogue, damaged, or written by a newer damfs.
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        let mut writer = Connection::open(path)?;
        Self::prepare(&writer)?;
        writer.pragma_update(None, "journal_mode", "wal")?;
        writer.pragma_update(None, "synchronous", "normal")?;
        Self::migrate(&mut writer)?;
        Ok(Self { path: path.into(), writer: Mutex::new(writer), readers: Mutex::default() })
    }

    fn prepare(conn: &Connection) -> Result<(), CatalogError> {
        conn.busy_timeout(std::time::Duration::from_secs(10))?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "cache_size", -32_000)?;
        conn.pragma_update(None, "mmap_size", 1_i64 << 30)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(())
    }

    fn migrate(conn: &mut Connection) -> Result<(), CatalogError> {
        let known = i64::try_from(SCHEMA.len()).unwrap_or(i64::MAX);
        let found: i64 = conn.pragma_query_value(None, "user_version", |r| r.get(0))?;
        let application: i64 = conn.pragma_query_value(None, "application_id", |r| r.get(0))?;
        if found > 0 && application != APPLICATION {
            return Err(CatalogError::Damaged("the file is some other program's database".into()));
        }
        if found > known {
            return Err(CatalogError::NewerSchema { found, known });
        }
        for (at, step) in SCHEMA.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute_batch(step)?;
            tx.pragma_update(None, "application_id", APPLICATION)?;
            tx.pragma_update(None, "user_version", i64::try_from(at + 1).unwrap_or(i64::MAX))?;
            tx.commit()?;
        }
        Ok(())
    }

    fn reader(&self) -> Result<Connection, CatalogError> {
        if let Some(conn) = held(&self.readers).pop() {
            return Ok(conn);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.path, flags)?;
        Self::prepare(&conn)?;
        Ok(conn)
    }

    fn put_back(&self, conn: Connection) {
        let mut readers = held(&self.readers);
        if readers.len() < READERS {
            readers.push(conn);
        }
    }
}

impl Engine for SqliteEngine {
    fn read(&self, f: &mut dyn FnMut(&dyn ReadTx) -> Result<(), CatalogError>) -> Result<(), CatalogError> {
        let conn = self.reader()?;
        let result = {
            let tx = conn.unchecked_transaction()?;
            let result = f(&Tx { conn: &tx });
            tx.finish()?;
            result
        };
        self.put_back(conn);
        result
    }

    fn write(&self, f: &mut dyn FnMut(&mut dyn WriteTx) -> Result<(), CatalogError>) -> Result<(), CatalogError> {
        let mut conn = held(&self.writer);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        f(&mut Tx { conn: &tx })?;
        tx.commit()?;
        Ok(())
    }

    fn barrier(&self) -> Result<(), CatalogError> {
        let conn = held(&self.writer);
        conn.pragma_update(None, "synchronous", "full")?;
        // In WAL mode a commit under FULL syncs the log, and with it every commit before.
        let done = conn.execute(
            "INSERT INTO counter (name, last) VALUES ('barrier', 1) ON CONFLICT (name) DO UPDATE SET last = last + 1",
            [],
        );
        conn.pragma_update(None, "synchronous", "normal")?;
        done?;
        Ok(())
    }

    fn check(&self) -> Result<Vec<String>, CatalogError> {
        let conn = self.reader()?;
        let mut faults: Vec<String> = Vec::new();
        let mut lines = |sql: &str, what: &str| -> Result<(), CatalogError> {
            let mut statement = conn.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let text = match row.get_ref(0)? {
                    rusqlite::types::ValueRef::Text(t) => String::from_utf8_lossy(t).into_owned(),
                    other => format!("{other:?}"),
                };
                if text != "ok" {
                    faults.push(format!("{what}: {text}"));
                }
            }
            Ok(())
        };
        lines("PRAGMA integrity_check", "catalogue file")?;
        lines(
            "SELECT \"table\" || ' row refers to a missing ' || parent FROM pragma_foreign_key_check()",
            "catalogue",
        )?;
        lines(
            "SELECT 'asset ' || hex(a.id) || ' has a head of another asset' FROM asset a JOIN version v ON v.id = a.head
             WHERE v.asset <> a.id",
            "catalogue",
        )?;
        lines(
            "SELECT 'asset ' || hex(a.id) || ' and its node do not agree' FROM asset a JOIN node n ON n.id = a.node
             WHERE n.asset IS NULL OR n.asset <> a.id",
            "catalogue",
        )?;
        self.put_back(conn);
        Ok(faults)
    }
}

impl From<rusqlite::Error> for CatalogError {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        match &e {
            rusqlite::Error::SqliteFailure(cause, text) => {
                let text = || text.clone().unwrap_or_else(|| cause.to_string());
                match cause.code {
                    C::DatabaseBusy | C::DatabaseLocked => Self::Conflict,
                    C::ConstraintViolation => Self::Constraint(text()),
                    C::DiskFull => Self::Full,
                    C::DatabaseCorrupt | C::NotADatabase => Self::Damaged(text()),
                    _ => Self::Engine(text()),
                }
            }
            _ => Self::Engine(e.to_string()),
        }
    }
}
