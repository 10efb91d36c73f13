//! Fills a library's audit log for the benchmarks: trail LIBRARY ROWS. The rows are those that openings of files leave; nobody has the library open.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for benchmarks")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use damfs::audit;
use damfs::catalog::sqlite::SqliteEngine;
use damfs::catalog::{Catalog, CatalogError};
use damfs::types::Timestamp;

/// Rows in one transaction.
const BATCH: i64 = 10_000;
/// As the log of reads is called.
const CHAIN: &str = "reads";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [library, rows] = &args[..] else {
        eprintln!("usage: trail LIBRARY ROWS");
        std::process::exit(2);
    };
    let rows: i64 = rows.parse()?;
    let catalog = Catalog::new(Arc::new(SqliteEngine::open(&Path::new(library).join("catalog.db"))?));
    for first in (0..rows).step_by(usize::try_from(BATCH)?) {
        catalog.write(|tx| -> Result<(), CatalogError> {
            for n in first..rows.min(first + BATCH) {
                let at = Timestamp::from_secs(1_790_000_000).plus_ms(n);
                let detail = serde_json::json!({ "version": 1, "program": "rsync", "times": 1 + n % 7 });
                let subject = format!("01a0c450-6c00-7171-9068-{n:012x}");
                audit::append(tx, CHAIN, at, "nora", "read.file", &subject, &detail)?;
            }
            Ok(())
        })?;
    }
    catalog.barrier()?;
    println!("{rows} rows");
    Ok(())
}
