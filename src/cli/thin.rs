//! `dam thin`: versions that the rules do not keep.

use std::process::ExitCode;

use clap::{Args, ValueHint};

use super::args::Global;
use super::{Done, backend, print, target};
use crate::ops::proto::Command;

#[derive(Debug, Args)]
pub struct ThinArgs {
    /// Assets: paths in a mount, library/..., or ids; else all.
    #[arg(value_name = "PATH|ID", value_hint = ValueHint::FilePath)]
    pub targets: Vec<String>,
    /// Only say what would go.
    #[arg(long)]
    pub dry_run: bool,
}

/// Thins, or says what would go.
pub fn run(global: &Global, args: &ThinArgs) -> Done {
    let hints: Vec<&str> = args.targets.iter().map(String::as_str).collect();
    let done = backend::run(global, &hints, |root| {
        let targets = target::resolve_all(root, &args.targets)?;
        Ok(Command::Thin { targets, dry_run: args.dry_run })
    })?;
    if global.json {
        print::json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    let assets = done["assets"].as_array().map_or(&[][..], Vec::as_slice);
    if assets.is_empty() {
        print::line("versions.toml keeps every version")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = String::new();
    for asset in assets {
        let path = print::word(if asset["path"].is_null() { &asset["id"] } else { &asset["path"] });
        lines.push_str(&format!("{path}: {} ({} left)\n", print::word(&asset["versions"]), asset["left"]));
    }
    print::out(lines.as_bytes())?;
    let how = if args.dry_run { "would be thinned out" } else { "thinned out" };
    let size = print::bytes(done["size"].as_u64().unwrap_or(0));
    let (versions, assets) = (print::word(&done["versions"]), assets.len());
    print::line(&format!("versions {how}: {versions} ({size}) of {assets} assets; their bytes stay in the store"))?;
    Ok(ExitCode::SUCCESS)
}
