//! A value of an open vocabulary gets another name, everywhere: what has it, what is below it, and the words that wait for their first file.

use damfs_policy::expr::Test;
use damfs_policy::{Expr, Field, Term, Verb};
use serde_json::json;

use super::value::FacetChange;
use super::{Actor, Library, OpsError, assign, trail};
use crate::catalog::{Asset, ChangeKind, WriteTx};
use crate::types::Timestamp;
use crate::view::tree;

/// A value and the one that it becomes.
#[derive(Debug)]
pub struct Renamed<'a> {
    pub field: &'a Field,
    pub from: &'a str,
    pub to: &'a str,
}

impl Renamed<'_> {
    /// What a value is afterwards; `None` when it is neither the one that is renamed nor, of tags, below it.
    fn of(&self, value: &str) -> Option<String> {
        let rest = value.strip_prefix(self.from)?;
        let is_below = *self.field == Field::Tag && rest.starts_with('/');
        (rest.is_empty() || is_below).then(|| format!("{}{rest}", self.to))
    }

    fn changes(&self, asset: &Asset) -> Vec<(Field, FacetChange)> {
        let many = match self.field {
            Field::Tag => &asset.tags,
            Field::Persona => &asset.personas,
            Field::Campaign => &asset.campaigns,
            Field::Lora => &asset.loras,
            field => return vec![(field.clone(), FacetChange::Replace(self.to.to_owned()))],
        };
        let pair = |value: &String| Some((value.clone(), self.of(value)?));
        let pairs = many.iter().filter_map(pair);
        pairs
            .flat_map(|(old, new)| {
                [(self.field.clone(), FacetChange::Remove(old)), (self.field.clone(), FacetChange::Add(new))]
            })
            .collect()
    }
}

/// Renames a value. Every asset that the caller may list and that has it changes, each with its audit row, in the transaction that is given;
/// the trash too. How many there were.
///
/// # Errors
/// [`OpsError::Refused`] when he may not tag one of them: nothing is to be changed then.
pub fn rename(
    library: &Library,
    actor: &Actor,
    tx: &mut dyn WriteTx,
    renamed: &Renamed<'_>,
    now: Timestamp,
) -> Result<u64, OpsError> {
    let Renamed { field, from, to } = renamed;
    let subject = actor.who().subject.clone();
    // Speaking of the state finds what lies in the trash as well.
    let anywhere = Expr::Not(Box::new(Expr::Term(Term { field: Field::State, test: Test::Empty })));
    let having = Expr::is((*field).clone(), *from).and(subject.filter(Verb::List)).and(anywhere);
    let mut count = 0;
    for page in tx.numbers(&having)?.chunks(assign::PAGE) {
        for mut asset in tx.assets(page)? {
            let changes = renamed.changes(&asset);
            let name = asset.view_name.clone();
            assign::change_asset(library, actor, tx, &mut asset, &changes, &name, now)?;
            count += 1;
        }
    }
    let own = tree::own_words(field, actor.member.id);
    let mut words = false;
    for vocabulary in [field.to_string(), own] {
        for word in tx.vocabulary(&vocabulary)? {
            if let Some(new) = renamed.of(&word) {
                tx.remove_word(&vocabulary, &word)?;
                tx.add_word(&vocabulary, &new)?;
                words = true;
            }
        }
    }
    if words {
        trail::append(tx, &actor.hand(now), "word.rename", &format!("{field}={from}"), &json!({ "to": to }))?;
    }
    tx.change(ChangeKind::Word, &field.to_string())?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_takes_along_what_is_below_it_and_nothing_beside_it() {
        let renamed = Renamed { field: &Field::Tag, from: "sea/beach", to: "coast" };
        let of = |value| renamed.of(value);
        assert_eq!(of("sea/beach").as_deref(), Some("coast"));
        assert_eq!(of("sea/beach/north").as_deref(), Some("coast/north"));
        assert_eq!((of("sea/beachfront"), of("sea"), of("sea/bea")), (None, None, None));
        let renamed = Renamed { field: &Field::Persona, from: "luna", to: "lu" };
        assert_eq!((renamed.of("luna").as_deref(), renamed.of("luna/x")), (Some("lu"), None));
    }
}
