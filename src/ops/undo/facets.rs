//! Back to what things were: bytes, records, attributes, rules, words, members.

use std::collections::BTreeMap;

use damfs_policy::workflow::DRAFT;
use damfs_policy::{Field, Verb};
use serde_json::{Value, json};

use super::words::own_word;
use super::{Tried, Work, said};
use crate::catalog::journal::{Attrs, Change, Fields, Pair, Step, Thing};
use crate::catalog::{Asset, CatalogError, ChangeKind, FolderRule, MemberRow, NodeRow, ReadTx, SavedRow, WriteTx};
use crate::ops::value::FacetChange;
use crate::ops::{OpsError, assign, members, restore, saved, stages, trail, verdicts};
use crate::types::{AssetId, MemberId, NodeId, VersionId};

impl Work<'_> {
    pub(super) fn facet(&mut self, tx: &mut dyn WriteTx, step: &Step) -> Result<Tried, OpsError> {
        match (&step.thing, &step.change) {
            (Thing::Asset(id), Change::Head(heads)) => self.head(tx, *id, heads),
            (Thing::Asset(id), Change::Record(fields)) => self.record(tx, *id, fields),
            (thing, Change::Attrs(attrs)) => self.attrs(tx, thing, attrs),
            (thing, Change::Xattr(name, value)) => self.xattr(tx, thing, name, value),
            (Thing::Node(id), Change::Rules(rules)) => self.rules(tx, *id, rules),
            (Thing::Word(facet, word), Change::Word(there)) => self.word(tx, facet, word, there),
            (Thing::Member(_), Change::Member(member)) => self.member(tx, member),
            (Thing::Saved(owner, name), Change::Saved(row)) => self.saved(tx, *owner, name, row),
            _ => Ok(Tried::Already),
        }
    }

    /// The version before becomes the next one.
    fn head(&mut self, tx: &mut dyn WriteTx, id: AssetId, heads: &Pair<Option<VersionId>>) -> Result<Tried, OpsError> {
        let Some(asset) = tx.asset(id)? else { return Ok(Tried::Changed) };
        let bytes =
            |head: Option<VersionId>| Ok::<_, CatalogError>(head.map(|head| tx.version(head)).transpose()?.flatten());
        let (now, was, is) = (bytes(asset.head)?, bytes(heads.was)?, bytes(heads.is)?);
        let content = |version: &Option<_>| version.as_ref().map(|v: &crate::catalog::VersionRow| v.content);
        if heads.was.is_none() || content(&now) == content(&was) {
            return Ok(Tried::Already);
        }
        if asset.head != heads.is && content(&now) != content(&is) {
            return Ok(Tried::Changed);
        }
        let Some(was) = was else {
            return Err(OpsError::failed("the version before is thinned out", "see dam versions"));
        };
        if asset.trashed.is_some() {
            return Err(OpsError::failed("it is in the trash", "take back its removal first"));
        }
        if self.dry {
            return self.may(Verb::Edit, &asset).map(|()| Tried::Done);
        }
        let name = asset.view_name.clone();
        restore::save(self.library, self.actor, tx, &asset, was.n, &name)?;
        Ok(Tried::Done)
    }

    fn record(&mut self, tx: &mut dyn WriteTx, id: AssetId, fields: &Pair<Fields>) -> Result<Tried, OpsError> {
        let Some(asset) = tx.asset(id)? else { return Ok(Tried::Changed) };
        let broken = |e: serde_json::Error| CatalogError::Damaged(format!("the journal of asset {id}: {e}"));
        let mut record = serde_json::to_value(&asset).map_err(broken)?;
        let (mut put, mut differs) = (Vec::new(), false);
        // A judgement is about bytes: while others are there, it does not come back.
        let judges = fields.was.get("stage").and_then(Value::as_str).is_some_and(stages::is_judged);
        let unjudged = judges && self.has_other_bytes(tx, &asset)?;
        for (field, was) in &fields.was {
            let is = fields.is.get(field).unwrap_or(&Value::Null);
            // Into the trash and out of it is a matter of places.
            if field == "state" && (was == "trashed" || asset.trashed.is_some()) {
                continue;
            }
            if unjudged && matches!(field.as_str(), "stage" | "due" | "reviewer") {
                differs = true;
                continue;
            }
            let Some(now) = record.get_mut(field.as_str()) else { continue };
            match put_back(now, was, is, field == "state") {
                Put::Already => {}
                Put::Changed => differs = true,
                Put::Back(value) => {
                    // Who took it into the trash with its state brings it back with it.
                    if is != "trashed" {
                        // What a stage brought along goes with it.
                        let along = matches!(field.as_str(), "due" | "reviewer") && fields.was.contains_key("stage");
                        let verb = if along { Verb::List } else { self.verb_for(field, was, &asset) };
                        self.may(verb, &asset)?;
                    }
                    if !is_silent(field) {
                        put.push(field.as_str());
                    }
                    *now = value;
                }
            }
        }
        let mut back: Asset = serde_json::from_value(record).map_err(broken)?;
        let barred = self.keep_barred(tx, &asset, &mut back)?;
        if back == asset {
            return match barred {
                Some(e) => Err(e),
                None => Ok(if differs { Tried::Changed } else { Tried::Already }),
            };
        }
        let (old, new) = (serde_json::to_value(&asset).map_err(broken)?, serde_json::to_value(&back).map_err(broken)?);
        let told = |field: &str| json!({ "facet": facet(field), "old": old[field], "new": new[field] });
        let mut changed: Vec<Value> = put.into_iter().filter(|field| old[field] != new[field]).map(told).collect();
        changed.extend(verdicts::doubted(self.library, &asset, &mut back));
        back.changed = self.hand.now.max(asset.changed);
        assign::store(tx, &back)?;
        trail::asset(tx, &self.hand, "set", id, &json!({ "changed": changed }))?;
        if let Some(e) = barred {
            let step = Step { thing: Thing::Asset(id), change: Change::Record(fields.clone()) };
            self.leave(vec![step], &said(e)?);
            return Ok(Tried::Done);
        }
        Ok(if differs { Tried::Changed } else { Tried::Done })
    }

    /// Leaves as it is what may not come back of the decisions about an asset, each by itself; the first of them that was left says why.
    fn keep_barred(&self, tx: &dyn ReadTx, asset: &Asset, back: &mut Asset) -> Result<Option<OpsError>, OpsError> {
        let judged = self.heads.judged(asset.id).unwrap_or(asset.head);
        let mut first = None;
        // What is left may decide about the rest: a guideline asks for any field.
        loop {
            let mut barred = None;
            for field in verdicts::coming_back(asset, back) {
                match verdicts::may_come_back(self.library, self.actor.who(), tx, (asset, back), judged, &field) {
                    Ok(()) => {}
                    Err(e @ (OpsError::Refused { .. } | OpsError::Barred { .. })) => {
                        barred = Some((field, e));
                        break;
                    }
                    Err(e) => return Err(e),
                }
            }
            let Some((field, e)) = barred else { return Ok(first) };
            match field {
                Field::Status(platform) => {
                    match asset.status.get(&platform) {
                        Some(now) => back.status.insert(platform, now.clone()),
                        None => back.status.remove(&platform),
                    };
                }
                // What a stage brings along stays away with it.
                _ => {
                    back.stage.clone_from(&asset.stage);
                    back.due.clone_from(&asset.due);
                    back.reviewer.clone_from(&asset.reviewer);
                }
            }
            first.get_or_insert(e);
        }
    }

    /// Whether an asset's bytes are not those of before the turn.
    fn has_other_bytes(&self, tx: &dyn ReadTx, asset: &Asset) -> Result<bool, CatalogError> {
        let Some(was) = self.heads.judged(asset.id).filter(|was| *was != asset.head) else { return Ok(false) };
        let thing = Thing::Asset(asset.id);
        if self.dry && self.done.iter().any(|step| step.thing == thing && matches!(step.change, Change::Head(_))) {
            return Ok(false);
        }
        let content = |head: Option<VersionId>| {
            Ok::<_, CatalogError>(head.map(|head| tx.version(head)).transpose()?.flatten().map(|row| row.content))
        };
        let was = content(was)?;
        Ok(was.is_none() || was != content(asset.head)?)
    }

    /// The verb that putting a field back needs.
    fn verb_for(&self, field: &str, was: &Value, asset: &Asset) -> Verb {
        let word = was.as_str().unwrap_or_default();
        let known = match field {
            "status" => return Verb::Review,
            // He takes back his own words, an admin those of others.
            "remarks" => return Verb::List,
            "stage" => {
                let to = if word.is_empty() { DRAFT } else { word };
                return stages::needs_back(&self.library.workflow(), stages::stage(asset), to);
            }
            "owner" => Some(Field::Owner),
            name => Field::parse(facet(name)),
        };
        let change = FacetChange::Replace(word.to_owned());
        known.map_or(Verb::Tag, |field| assign::verb_for(self.library, &field, &change, asset))
    }

    /// The node whose attributes a thing's are, when the caller may change them.
    fn bearer(&self, tx: &mut dyn WriteTx, thing: &Thing) -> Result<Option<NodeRow>, OpsError> {
        let node = match thing {
            Thing::Asset(id) => {
                let Some(asset) = tx.asset(*id)? else { return Ok(None) };
                self.may(Verb::Edit, &asset)?;
                asset.node
            }
            Thing::Node(id) => Some(*id),
            _ => None,
        };
        let Some(node) = node.map(|id| tx.node(id)).transpose()?.flatten() else { return Ok(None) };
        if matches!(thing, Thing::Node(_)) {
            self.may_node(tx, &node)?;
        }
        Ok(Some(node))
    }

    fn attrs(&mut self, tx: &mut dyn WriteTx, thing: &Thing, attrs: &Pair<Attrs>) -> Result<Tried, OpsError> {
        let Some(node) = self.bearer(tx, thing)? else { return Ok(Tried::Changed) };
        let (was, is) = (&attrs.was, &attrs.is);
        let mut row = NodeRow { ctime: self.hand.now, ..node.clone() };
        let kept = [
            swap(&mut row.mode, was.mode, is.mode),
            swap(&mut row.uid, was.uid, is.uid),
            swap(&mut row.gid, was.gid, is.gid),
            was.atime.zip(is.atime).is_none_or(|(was, is)| swap(&mut row.atime, was, is)),
            was.mtime.zip(is.mtime).is_none_or(|(was, is)| swap(&mut row.mtime, was, is)),
        ];
        let changed = kept.contains(&false);
        if row == (NodeRow { ctime: row.ctime, ..node.clone() }) {
            return Ok(if changed { Tried::Changed } else { Tried::Already });
        }
        self.touched(tx, &row)?;
        let detail = json!({
            "mode": format!("{:04o}", row.mode), "uid": row.uid, "gid": row.gid, "mtime": row.mtime.as_nanos(),
        });
        trail::named(tx, &self.hand, "attr", &row, detail)?;
        if let (Some(live), false) = (self.library.live.get(row.id), self.dry || row.mtime == node.mtime) {
            live.set_mtime(row.mtime);
        }
        Ok(if changed { Tried::Changed } else { Tried::Done })
    }

    fn xattr(
        &mut self,
        tx: &mut dyn WriteTx,
        thing: &Thing,
        name: &[u8],
        value: &Pair<Option<Vec<u8>>>,
    ) -> Result<Tried, OpsError> {
        let Some(node) = self.bearer(tx, thing)? else { return Ok(Tried::Changed) };
        let now = tx.xattr(node.id, name)?;
        if now == value.was {
            return Ok(Tried::Already);
        }
        if now != value.is {
            return Ok(Tried::Changed);
        }
        match &value.was {
            Some(was) => tx.set_xattr(node.id, name, was)?,
            None => {
                tx.remove_xattr(node.id, name)?;
            }
        }
        let row = NodeRow { ctime: self.hand.now, ..node };
        self.touched(tx, &row)?;
        let detail = json!({ "xattr": String::from_utf8_lossy(name), "removed": value.was.is_none() });
        trail::named(tx, &self.hand, "xattr", &row, detail)?;
        Ok(Tried::Done)
    }

    fn touched(&self, tx: &mut dyn WriteTx, row: &NodeRow) -> Result<(), OpsError> {
        tx.put_node(row)?;
        Ok(tx.change(ChangeKind::Node, &row.id.to_string())?)
    }

    fn rules(
        &mut self,
        tx: &mut dyn WriteTx,
        folder: NodeId,
        rules: &Pair<BTreeMap<String, String>>,
    ) -> Result<Tried, OpsError> {
        self.actor.must_be_admin("set a folder's rules")?;
        if tx.node(folder)?.is_none() {
            return Ok(Tried::Changed);
        }
        let now: BTreeMap<String, String> =
            tx.folder_rules(folder)?.into_iter().map(|rule| (rule.facet, rule.value)).collect();
        let facets: Vec<&String> = rules.was.keys().chain(rules.is.keys()).collect();
        if facets.iter().all(|facet| now.get(*facet) == rules.was.get(*facet)) {
            return Ok(Tried::Already);
        }
        if facets.iter().any(|facet| now.get(*facet) != rules.is.get(*facet)) {
            return Ok(Tried::Changed);
        }
        for facet in facets {
            match rules.was.get(facet) {
                Some(value) => {
                    tx.put_folder_rule(&FolderRule { folder, facet: facet.clone(), value: value.clone() })?;
                }
                None => tx.remove_folder_rule(folder, facet)?,
            }
        }
        let detail = json!({ "rules": tx.folder_rules(folder)? });
        trail::append(tx, &self.hand, "folder.rule", &folder.to_string(), &detail)?;
        Ok(Tried::Done)
    }

    /// A word as the catalogue keeps it: of everybody's vocabulary, or of one member's own.
    fn word(&mut self, tx: &mut dyn WriteTx, facet: &str, word: &str, there: &Pair<bool>) -> Result<Tried, OpsError> {
        if self.actor.who().subject.filter(Verb::Tag) == damfs_policy::Expr::nothing() {
            let reason = format!("role {} may not change tags", self.actor.who().subject.role());
            return Err(OpsError::Refused { verb: Verb::Tag, subject: format!("{facet}={word}"), reason });
        }
        if tx.vocabulary(facet)?.iter().any(|known| known == word) == there.was {
            return Ok(Tried::Already);
        }
        if there.was {
            tx.add_word(facet, word)?;
        } else {
            tx.remove_word(facet, word)?;
        }
        let what = if there.was { "word.create" } else { "word.remove" };
        trail::append(tx, &self.hand, what, &format!("{}={word}", own_word(facet)), &json!({}))?;
        tx.change(ChangeKind::Word, own_word(facet))?;
        Ok(Tried::Done)
    }

    /// A member as he was; one who was added is shut out.
    fn member(&mut self, tx: &mut dyn WriteTx, member: &Pair<Option<MemberRow>>) -> Result<Tried, OpsError> {
        self.actor.must_be_admin("change members")?;
        let Some(is) = &member.is else { return Ok(Tried::Already) };
        let now = tx.member(is.id)?.map(MemberRow::bare);
        if now.as_ref() != Some(is) {
            return Ok(if now == member.was { Tried::Already } else { Tried::Changed });
        }
        let was = member.was.clone().unwrap_or_else(|| MemberRow { active: false, ..is.clone() });
        members::replace(self.library, self.actor, tx, is, &was, self.hand.now)?;
        Ok(Tried::Done)
    }

    /// A saved query as it was, under the name that it had.
    fn saved(
        &mut self,
        tx: &mut dyn WriteTx,
        owner: MemberId,
        name: &str,
        row: &Pair<Option<SavedRow>>,
    ) -> Result<Tried, OpsError> {
        let now = tx.saved_as(name)?.into_iter().find(|there| there.owner == owner);
        if now != row.is {
            return Ok(if now == row.was { Tried::Already } else { Tried::Changed });
        }
        match &row.was {
            Some(was) => {
                if !now.as_ref().is_some_and(|now| was.roles.is_subset(&now.roles)) && !was.roles.is_empty() {
                    saved::may_show(self.actor.who())?;
                }
                saved::put(tx, now.as_ref(), was, &self.hand)?;
            }
            None => saved::take_away(tx, name, owner, "remove", &self.hand)?,
        }
        Ok(Tried::Done)
    }
}

/// Puts one attribute back; `false` when it is another by now.
fn swap<T: PartialEq>(now: &mut T, was: T, is: T) -> bool {
    if *now == is || *now == was {
        *now = was;
        return true;
    }
    false
}

/// What becomes of one field.
#[derive(Debug, PartialEq)]
enum Put {
    Already,
    Changed,
    Back(Value),
}

/// Of a set its elements come and go by themselves, of a map its keys; anything else is what it was, or has been changed since. `moved`
/// says that the value of the moment is of another's making already.
fn put_back(now: &Value, was: &Value, is: &Value, moved: bool) -> Put {
    let back = match (now, was, is) {
        (Value::Array(now), Value::Array(was), Value::Array(is)) => {
            let mut out: Vec<Value> = now.iter().filter(|v| was.contains(v) || !is.contains(v)).cloned().collect();
            out.extend(was.iter().filter(|v| !is.contains(v) && !now.contains(v)).cloned());
            Value::Array(out)
        }
        (Value::Object(now), Value::Object(was), Value::Object(is)) => {
            let mut out = now.clone();
            let mut differs = false;
            for key in was.keys().chain(is.keys()) {
                if was.get(key) == is.get(key) || now.get(key) == was.get(key) {
                    continue;
                }
                if now.get(key) != is.get(key) {
                    differs = true;
                    continue;
                }
                match was.get(key) {
                    Some(value) => out.insert(key.clone(), value.clone()),
                    None => out.remove(key),
                };
            }
            if differs && out == *now {
                return Put::Changed;
            }
            Value::Object(out)
        }
        _ if now == is || moved && is == "trashed" => was.clone(),
        _ if now == was => now.clone(),
        _ => return Put::Changed,
    };
    if back == *now { Put::Already } else { Put::Back(back) }
}

/// The facet that a field of the record is.
pub(super) fn facet(field: &str) -> &str {
    match field {
        "personas" => "persona",
        "campaigns" => "campaign",
        "tags" => "tag",
        "loras" => "lora",
        "owner_name" => "owner",
        other => other,
    }
}

/// Texts of people's are not for the log, and an owner is told by his name.
fn is_silent(field: &str) -> bool {
    matches!(field, "prompt" | "negative" | "notes" | "properties" | "conflicts" | "remarks" | "generator" | "owner")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Put, put_back};

    #[test]
    fn a_value_goes_back_unless_it_was_changed_since() {
        let put = |now, was, is| put_back(&json!(now), &json!(was), &json!(is), false);
        assert_eq!(put(Some("b"), Some("a"), Some("b")), Put::Back(json!("a")));
        assert_eq!(put(Some("b"), None, Some("b")), Put::Back(json!(null)));
        assert_eq!(put(Some("a"), Some("a"), Some("b")), Put::Already);
        assert_eq!(put(Some("c"), Some("a"), Some("b")), Put::Changed);
        assert_eq!(put(None, Some("a"), Some("b")), Put::Changed);
    }

    #[test]
    fn elements_of_a_set_come_and_go_by_themselves() {
        let put = |now: &[&str], was: &[&str], is: &[&str]| put_back(&json!(now), &json!(was), &json!(is), false);
        assert_eq!(put(&["b"], &["a"], &["b"]), Put::Back(json!(["a"])));
        assert_eq!(put(&["b", "x"], &["a"], &["b"]), Put::Back(json!(["x", "a"])), "what others gave stays");
        assert_eq!(put(&["x"], &["a"], &["a", "b"]), Put::Already, "what others took stays away");
        assert_eq!(put(&[], &["a"], &[]), Put::Back(json!(["a"])));
    }

    #[test]
    fn verdicts_go_back_platform_by_platform() {
        let put = |now, was, is| put_back(&now, &was, &is, false);
        let (old, new) = (json!({ "x": 1 }), json!({ "x": 2 }));
        assert_eq!(put(json!({ "x": 2, "y": 5 }), old.clone(), new.clone()), Put::Back(json!({ "x": 1, "y": 5 })));
        assert_eq!(put(json!({ "x": 3 }), old, new.clone()), Put::Changed);
        assert_eq!(put(new.clone(), json!({}), new), Put::Back(json!({})));
    }
}
