//! `by/prompt/`: what was made of one prompt with one model, seed by seed.

use super::query::below;
use super::{Dir, Item, Tree};
use crate::catalog::{Asset, CatalogError};
use crate::policy::{Expr, Field};
use crate::types::FileName;

/// Stands between the first words of a prompt and the family's digits.
const MARK: &str = " ~";
/// So much of a prompt tells one from another.
const WORDS: usize = 40;

/// What a family is called: the first words of its prompt, and what tells it from others that begin so. It follows from the prompt and the
/// model alone, so it stays whoever comes or goes.
fn name(prompt: &str, family: &str) -> String {
    let plain: String =
        prompt.chars().map(|c| if c.is_alphanumeric() || "-_'".contains(c) { c } else { ' ' }).collect();
    let mut words = String::new();
    for word in plain.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if words.chars().count() >= WORDS {
            break;
        }
    }
    let words: String = words.chars().take(WORDS).collect();
    let words = if words.is_empty() { "prompt" } else { words.trim_end() };
    format!("{words}{MARK}{family}")
}

impl Tree<'_> {
    /// Families of two or more that the member may list.
    pub(super) fn families(&self, dir: &Dir) -> Result<Vec<(FileName, Dir)>, CatalogError> {
        let mut rows = Vec::new();
        for (family, _) in self.tx.values(&Field::Family, &self.visible(&Expr::all()))? {
            if let Some(asset) = self.of_family(&family)?
                && let Ok(name) = FileName::new(name(asset.prompt.as_deref().unwrap_or_default(), &family))
            {
                let query = below(dir, &name.to_text(), &Field::Family, family);
                rows.push((name, Dir::Query(query)));
            }
        }
        Ok(rows)
    }

    /// A family by its name, or by its digits alone; also one of a single asset.
    pub(super) fn family_child(&self, dir: &Dir, text: &str) -> Result<Option<Item>, CatalogError> {
        let family = text.rsplit_once(MARK).map_or(text, |(_, family)| family);
        let Some(asset) = self.of_family(family)? else { return Ok(None) };
        let is_so_called = text == family || name(asset.prompt.as_deref().unwrap_or_default(), family) == text;
        let query = is_so_called.then(|| below(dir, text, &Field::Family, family.to_owned()));
        Ok(query.map(|query| Item::Dir(Dir::Query(query))))
    }

    /// Any of a family that the member may list.
    fn of_family(&self, family: &str) -> Result<Option<Asset>, CatalogError> {
        Ok(self.tx.find(&self.visible(&Expr::is(Field::Family, family)), 0, 1)?.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_family_is_called_by_the_first_words_of_its_prompt() {
        for (prompt, called) in [
            ("red dress on a beach, at  sunset", "red dress on a beach at sunset ~0a"),
            ("(masterpiece:1.2), <lora:x>, ../etc", "masterpiece 1 2 lora x etc ~0a"),
            ("a rather long prompt that goes on and on and on", "a rather long prompt that goes on and on ~0a"),
            ("***", "prompt ~0a"),
            ("väska på strand", "väska på strand ~0a"),
        ] {
            assert_eq!(name(prompt, "0a"), called);
        }
        assert_eq!(name(&"ü".repeat(500), "0a"), format!("{} ~0a", "ü".repeat(40)));
    }
}
