//! `dam whence`: where a file comes from.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};
use serde_json::Value;

use super::args::Global;
use super::{Done, backend, failed, print};
use crate::ops::proto::Command;
use crate::ops::scout;

#[derive(Debug, Args)]
pub struct WhenceArgs {
    /// Any file.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

/// Asks for what has these bytes.
pub fn run(global: &Global, args: &WhenceArgs) -> Done {
    let name = args.file.display().to_string();
    let file = scout::open(&args.file)
        .map_err(|e| failed(format!("cannot read {name}: {e}"), "name a file that you may read"))?;
    let root = backend::root_of(global, std::iter::once(args.file.as_os_str()))?;
    let mut library = backend::Backend::open(global, &root)?;
    let told = library.run(Command::Whence { name }, Some(file))?;
    if global.json {
        print::json(&told)?;
        return Ok(ExitCode::SUCCESS);
    }
    told["found"].as_array().into_iter().flatten().try_for_each(|row| print::line(&line(row)))?;
    Ok(ExitCode::SUCCESS)
}

fn line(row: &Value) -> String {
    let path = row["path"].as_str().or(row["asset"].as_str()).map(print::safe).unwrap_or_default();
    let version =
        format!("{path}, version {}{}", row["version"], if row["current"] == true { " (current)" } else { "" });
    match row["as"].as_str() {
        Some("version") => return version,
        Some("preview") => {
            let name = row["for"].as_str().map_or_else(|| "somebody else".into(), print::safe);
            return format!("{version}, preview for {name}, rendered {}", print::word(&row["made"]));
        }
        Some("derived") => return format!("{version}: other bytes, which say that they were made of it"),
        _ => {}
    }
    let place = match (row["platform"].as_str(), row["placement"].as_str()) {
        (Some(platform), Some(placement)) => format!("{}/{}", print::safe(platform), print::safe(placement)),
        _ => "a placement as it was".to_owned(),
    };
    let state = if row["circulates"] == false { ", which circulates there no more" } else { "" };
    let place = match row["for"].as_str() {
        Some(name) => format!("{place}, with the mark of {}", print::safe(name)),
        None => place,
    };
    format!("{version}, for {place}, rendered {}{state}", print::word(&row["made"]))
}
