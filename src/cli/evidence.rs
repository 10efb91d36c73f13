//! `dam evidence`: what the library knows of one asset and did with it, to be checked without the library.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueHint};
use serde_json::{Value, json};

use super::args::Global;
use super::log::lines;
use super::whole::Whole;
use super::{Done, backend, failed, print, target, usage};
use crate::ops::evidence;
use crate::ops::proto::Command;

/// What a file is called that is not whole yet.
const UNFINISHED: &str = ".dam-evidence-";

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
The file is a ZIP archive for an auditor or a platform: the asset's whole record, every version with its SHA-256, every row
of the audit log that is of it, the guidelines that its verdicts were given under, and a signed list of all that. Of other
assets it has digests alone. Its README.txt says how it is checked, with damfs or with openssl and sha256sum, and what it
proves. The log is walked from its first row; of one that is not whole no evidence is made. That it was made is on record.
For admins who may download the asset, for its rows of the log tell sizes and hashes.

Example:
  dam evidence library/luna/IMG_1.png -o IMG_1-evidence.zip
  dam evidence library/luna/IMG_1.png -o all.zip --with-bytes --since 2026-01-01
  dam evidence key > studio.pem
  dam evidence verify IMG_1-evidence.zip --key studio.pem"
)]
pub struct EvidenceArgs {
    #[command(subcommand)]
    pub action: Option<EvidenceAction>,
    /// The asset: a path in a mount, library/..., or an id.
    #[arg(value_name = "PATH|ID", value_hint = ValueHint::FilePath, required = true)]
    pub target: Option<String>,
    /// The file to make; it is not there yet.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, required = true)]
    pub output: Option<PathBuf>,
    /// Also the bytes of the current version.
    #[arg(long)]
    pub with_bytes: bool,
    /// Rows of the log from then on: a date, a time, or how long ago (90d); else all.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum EvidenceAction {
    /// Check such a file; needs no library. Names the first thing that is wrong.
    #[command(after_help = "\
Exit code 1 when something is wrong. Without --key it is checked with the key inside of it: that it is whole, not whose it
is. --heads holds it to lines of dam log head, or of audit_heads, that somebody has kept; exit code 1, too, when it tells
nothing of one of these that is not newer than itself.

Example:
  dam evidence verify IMG_1-evidence.zip --key studio.pem
  dam evidence verify IMG_1-evidence.zip --key studio.pem --heads heads.txt --json")]
    Verify {
        /// The file.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The library's public key: its digits, or the file that dam evidence key has written.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Lines that dam log head has written; - is standard input.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        heads: Option<PathBuf>,
    },
    /// Print the library's public key, to hand out before evidence is asked for.
    #[command(after_help = "Example:\n  dam evidence key > studio.pem")]
    Key,
}

/// Makes, checks, tells the key.
pub fn run(global: &Global, args: EvidenceArgs) -> Done {
    match args.action {
        Some(EvidenceAction::Verify { file, key, heads }) => verify(global, &file, key, heads.as_deref()),
        Some(EvidenceAction::Key) => {
            let told = backend::run(global, &[], |_| Ok(Command::EvidenceKey))?;
            if global.json {
                print::json(&told)?
            } else {
                print::out(print::word(&told["pem"]).as_bytes())?
            }
            Ok(ExitCode::SUCCESS)
        }
        None => {
            let (Some(target), Some(output)) = (args.target, args.output) else {
                return Err(usage("no asset and no file are given", "dam evidence PATH -o FILE"));
            };
            make(global, &target, &output, args.with_bytes, args.since)
        }
    }
}

fn make(global: &Global, asset: &str, output: &Path, with_bytes: bool, since: Option<String>) -> Done {
    if fs::symlink_metadata(output).is_ok() {
        return Err(failed(format!("{} is there already", output.display()), "name another file"));
    }
    let cannot = |e: std::io::Error| {
        failed(format!("cannot write {}: {e}", output.display()), "free some space or choose another folder")
    };
    let root = backend::root(global, &[asset])?;
    let target = target::resolve(&root, asset)?;
    let mut backend = backend::Backend::open(global, &root)?;
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let whole = Whole::begin_private(folder, UNFINISHED).map_err(cannot)?;
    let command = Command::Evidence { target, since, with_bytes };
    let told = backend.run(command, Some(whole.file.try_clone().map_err(cannot)?))?;
    whole.keep_as(output).map_err(cannot)?;
    if global.json {
        print::json(&told)?;
        return Ok(ExitCode::SUCCESS);
    }
    for lacks in told["lacking"].as_array().into_iter().flatten() {
        print::note(&format!("not in it: {}", print::word(lacks)));
    }
    print::line(&format!("{}: {} files, {} rows of the log", output.display(), told["files"], told["rows"]))?;
    print::line(&format!("signed with {}", print::word(&told["key"])))?;
    Ok(ExitCode::SUCCESS)
}

fn verify(global: &Global, file: &Path, key: Option<String>, heads: Option<&Path>) -> Done {
    let heads = heads.map(lines).transpose()?.unwrap_or_default();
    // What is no key by itself is the name of a file with one.
    let key = key.map(|key| match key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(key),
        false => fs::read_to_string(&key)
            .map_err(|e| failed(format!("cannot read {key}: {e}"), "name the file that dam evidence key has written")),
    });
    let key = key.transpose()?;
    let opened = File::open(file).map_err(|e| failed(format!("cannot read {}: {e}", file.display()), "name a file"))?;
    let told = match evidence::verify(opened, key.as_deref(), &heads) {
        Ok(told) => told,
        Err(fault) if global.json => {
            print::json(&json!({ "whole": false, "fault": fault }))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(fault) => {
            let fault = print::safe(&fault);
            return Err(failed(format!("{}: {fault}", file.display()), "do not rely on it; ask for another one"));
        }
    };
    let not_held = told["not_held"].as_array().cloned().unwrap_or_default();
    let code = if not_held.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if global.json {
        let mut told = told;
        told["whole"] = Value::Bool(true);
        print::json(&told)?;
        return Ok(code);
    }
    let [asset, made, by, library] = ["asset", "made", "by", "library"].map(|key| print::word(&told[key]));
    print::line(&format!("asset {asset}, made {made} by {by} of library {library}"))?;
    print::line(&format!("{} files, {} rows of the log", told["files"], told["rows"]))?;
    for lacks in told["lacking"].as_array().into_iter().flatten() {
        print::note(&format!("not in it: {}", print::word(lacks)));
    }
    if !heads.is_empty() {
        print::note(&format!("{} of {} heads that were kept are in it as they were", told["held"], heads.len()));
    }
    for head in &not_held {
        print::note(&format!("not held to: {}, of which it tells nothing", print::word(head)));
    }
    print::note(&match told["key_known"].as_bool() {
        Some(true) => "whole, and signed with the key given".to_owned(),
        _ => format!(
            "whole, by its own key {}: hold it to the library's, which you got elsewhere (--key)",
            print::word(&told["key"])
        ),
    });
    Ok(code)
}
