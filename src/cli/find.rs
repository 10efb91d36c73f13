//! `dam find`: which assets match.

use std::process::ExitCode;

use serde_json::Value;

use super::args::{FindArgs, Global};
use super::{Done, backend, print};
use crate::ops::proto::Command;

/// Finds. To a terminal a table, else one line each and nothing else.
pub fn run(global: &Global, args: FindArgs) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::Find { expr: args.expr, limit: args.limit }))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let assets = value["assets"].as_array().cloned().unwrap_or_default();
    if args.print0 {
        let paths: Vec<u8> = assets.iter().filter_map(raw).flat_map(|path| path.into_iter().chain([0])).collect();
        print::out(&paths)?;
    } else if print::to_terminal() {
        let mut table = print::table(&["path", "kind", "size", "rating", "persona", "tags"]);
        for asset in &assets {
            let path = if asset["path"].is_null() {
                format!("(trash) {}", print::word(&asset["view_name"]))
            } else {
                print::word(&asset["path"])
            };
            table.add_row([
                path,
                print::word(&asset["format"]),
                print::dimensions(asset),
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
        let lines: String = assets.iter().filter_map(line).map(|p| format!("{p}\n")).collect();
        print::out(lines.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One line for a program: the path, or the id where the path is no line of text. Every command takes both.
fn line(asset: &Value) -> Option<&str> {
    let path = asset["path"].as_str()?;
    let is_line = asset["path_bytes"].is_null() && !path.contains(char::is_control);
    if is_line { Some(path) } else { asset["id"].as_str() }
}

/// The path's very bytes.
fn raw(asset: &Value) -> Option<Vec<u8>> {
    match asset["path_bytes"].as_str() {
        None => asset["path"].as_str().map(|path| path.as_bytes().to_vec()),
        Some(hex) => {
            hex.as_bytes().chunks(2).map(|b| u8::from_str_radix(std::str::from_utf8(b).ok()?, 16).ok()).collect()
        }
    }
}
