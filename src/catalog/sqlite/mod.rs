//! The row store on disk: SQLite in WAL mode, one writing connection, a pool of reading ones.
//!
//! Commits are durable against a killed process at once, against a power cut after [`Engine::barrier`].

mod assets;
mod convert;
mod entries;
mod factors;
mod feed;
mod generation;
mod groups;
mod indexed;
mod indexfile;
mod journal;
mod keys;
mod looks;
mod members;
mod memo;
mod migrate;
mod nodes;
mod query;
mod saved;
mod sql;
mod tx;
mod values;
mod versions;

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use self::indexed::Indexed;
use self::looks::KeptLooks;
use self::memo::Memo;
use self::tx::{Given, Heads, Tx};
use super::index::{Index, Kept};
use super::{CatalogError as E, Engine, ReadTx, WriteTx};

/// Reading connections that are kept; more are opened when more threads read at once, and closed after.
const KEPT_READERS: usize = 16;
/// Statements a connection keeps prepared: some 80 fixed ones, the rest are queries.
const KEPT_STATEMENTS: usize = 256;
/// SQLite's way to a file that one process has to itself: its connections share the index of the log in memory and lock each other out
/// there, not through the kernel.
const ONE_PROCESS: &str = "unix-excl";
/// What the writing connection keeps of the file: at a million assets the ends of all indexes, into which a new asset's rows go.
const WRITER_CACHE_KIB: u32 = 65_536;
/// How long a transaction waits for another.
const BUSY: Duration = Duration::from_secs(5);

/// The row store on disk.
pub struct SqliteEngine {
    path: PathBuf,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    index: Kept,
    looks: KeptLooks,
}

struct Writer {
    conn: Connection,
    given: Given,
    /// Empty after a transaction that was undone.
    heads: Heads,
    /// Whether there may be commits since the last barrier.
    unsynced: bool,
}

impl Writer {
    fn pass_barrier(&mut self) -> Result<(), E> {
        self.conn.execute_batch("PRAGMA synchronous = FULL")?;
        let passed = self.conn.execute("UPDATE barrier SET passed = passed + 1 WHERE one = 1", []);
        self.conn.execute_batch("PRAGMA synchronous = NORMAL")?;
        passed?;
        self.unsynced = false;
        Ok(())
    }
}

impl SqliteEngine {
    /// Opens a catalogue; brings an older schema up to date.
    ///
    /// # Errors
    /// When there is none, the file is no catalogue, has a newer schema, or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, E> {
        match std::fs::metadata(path) {
            Ok(there) if there.len() > 0 => Self::start(path),
            // An empty one made in its place would pass for a library in which nothing is, and staging files for leftovers.
            Ok(_) => Err(E::Damaged("it is empty".into())),
            Err(e) if e.kind() == ErrorKind::NotFound => Err(E::Damaged("it is not there".into())),
            Err(e) => Err(E::Engine(format!("{}: {e}", path.display()))),
        }
    }

    /// Makes a new catalogue that only the owner of the process can read; refuses when the file exists.
    ///
    /// # Errors
    /// When the file exists or cannot be made.
    pub fn create(path: &Path) -> Result<Self, E> {
        new_file(path)?;
        Self::start(path)
    }

    /// Writes a copy of everything that is committed in a catalogue, while it is in use, to a new file.
    ///
    /// # Errors
    /// When the file exists or cannot be written, or the catalogue is damaged.
    pub fn copy(path: &Path, to: &Path) -> Result<(), E> {
        new_file(to)?;
        let name = to.to_str().ok_or_else(|| E::Engine(format!("{} is no UTF-8", to.display())))?;
        connect(path)?.execute("VACUUM INTO ?1", [name])?;
        Ok(())
    }

    fn start(path: &Path) -> Result<Self, E> {
        let mut conn = connect(path)?;
        migrate::check(&conn)?;
        let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(E::Engine("the catalogue's file system cannot share memory; use a local one".into()));
        }
        conn.execute_batch(&format!(
            "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -{WRITER_CACHE_KIB};"
        ))?;
        migrate::run(&mut conn)?;
        let writer = Writer { conn, given: Given::default(), heads: Heads::default(), unsynced: true };
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            index: Kept::default(),
            looks: KeptLooks::new(path),
        })
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> Result<Reader<'_>, E> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match kept {
            Some(conn) => conn,
            None => {
                let conn = connect(&self.path)?;
                conn.execute_batch("PRAGMA query_only = ON")?;
                conn
            }
        };
        Ok(Reader { engine: self, conn: Some(conn) })
    }

    /// Reads of one moment, which is that of the first.
    fn reading<T>(&self, f: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let reader = self.reader()?;
        let Some(conn) = reader.conn.as_ref() else {
            return Err(E::Engine("no connection to read with".into()));
        };
        let _turn = Turn::begin(conn, "BEGIN DEFERRED")?;
        f(conn)
    }

    /// The index of this moment from the tables, and its change. The words take as long as all else: two threads read.
    fn built(&self) -> Result<(u64, Index), E> {
        std::thread::scope(|threads| {
            let (begun, is_begun) = std::sync::mpsc::channel::<()>();
            // No commit comes between the beginnings of the two.
            let writer = self.writer();
            let words = threads.spawn(move || {
                self.reading(|conn| {
                    feed::last(conn)?;
                    drop(begun);
                    indexed::words(conn)
                })
            });
            self.reading(|conn| {
                let seq = feed::last(conn)?;
                let _ = is_begun.recv();
                drop(writer);
                let mut index = indexed::build(conn)?;
                index.put_words(words.join().map_err(|_| E::Engine("the words could not be read".into()))??);
                index.shrink();
                Ok((seq, index))
            })
        })
    }
}

/// The engine gives its side files the mode of the main one, so that is made closed before the engine sees it.
fn new_file(path: &Path) -> Result<(), E> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(E::Engine(format!("{} exists already", path.display()))),
        Err(e) if e.kind() == ErrorKind::StorageFull => Err(E::Full),
        Err(e) => Err(E::Engine(format!("{}: {e}", path.display()))),
    }
}

/// A reading connection on loan.
struct Reader<'e> {
    engine: &'e SqliteEngine,
    conn: Option<Connection>,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut kept = self.engine.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_READERS {
            kept.extend(self.conn.take().filter(Connection::is_autocommit));
        }
    }
}

fn connect(path: &Path) -> Result<Connection, E> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags_and_vfs(path, flags, ONE_PROCESS)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;")?;
    Ok(conn)
}

/// A transaction; undone when it is dropped. Its words are prepared once for each connection: that costs as much as a look does.
struct Turn<'c> {
    conn: &'c Connection,
}

impl<'c> Turn<'c> {
    fn begin(conn: &'c Connection, how: &str) -> Result<Self, E> {
        sql::run(conn, how, [])?;
        Ok(Self { conn })
    }

    fn commit(self) -> Result<(), E> {
        sql::run(self.conn, "COMMIT", []).map(drop)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // A commit ends it, and so do some errors of the disk.
        if !self.conn.is_autocommit() {
            let _ = sql::run(self.conn, "ROLLBACK", []);
        }
    }
}

impl Engine for SqliteEngine {
    fn read(&self, f: &mut dyn FnMut(&dyn ReadTx) -> Result<(), E>) -> Result<(), E> {
        self.reading(|conn| {
            f(&Tx {
                conn,
                writer: None,
                index: Some(Indexed::new(&self.index)),
                looks: Some(&self.looks),
                memo: Memo::default(),
            })
        })
    }

    fn write(&self, f: &mut dyn FnMut(&mut dyn WriteTx) -> Result<(), E>) -> Result<(), E> {
        let mut writer = self.writer();
        let Writer { conn, given, heads, unsynced } = &mut *writer;
        let turn = Turn::begin(conn, "BEGIN IMMEDIATE")?;
        // Put back only behind the commit.
        let mut grown = std::mem::take(heads);
        grown.appended.clear();
        grown.touched.clear();
        grown.looks.clear();
        f(&mut Tx { conn, writer: Some((given, &mut grown)), index: None, looks: None, memo: Memo::default() })?;
        if grown.appended.is_empty() && !grown.touched.is_empty() {
            indexfile::disown(conn)?;
        }
        *unsynced = true;
        if let Err(e) = turn.commit() {
            self.index.doubt();
            return Err(e);
        }
        self.index.committed(grown.appended.last().map(|row| row.seq), std::mem::take(&mut grown.touched));
        self.looks.committed(&grown.looks);
        *heads = grown;
        // The transaction stands, whatever becomes of this; the next one tries again.
        if given.reserved && writer.pass_barrier().is_ok() {
            writer.given.reserved = false;
        }
        Ok(())
    }

    fn barrier(&self) -> Result<(), E> {
        let mut writer = self.writer();
        if writer.unsynced { writer.pass_barrier() } else { Ok(()) }
    }

    fn index(&self) -> Result<(), E> {
        self.index.build(|| match self.reading(|conn| indexfile::read(conn, &self.path))? {
            Some(kept) => Ok(kept),
            None => self.built(),
        })
    }

    fn keep_index(&self) -> Result<(), E> {
        let mut writer = self.writer();
        let turn = Turn::begin(&writer.conn, "BEGIN IMMEDIATE")?;
        self.index.whole(|seq, index| indexfile::write(&writer.conn, &self.path, seq, index)).transpose()?;
        turn.commit()?;
        writer.unsynced = true;
        Ok(())
    }

    fn has_index(&self) -> bool {
        self.index.is_ready()
    }

    fn check(&self) -> Result<Vec<String>, E> {
        let reader = self.reader()?;
        reader.conn.as_ref().map_or_else(|| Ok(Vec::new()), migrate::faults)
    }
}
