//! `dam versions`: the versions of an asset.

use std::process::ExitCode;

use super::args::{Global, ShowArgs};
use super::{Done, backend, print, target};
use crate::ops::proto::Command;

/// Lists.
pub fn run(global: &Global, args: &ShowArgs) -> Done {
    let value = backend::run(global, &[&args.target], |root| {
        Ok(Command::Versions { target: target::resolve(root, &args.target)? })
    })?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let versions = value["versions"].as_array().map_or(&[][..], Vec::as_slice);
    if versions.is_empty() {
        print::note("no version yet; dam settle makes one of what is written and closed");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["version", "made", "by", "bytes", "size", "format", ""]);
    for version in versions {
        table.add_row([
            version["n"].to_string(),
            print::word(&version["made"]),
            print::word(&version["by"]),
            version["size"].as_u64().map(print::bytes).unwrap_or_default(),
            print::dimensions(version),
            print::word(&version["format"]),
            if version["current"] == true { "current".to_owned() } else { String::new() },
        ]);
    }
    print::line(&table.to_string())?;
    print::inherited(&value);
    Ok(ExitCode::SUCCESS)
}
