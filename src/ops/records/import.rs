//! `dam records import`: records put on the assets that they speak of, as one transaction with an audit row for each.

use std::collections::BTreeMap;

use damfs_policy::Verb;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::merge::{self, Merged};
use super::place;
use crate::catalog::{Asset, AssetState, ChangeKind, NodeRow, ReadTx, WriteTx};
use crate::ops::record::Hand;
use crate::ops::show::Record;
use crate::ops::{Actor, Library, OpsError, assign, folders, manifests, mapped, members, names, trail, verdicts};
use crate::types::{AssetId, MemberId, Timestamp};

/// A record from a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Given {
    /// The file, for people.
    pub file: String,
    pub record: Box<Record>,
    /// The asset that it is put on, as one with its bytes; else its id or its path say which.
    pub asset: Option<AssetId>,
}

/// How records are put.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct How {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Also on what was changed here since the record was written.
    pub force: bool,
    /// Look among the bytes: what has neither id nor path of its own here may have another name.
    pub by_bytes: bool,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Put,
    Same,
    /// Changed here since: left as it is.
    Newer,
    /// No asset is the one that it speaks of.
    Missing,
    /// Its asset lies in the trash.
    Trashed,
}

/// One record's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub file: String,
    pub outcome: Outcome,
    pub id: Option<AssetId>,
    /// The id that it has, or had until now.
    pub at: Option<AssetId>,
    /// What of it could not be put, and why.
    pub left: Vec<String>,
}

/// What is known of who is named in records.
pub(super) type People = BTreeMap<String, MemberId>;

/// Puts records, for an admin: all of these in one transaction.
///
/// # Errors
/// [`OpsError::Refused`] for who is none; what the catalogue says. Nothing was changed then.
pub fn import(library: &Library, actor: &Actor, given: &[Given], how: How) -> Result<Value, OpsError> {
    actor.must_be_admin("import records")?;
    let now = library.clock.now();
    let mut work = Work { library, actor, how, now, people: People::new(), left_ids: Vec::new() };
    let rows = super::attempt(library, how.dry_run, |tx| work.put_all(tx, given))?;
    if !how.dry_run {
        library.pay_manifests()?;
        for (asset, n) in work.left_ids {
            library.drop_manifest(asset, n);
        }
    }
    Ok(json!({ "records": rows }))
}

struct Work<'a> {
    library: &'a Library,
    actor: &'a Actor,
    how: How,
    now: Timestamp,
    people: People,
    /// Versions by the ids that their assets had before.
    left_ids: Vec<(AssetId, u32)>,
}

/// What a record comes to.
struct Planned {
    was: Asset,
    merged: Merged,
    /// The number of the one version of an asset that gets the record's id.
    number: Option<u32>,
}

enum Plan {
    Put(Box<Planned>),
    No(Outcome, Option<AssetId>),
}

impl Work<'_> {
    fn put_all(&mut self, tx: &mut dyn WriteTx, given: &[Given]) -> Result<Vec<Row>, OpsError> {
        (self.left_ids, self.people) = (Vec::new(), People::new());
        for name in given.iter().flat_map(|given| merge::people(&given.record)) {
            if !self.people.contains_key(name) && members::may_be_called(name) {
                let id = members::known(self.library, self.actor, tx, name, self.now)?;
                self.people.insert(name.to_owned(), id);
            }
        }
        let targets = place::targets(self.library, self.actor, tx, given, self.how.by_bytes)?;
        let mut rows = Vec::with_capacity(given.len());
        let mut owed = Vec::new();
        for (given, target) in given.iter().zip(targets) {
            // An earlier record of these may have changed it.
            let target = target.map(|found| tx.asset(found.id)).transpose()?.flatten();
            let plan = self.plan(tx, given, target)?;
            if let Plan::Put(planned) = &plan {
                self.put(tx, &given.record, planned, &mut owed)?;
            }
            rows.push(plan.row(given));
        }
        manifests::owe_all(tx, &owed)?;
        Ok(rows)
    }

    fn plan(&self, tx: &dyn ReadTx, given: &Given, target: Option<Asset>) -> Result<Plan, OpsError> {
        let record = &given.record;
        let Some(was) = target.filter(|asset| self.actor.decide(self.library, Verb::List, asset).allowed) else {
            return Ok(Plan::No(Outcome::Missing, None));
        };
        if was.state == AssetState::Trashed {
            return Ok(Plan::No(Outcome::Trashed, Some(was.id)));
        }
        let bytes = merge::bytes(tx, &was, record)?;
        let merged = merge::merge(tx, &was, record, &self.people, bytes)?;
        let number = match record.current() {
            Some(current) if bytes.alike() && was.id != record.id => {
                let free = tx.asset(record.id)?.is_none() && tx.versions(was.id)?.len() == 1;
                free.then_some(current.n)
            }
            _ => None,
        };
        if number.is_none() && merged.fields.is_empty() {
            return Ok(Plan::No(Outcome::Same, Some(was.id)));
        }
        // Behind the name of an asset that is gone another may lie by now, whose own record nobody else has.
        let stranger = was.id != record.id && !bytes.alike();
        let newer = was.id == record.id && was.changed > record.changed.0;
        if (stranger || newer) && !self.how.force {
            return Ok(Plan::No(Outcome::Newer, Some(was.id)));
        }
        Ok(Plan::Put(Box::new(Planned { was, merged, number })))
    }

    fn put(
        &mut self,
        tx: &mut dyn WriteTx,
        record: &Record,
        planned: &Planned,
        owed: &mut Vec<(AssetId, u32)>,
    ) -> Result<(), OpsError> {
        let Planned { was, merged, number } = planned;
        let mut asset = merged.asset.clone();
        // A verdict that comes with the record comes with its reason.
        let doubted = verdicts::doubted(self.library, was, &mut asset);
        asset.changed = self.now.max(was.changed);
        if let Some(n) = *number {
            let before = tx.versions(was.id)?.iter().map(|version| (was.id, version.n)).collect::<Vec<_>>();
            tx.rekey_asset(was.id, record.id, n)?;
            tx.change(ChangeKind::Asset, &was.id.to_string())?;
            asset.id = record.id;
            names::name_anew(tx, &mut asset)?;
            owed.push((record.id, n));
            self.left_ids.extend(before);
        }
        assign::store(tx, &asset)?;
        names::mark_namesake(tx, &asset)?;
        if let Some(generation) = &merged.generation {
            tx.put_generation(asset.id, generation)?;
        }
        if let Some(node) = asset.node.map(|node| tx.node(node)).transpose()?.flatten() {
            self.put_file(tx, &node, merged)?;
        }
        let mut detail = json!({
            "path": folders::path_of_asset(tx, &asset)?,
            "fields": merged.fields,
            "was": number.map(|_| was.id.to_string()),
        });
        if !doubted.is_empty() {
            detail["changed"] = doubted.into();
        }
        let hand: Hand = self.actor.hand(self.now);
        Ok(trail::asset(tx, &hand, "record", asset.id, &detail)?)
    }

    fn put_file(&self, tx: &mut dyn WriteTx, node: &NodeRow, merged: &Merged) -> Result<(), OpsError> {
        if let Some(mode) = merged.mode.filter(|mode| *mode != node.mode) {
            tx.put_node(&NodeRow { mode, ctime: self.now.max(node.ctime), ..node.clone() })?;
        }
        let Some(wanted) = &merged.xattrs else { return Ok(()) };
        for (name, _) in mapped::not_mapped(tx, node.id)? {
            if !wanted.contains_key(&name) {
                tx.remove_xattr(node.id, &name)?;
            }
        }
        wanted.iter().try_for_each(|(name, value)| tx.set_xattr(node.id, name, value))?;
        Ok(())
    }
}

impl Plan {
    fn row(self, given: &Given) -> Row {
        let file = given.file.clone();
        match self {
            Self::No(outcome, id) => Row { file, outcome, id, at: id, left: Vec::new() },
            Self::Put(planned) => {
                let id = if planned.number.is_some() { given.record.id } else { planned.was.id };
                Row { file, outcome: Outcome::Put, id: Some(id), at: Some(planned.was.id), left: planned.merged.left }
            }
        }
    }
}
