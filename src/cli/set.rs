//! `dam set`: facets of assets.

use super::args::{Global, SetArgs};
use super::{Done, Failure, many, usage};
use crate::ops::proto::{Assignment, Command};
use crate::ops::value;

/// Sets.
pub fn run(global: &Global, args: &SetArgs) -> Done {
    let (values, paths): (Vec<&String>, Vec<&String>) = args.items.iter().partition(|item| is_assignment(item));
    if values.is_empty() {
        return Err(usage("no facet=value given", "for example: dam set library/luna/IMG_1.png rating=safe"));
    }
    let set = values.into_iter().map(|text| assignment(text)).collect::<Result<Vec<_>, _>>()?;
    value::changes(&set)?;
    let why = args.message.clone();
    many::run(global, &args.many, &paths, |what, dry_run| Command::Set { what, set, dry_run, why })
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
