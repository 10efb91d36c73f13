//! `dam similar`: the pictures that look like one.

use std::process::ExitCode;

use clap::{Args, ValueHint};

use super::args::Global;
use super::{Done, backend, print, target};
use crate::catalog::NEAR;
use crate::ops::proto::Command;

#[derive(Debug, Args)]
pub struct SimilarArgs {
    /// A path in a mount, library/..., versions/..., or an asset id.
    #[arg(value_name = "PATH|ID", value_hint = ValueHint::FilePath)]
    pub target: String,
    /// How many of the 64 bits may differ.
    #[arg(long, value_name = "N", default_value_t = NEAR, value_parser = clap::value_parser!(u32).range(0..=64))]
    pub within: u32,
}

/// Lists.
pub fn run(global: &Global, args: &SimilarArgs) -> Done {
    let value = backend::run(global, &[&args.target], |root| {
        Ok(Command::Similar { target: target::resolve(root, &args.target)?, within: args.within })
    })?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    if value["whole"] != true {
        print::note("not every picture was looked at yet; a daemon does that while the library is mounted");
    }
    let assets = value["assets"].as_array().map_or(&[][..], Vec::as_slice);
    if assets.is_empty() {
        print::note("nothing that you may list looks like it; --within 12 looks further");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["differs", "path", "format", "dimensions", "bytes"]);
    for asset in assets {
        table.add_row([
            asset["differs"].to_string(),
            print::word(&asset["path"]),
            print::word(&asset["format"]),
            print::dimensions(asset),
            asset["size"].as_u64().map(print::bytes).unwrap_or_default(),
        ]);
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
