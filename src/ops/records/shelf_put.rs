//! `.library.json` put into a library.

use std::collections::BTreeSet;

use damfs_policy::{Expr, Field};
use serde_json::{Value, json};

use super::How;
use super::shelf::{Kept, Ruled, Shelf};
use crate::catalog::{ChangeKind, SavedRow, WriteTx};
use crate::ops::proto::Assignment;
use crate::ops::{Actor, Library, OpsError, find, folders, members, rules, saved, trail, value};
use crate::types::{FileName, Timestamp};
use crate::view::tree;

/// Puts what is missing: rules of folders, which are made with their parents, words, and saved queries. What is another here stays and is
/// told, unless `force`.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; what the catalogue says. Nothing was changed then.
pub fn put_shelf(library: &Library, actor: &Actor, shelf: &Shelf, how: How) -> Result<Value, OpsError> {
    actor.must_be_admin("import records")?;
    let now = library.clock.now();
    super::attempt(library, how.dry_run, |tx| {
        let mut work = Work { library, actor, force: how.force, now, put: 0, left: Vec::new() };
        for folder in &shelf.folders {
            work.rules(tx, folder)?;
        }
        for (facet, words) in &shelf.words {
            work.words(tx, facet, words)?;
        }
        for kept in &shelf.saved {
            work.saved(tx, kept)?;
        }
        Ok(json!({ "put": work.put, "left": work.left }))
    })
}

struct Work<'a> {
    library: &'a Library,
    actor: &'a Actor,
    force: bool,
    now: Timestamp,
    put: u64,
    left: Vec<String>,
}

impl Work<'_> {
    fn rules(&mut self, tx: &mut dyn WriteTx, folder: &Ruled) -> Result<(), OpsError> {
        let names = folder.path.split('/').skip(1).map(|name| FileName::new(folders::unescape(name)?).ok());
        let Some(names) = names.collect::<Option<Vec<_>>>() else {
            self.left.push(format!("{}: it is no path", folder.path));
            return Ok(());
        };
        let Some(node) = folders::ensure_folders(tx, &names, &self.actor.maker(self.now))? else {
            self.left.push(format!("{}: a file lies in the way", folder.path));
            return Ok(());
        };
        let there = tx.folder_rules(node)?;
        let mut changes = Vec::new();
        for (facet, value) in &folder.rules {
            let other = there.iter().find(|rule| rule.facet == *facet).filter(|rule| rule.value != *value);
            let assignment = Assignment { facet: facet.clone(), value: value.clone() };
            let change = value::change(&assignment)
                .and_then(|(field, change)| rules::given(&field, &change).map(drop).map(|()| (field, change)));
            match (other, change) {
                (Some(rule), _) if !self.force => {
                    self.left.push(format!("{}: {facet} is {} here", folder.path, rule.value));
                }
                (_, Ok(change)) => changes.push(change),
                (_, Err(e)) => self.left.push(format!("{}: {facet}: {e}", folder.path)),
            }
        }
        let rows = rules::put_rules(tx, node, &changes)?;
        if rows != there {
            self.put += 1;
            trail::append(tx, &self.actor.hand(self.now), "folder.rule", &folder.path, &json!({ "rules": rows }))?;
        }
        Ok(())
    }

    fn words(&mut self, tx: &mut dyn WriteTx, facet: &str, words: &BTreeSet<String>) -> Result<(), OpsError> {
        let Some(field) = Field::parse(facet).filter(tree::takes_words) else {
            self.left.push(format!("words: `{facet}` has none here"));
            return Ok(());
        };
        let there = tx.vocabulary(facet)?;
        for word in words.iter().filter(|word| !there.contains(word)) {
            match value::check(&field, word) {
                Ok(checked) if checked == *word => {}
                _ => {
                    self.left.push(format!("words: `{word}` is no value of {facet}"));
                    continue;
                }
            }
            if tx.find(&Expr::is(field.clone(), word.as_str()), 0, 1)?.is_empty() {
                tx.add_word(facet, word)?;
                trail::word(tx, &self.actor.hand(self.now), "create", &field, word)?;
                self.put += 1;
            }
        }
        tx.change(ChangeKind::Word, facet)?;
        Ok(())
    }

    fn saved(&mut self, tx: &mut dyn WriteTx, kept: &Kept) -> Result<(), OpsError> {
        let query = kept.query.as_deref().map_or(Ok(()), |query| find::read(self.actor.who(), query).map(drop));
        if let Err(e) = saved::check_name(&kept.owner, &kept.name).and(query) {
            self.left.push(format!("saved/{}: {e}", kept.name));
            return Ok(());
        }
        let owner = members::known(self.library, self.actor, tx, &kept.owner, self.now)?;
        let row = SavedRow {
            owner,
            name: kept.name.clone(),
            query: kept.query.clone(),
            roles: kept.roles.clone(),
            until: kept.until.map(|until| until.0),
            since: kept.since.0,
        };
        let there = tx.saved_as(&kept.name)?.into_iter().find(|there| there.owner == owner);
        match &there {
            Some(there) if *there == row => {}
            Some(_) if !self.force => self.left.push(format!("saved/{}: it is another query here", kept.name)),
            _ => {
                saved::put(tx, there.as_ref(), &row, &self.actor.hand(self.now))?;
                self.put += 1;
            }
        }
        Ok(())
    }
}
