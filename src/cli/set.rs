//! `dam set`: facets of assets.

use std::process::ExitCode;

use serde_json::Value;

use super::args::{Global, SetArgs};
use super::{Done, Failure, backend, print, target, usage};
use crate::ops::proto::{Assignment, Command};
use crate::ops::value;

/// Sets.
pub fn run(global: &Global, args: &SetArgs) -> Done {
    let (values, paths): (Vec<&String>, Vec<&String>) = args.items.iter().partition(|item| is_assignment(item));
    if values.is_empty() {
        return Err(usage("no facet=value given", "for example: dam set library/luna/IMG_1.png rating=safe"));
    }
    if paths.is_empty() {
        return Err(usage("no PATH given", "for example: dam set library/luna/IMG_1.png rating=safe"));
    }
    let set = values.into_iter().map(|text| assignment(text)).collect::<Result<Vec<_>, _>>()?;
    value::changes(&set)?;
    let hints: Vec<&str> = paths.iter().map(|p| p.as_str()).collect();
    let done = backend::run(global, &hints, |root| {
        let targets = paths.iter().map(|p| target::resolve(root, p)).collect::<Result<_, _>>()?;
        Ok(Command::Set { targets, set })
    })?;
    report(global, &done)
}

/// How many records changed.
pub fn report(global: &Global, done: &Value) -> Done {
    if global.json {
        print::json(done)?;
        return Ok(ExitCode::SUCCESS);
    }
    let assets = done["assets"].as_array().map_or(&[][..], Vec::as_slice);
    let changed = assets.iter().filter(|a| a["changed"].as_array().is_some_and(|c| !c.is_empty())).count();
    print::line(&format!("changed {changed}, as it was {}", assets.len() - changed))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads `facet=value`.
pub fn assignment(text: &str) -> Result<Assignment, Failure> {
    match text.split_once('=') {
        Some((facet, value)) if !facet.is_empty() => {
            Ok(Assignment { facet: facet.to_owned(), value: value.to_owned() })
        }
        _ => Err(usage(format!("`{text}` is not facet=value"), "for example: persona=luna")),
    }
}

/// A facet's name holds no slash and does not begin with a dot: `./a=b.png` is a file.
fn is_assignment(item: &str) -> bool {
    item.split_once('=')
        .is_some_and(|(facet, _)| facet.starts_with(|c: char| c.is_ascii_alphabetic()) && !facet.contains('/'))
}
