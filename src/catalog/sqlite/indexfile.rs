//! The file that the index of queries is left in from one daemon to the next. It may be gone or damaged at any time: the index is built from
//! the tables then.
//!
//! A row of the catalogue tells the change that the file is of, and its digest. So a file of another moment, of another catalogue or of one
//! that was brought back is none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::sql::run;
use super::{feed, members};
use crate::catalog::CatalogError as E;
use crate::catalog::index::Index;

const ROW: &str = "index";
const BUFFER: usize = 1 << 20;

fn file_of(catalog: &Path) -> PathBuf {
    catalog.with_extension("index")
}

/// The change that the file is of, and its digest.
fn owned(conn: &Connection) -> Result<Option<(u64, String)>, E> {
    let row = members::meta(conn, ROW)?;
    let owned = row.as_deref().and_then(|row| row.split_once(' '));
    Ok(owned.and_then(|(seq, digest)| Some((seq.parse().ok()?, digest.to_owned()))))
}

/// The index of this moment and its change, if one was left.
pub(super) fn read(conn: &Connection, catalog: &Path) -> Result<Option<(u64, Index)>, E> {
    let Some((seq, digest)) = owned(conn)? else { return Ok(None) };
    if seq != feed::last(conn)? {
        return Ok(None);
    }
    let found = File::open(file_of(catalog)).and_then(|file| {
        let mut from = BufReader::with_capacity(BUFFER, Hashed::new(file));
        let index = Index::read(&mut from)?;
        // What lies behind it belongs to the digest too.
        io::copy(&mut from, &mut io::sink())?;
        Ok((index, from.into_inner().digest()))
    });
    match found {
        Ok((index, found)) if found == digest => Ok(Some((seq, index))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        damaged => {
            let why = damaged.err().map_or_else(|| "its digest is another".to_owned(), |e| e.to_string());
            tracing::warn!("the kept index of queries cannot be used, it is built again: {why}");
            // Else it would pass for the one that is to be left at the end.
            let _ = fs::remove_file(file_of(catalog));
            Ok(None)
        }
    }
}

/// Leaves an index, in a transaction that sees the catalogue as it is now.
pub(super) fn write(conn: &Connection, catalog: &Path, seq: u64, index: &Index) -> Result<(), E> {
    if seq != feed::last(conn)? {
        return Ok(());
    }
    let file = file_of(catalog);
    if owned(conn)?.is_some_and(|(kept, _)| kept == seq) && file.exists() {
        return Ok(());
    }
    let new = catalog.with_extension("index.new");
    let written = write_new(&new, index).and_then(|digest| {
        fs::rename(&new, &file)?;
        Ok(digest)
    });
    match written {
        Ok(digest) => members::set_meta(conn, ROW, &format!("{seq} {digest}")),
        Err(e) => {
            let _ = fs::remove_file(&new);
            let full = e.kind() == ErrorKind::StorageFull;
            Err(if full { E::Full } else { E::Engine(format!("{}: {e}", new.display())) })
        }
    }
}

/// From now on no file is of any moment of this catalogue.
pub(super) fn disown(conn: &Connection) -> Result<(), E> {
    run(conn, "DELETE FROM meta WHERE key = ?1", [ROW]).map(drop)
}

fn write_new(new: &Path, index: &Index) -> io::Result<String> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(new)?;
    let mut out = BufWriter::with_capacity(BUFFER, Hashed::new(file));
    index.write(&mut out)?;
    out.into_inner().map(Hashed::digest).map_err(io::IntoInnerError::into_error)
}

/// Bytes on their way, and their BLAKE3.
struct Hashed<T> {
    inner: T,
    hasher: blake3::Hasher,
}

impl<T> Hashed<T> {
    fn new(inner: T) -> Self {
        Self { inner, hasher: blake3::Hasher::new() }
    }

    fn digest(self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }
}

impl<T: Read> Read for Hashed<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.hasher.update(into.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl<T: Write> Write for Hashed<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
