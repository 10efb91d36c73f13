//! `dam export`: copies of what a platform takes, in a folder.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::args::Global;
use super::progress::Progress;
use super::whole::{self, Whole};
use super::{Done, Failure, backend, failed, misunderstood, print};
use crate::ops::Listener;
use crate::ops::proto::Command;
use crate::types::{AssetId, FileName};

/// What a file is called that is not whole yet.
const UNFINISHED: &str = ".dam-export-";
const DIFFERS: &str = "a file of its name is there, and differs; --overwrite puts the export in its place";

#[derive(Debug, Args)]
#[command(after_help = "\
The files are those of platforms/PLATFORM/PLACEMENT in a mount, with their names, times and captions: approved, within the
platform's limits, and told of to you. Each is there as a whole or not at all, and one that is there as it is to be stays,
so a copy that was cut short goes on when it is run again. What cannot be exported is told with its reason, also a clip
that is not rendered yet, and makes the exit code 1. A file of the same name that differs, an older export too, is
replaced by --overwrite alone.

Example:
  dam export persona=luna,status.instagram=approved instagram/post_square ~/posts
  dam export --json tag=beach tiktok/video ~/posts")]
pub struct ExportArgs {
    /// Which assets.
    #[arg(value_name = "QUERY")]
    pub query: String,
    /// For which placement, such as instagram/post_square; `dam spec` lists them.
    #[arg(value_name = "PLATFORM/PLACEMENT")]
    pub place: String,
    /// The folder; made when it is not there.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Put exports in the place of files that have their names and differ.
    #[arg(long)]
    pub overwrite: bool,
}

/// What became of each.
#[derive(Default)]
struct Told {
    written: u64,
    same: u64,
    captions: u64,
    refused: Vec<Value>,
}

/// Exports.
pub fn run(global: &Global, args: &ExportArgs) -> Done {
    let root = backend::root(global, &[])?;
    let dir = backend::canonical(&args.dir);
    if dir.starts_with(&root) {
        return Err(failed("the folder lies in the library itself", "choose a folder elsewhere"));
    }
    let mut backend = backend::Backend::open(global, &root)?;
    let rows = rows(&mut backend, args)?;
    let progress = Progress::new(global);
    let mut told = Told::default();
    for (done, row) in rows.iter().enumerate() {
        one(&mut backend, args, row, &mut told).inspect_err(|_| progress.end())?;
        progress.progress(done + 1, rows.len());
    }
    progress.end();
    // Their names are there after a power cut, too.
    if told.written + told.captions > 0 {
        File::open(&dir).and_then(|dir| dir.sync_all()).map_err(|e| cannot("write", &dir, &e))?;
    }
    let Told { written, same, captions, refused } = told;
    let all = refused.is_empty();
    if global.json {
        print::json(&json!({ "written": written, "same": same, "captions": captions, "refused": refused }))?;
    } else {
        for row in &refused {
            print::note(&format!("{}: {}", print::word(&row["path"]), print::word(&row["reason"])));
        }
        print::line(&format!(
            "written {written}, as they were {same}, captions {captions}, left out {}",
            refused.len()
        ))?;
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All that the query finds.
fn rows(backend: &mut backend::Backend, args: &ExportArgs) -> Result<Vec<Value>, Failure> {
    let (mut rows, mut after) = (Vec::new(), 0);
    loop {
        let command = Command::ExportList { expr: args.query.clone(), place: args.place.clone(), after };
        let mut page = backend.run(command, None)?;
        rows.extend(page["rows"].as_array_mut().into_iter().flat_map(std::mem::take));
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => return Ok(rows),
        }
    }
}

/// One asset: what is there already as it is to be stays.
fn one(backend: &mut backend::Backend, args: &ExportArgs, row: &Value, told: &mut Told) -> Result<(), Failure> {
    let refuse = |told: &mut Told, reason: &Value| {
        told.refused.push(json!({ "path": row["path"], "asset": row["asset"], "reason": reason }));
    };
    if !row["reason"].is_null() {
        refuse(told, &row["reason"]);
        return Ok(());
    }
    let (Some(path), Some(id)) = (path(&args.dir, &row["name"]), row["asset"].as_str().and_then(|id| id.parse().ok()))
    else {
        return Err(misunderstood());
    };
    let there = hash(&path).map_err(|e| cannot("read", &path, &e))?;
    if there.is_some() && there.as_deref() == row["hash"].as_str() {
        told.same += 1;
    } else {
        match copy(backend, args, id, &path, there.as_deref())? {
            Copied::Written => told.written += 1,
            Copied::Same => told.same += 1,
            Copied::Not(reason) => {
                refuse(told, &reason);
                return Ok(());
            }
        }
    }
    if row["no_caption"].is_string() {
        refuse(told, &json!(format!("its caption: {}", print::word(&row["no_caption"]))));
    }
    let caption = &row["caption"];
    let (Some(path), Some(text)) = (self::path(&args.dir, &caption["name"]), caption["text"].as_str()) else {
        return Ok(());
    };
    let there = fs::read(&path).ok();
    if there.as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    if there.is_some() && !args.overwrite {
        refuse(told, &json!(format!("its caption: {DIFFERS}")));
    } else {
        whole::replace(&path, text.as_bytes(), UNFINISHED).map_err(|e| cannot("write", &path, &e))?;
        told.captions += 1;
    }
    Ok(())
}

enum Copied {
    Written,
    Same,
    Not(Value),
}

fn copy(
    backend: &mut backend::Backend,
    args: &ExportArgs,
    asset: AssetId,
    path: &Path,
    there: Option<&str>,
) -> Result<Copied, Failure> {
    let wrong = |e: io::Error| cannot("write", path, &e);
    let whole = Whole::begin(&args.dir, UNFINISHED).map_err(wrong)?;
    let command = Command::ExportCopy { asset, place: args.place.clone() };
    let done = backend.run(command, Some(whole.file.try_clone().map_err(wrong)?))?;
    if !done["reason"].is_null() {
        return Ok(Copied::Not(done["reason"].clone()));
    }
    if there.is_some() && hash_of(&whole.file).map_err(wrong)?.as_str() == there.unwrap_or_default() {
        return Ok(Copied::Same);
    }
    if there.is_some() && !args.overwrite {
        return Ok(Copied::Not(json!(DIFFERS)));
    }
    if let Some(nanos) = done["mtime"].as_i64().and_then(|nanos| u64::try_from(nanos).ok()) {
        let at = UNIX_EPOCH + Duration::from_nanos(nanos);
        whole.file.set_times(FileTimes::new().set_modified(at)).map_err(wrong)?;
    }
    whole.keep_as(path).map_err(wrong)?;
    Ok(Copied::Written)
}

/// A name in the folder; none leads out.
fn path(dir: &Path, name: &Value) -> Option<PathBuf> {
    Some(dir.join(FileName::new(name.as_str()?).ok()?.to_os_string()))
}

/// BLAKE3 of a file that is there.
fn hash(path: &Path) -> io::Result<Option<String>> {
    match File::open(path) {
        Ok(file) => hash_of(&file).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn hash_of(file: &File) -> io::Result<String> {
    use std::io::Seek as _;
    let mut file = file;
    file.rewind()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn cannot(what: &str, path: &Path, e: &io::Error) -> Failure {
    failed(
        format!("cannot {what} {}: {e}", path.display()),
        "free some space or choose another folder, then run it again",
    )
}
