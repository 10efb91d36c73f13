//! What could come next in a query that is being typed: fields, and values that the caller may list.

use damfs_policy::expr::FieldKind;
use damfs_policy::{Expr, Field};
use serde_json::{Value, json};

use super::{Actor, Library, OpsError, value};
use crate::policy::Platforms;
use crate::view::tree::Tree;

/// No shell shows more.
const MOST: usize = 500;
const NOT: &str = "not.";

/// The words that a begun one may become: `{"words": [..]}`. Each is whole, with what was typed before its last part.
///
/// # Errors
/// When the catalogue fails.
pub fn complete(library: &Library, actor: &Actor, begun: &str) -> Result<Value, OpsError> {
    let typed = begun.rfind([',', ';', '(']).map_or(0, |at| at + 1);
    let (before, term) = begun.split_at(typed);
    let words = match term.split_once('=') {
        None => fields(actor.who().subject.platforms(), term),
        Some((name, values)) => {
            let Some(field) = Field::parse(name.strip_prefix(NOT).unwrap_or(name)) else {
                return Ok(json!({ "words": [] }));
            };
            let last = values.rfind('+').map_or(0, |at| at + 1);
            let (earlier, begun) = values.split_at(last);
            let known = known(library, actor, &field)?;
            let fitting =
                known.into_iter().map(|known| value::written(&field, &known)).filter(|v| v.starts_with(begun));
            fitting.map(|value| format!("{name}={earlier}{value}")).collect()
        }
    };
    let words: Vec<String> = words.into_iter().take(MOST).map(|word| format!("{before}{word}")).collect();
    Ok(json!({ "words": words }))
}

fn fields(platforms: &Platforms, begun: &str) -> Vec<String> {
    let (not, begun) = match begun.strip_prefix(NOT) {
        Some(rest) => (NOT, rest),
        None => ("", begun),
    };
    let platforms = platforms.platforms().map(|name| Field::Status(name.to_owned()));
    let fields = Field::ALL.iter().cloned().chain(platforms.filter(|_| begun.starts_with("status.")));
    let mut words: Vec<String> = fields
        .map(|field| field.to_string())
        .filter(|name| name.starts_with(begun))
        .map(|name| format!("{not}{name}="))
        .collect();
    if not.is_empty() && !begun.is_empty() && NOT.starts_with(begun) {
        words.push(NOT.to_owned());
    }
    words
}

/// The values of a field that the caller may know of; `none` is one that every query may ask for.
fn known(library: &Library, actor: &Actor, field: &Field) -> Result<Vec<String>, OpsError> {
    if let FieldKind::Closed(words) = field.kind() {
        return Ok(words.iter().map(|word| (*word).to_owned()).collect());
    }
    let who = actor.who();
    let values = library.catalog.read(|tx| Tree::new(tx, &who.subject, Some(who.id)).values(field, &Expr::all()))?;
    Ok(values.into_iter().collect())
}
