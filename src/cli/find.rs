//! `dam find`: which assets match.

use std::process::ExitCode;

use super::args::{FindArgs, Global};
use super::{Done, backend, print};
use crate::ops::proto::Command;

/// Finds. To a terminal a table, else one path per line and nothing else.
pub fn run(global: &Global, args: FindArgs) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::Find { expr: args.expr, limit: args.limit }))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let assets = value["assets"].as_array().cloned().unwrap_or_default();
    if print::to_terminal() {
        let mut table = print::table(&["path", "kind", "size", "rating", "persona", "tags"]);
        for asset in &assets {
            let size = match (asset["width"].as_u64(), asset["height"].as_u64()) {
                (Some(w), Some(h)) => format!("{w}x{h}"),
                _ => String::new(),
            };
            let path = if asset["path"].is_null() {
                format!("(trash) {}", print::word(&asset["view_name"]))
            } else {
                print::word(&asset["path"])
            };
            table.add_row([
                path,
                print::word(&asset["format"]),
                size,
                print::word(&asset["rating"]),
                print::word(&asset["persona"]),
                print::word(&asset["tag"]),
            ]);
        }
        if assets.is_empty() {
            print::note("nothing found");
        } else {
            print::line(&table.to_string())?;
        }
    } else {
        let paths: String = assets.iter().filter_map(|a| a["path"].as_str()).map(|p| format!("{p}\n")).collect();
        print::out(&paths)?;
    }
    Ok(ExitCode::SUCCESS)
}
