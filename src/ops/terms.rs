//! Values that people give, as the library's glossary has them: an alias becomes its term, and what is given to nothing is refused.
//! What files bring along is never refused (`probe`).

use damfs_policy::expr::Facts;
use damfs_policy::{Expr, Field, Glossary, Refusal, Verb};

use super::{OpsError, value};
use crate::access::{AssetFacts, Who};
use crate::catalog::{Asset, ReadTx};
use crate::view::tree::Tree;

use value::FacetChange;

/// How to define a word.
const DEFINE: &str = "an admin defines words with: dam glossary edit";

/// The changes of one asset as its record takes them. A value that it has already is no new one; taking a value away takes it under every
/// name that it is stored by.
///
/// # Errors
/// [`OpsError::NoTerm`], with the nearest term.
pub fn settle(
    tx: &dyn ReadTx,
    who: &Who,
    asset: &Asset,
    changes: &[(Field, FacetChange)],
) -> Result<Vec<(Field, FacetChange)>, OpsError> {
    let mut settled = Vec::with_capacity(changes.len());
    for (field, change) in changes {
        let change = match change {
            FacetChange::Add(value) if !has(asset, field, value) => FacetChange::Add(admit(tx, who, field, value)?),
            FacetChange::Replace(value) if !has(asset, field, value) => {
                FacetChange::Replace(admit(tx, who, field, value)?)
            }
            FacetChange::Remove(value) if Glossary::FIELDS.contains(field) => {
                let glossary = who.subject.glossary();
                let is_it = |stored: &String| glossary.canonical(field, stored) == glossary.canonical(field, value);
                let stored = stored(asset, field).into_iter().filter(is_it).filter(|stored| stored != value);
                settled.extend(stored.map(|stored| (field.clone(), FacetChange::Remove(stored))));
                change.clone()
            }
            other => other.clone(),
        };
        settled.push((field.clone(), change));
    }
    Ok(settled)
}

/// A value as it is to be stored.
///
/// # Errors
/// [`OpsError::NoTerm`], with the nearest term.
pub fn admit(tx: &dyn ReadTx, who: &Who, field: &Field, value: &str) -> Result<String, OpsError> {
    let glossary = who.subject.glossary();
    let refusal = match glossary.admit(field, value) {
        Ok(value) => return Ok(value),
        Err(refusal) => refusal,
    };
    let written = |value: &str| value::written(field, value);
    let (message, hint) = match refusal {
        // As it was typed: what it is an alias of may be in use where he may not look.
        Refusal::Retired { instead, .. } => {
            let instead = shown(tx, who, field, instead)?;
            let instead =
                instead.first().map_or_else(|| DEFINE.to_owned(), |term| format!("give {field}={}", written(term)));
            (format!("{field}={} is retired and given to nothing any more", written(value)), instead)
        }
        Refusal::NotBelow { values, .. } => {
            let known = shown(tx, who, field, values)?;
            let above = value.rsplit_once('/').map_or(value, |(above, _)| above);
            let what = format!("value of {field}={}", written(above));
            value::nearest(&what, &written(value), known.iter().map(|value| written(value)))
        }
        Refusal::NoTerm => {
            let known = shown(tx, who, field, glossary.words(field))?;
            let (message, known) =
                value::nearest(&format!("term of {field}"), &written(value), known.iter().map(|value| written(value)));
            (message, format!("{known}; {DEFINE}"))
        }
    };
    Err(OpsError::NoTerm { message, hint })
}

/// Those of some words that a member is told of: who does not list everything hears of what is in use where he looks alone.
///
/// # Errors
/// When the catalogue fails.
pub fn shown(
    tx: &dyn ReadTx,
    who: &Who,
    field: &Field,
    words: impl IntoIterator<Item = String>,
) -> Result<Vec<String>, OpsError> {
    if who.subject.allows_everything(Verb::List) {
        return Ok(words.into_iter().collect());
    }
    let seen = Tree::new(tx, &who.subject, Some(who.id)).values(field, &Expr::all())?;
    Ok(words.into_iter().filter(|word| seen.contains(word)).collect())
}

/// The values of a field as they are stored.
#[must_use]
pub fn stored(asset: &Asset, field: &Field) -> Vec<String> {
    let mut values = Vec::new();
    AssetFacts(asset).texts(field, &mut |value| values.push(value.to_owned()));
    values
}

fn has(asset: &Asset, field: &Field, value: &str) -> bool {
    stored(asset, field).iter().any(|stored| stored == value)
}
