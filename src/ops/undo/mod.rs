//! Taking back: `dam undo`. A turn is taken back thing by thing: what it became goes back to what it was, through the gate. A thing that
//! is another by now is left as it is and said; the rest is done, in one transaction, which is a turn itself.

mod facets;
mod nodes;
mod places;
mod since;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use damfs_policy::Verb;
use serde_json::{Value, json};

use self::since::{Heads, later};
use self::words::Words;
use super::dry::{self, Stop};
use super::record::Hand;
use super::{Actor, Library, OpsError, members, target, trail};
use crate::catalog::journal::{Change, JournalRow, Step, Thing, TurnRow};
use crate::catalog::{Asset, NodeKind, NodeRow, ReadTx, WriteTx};
use crate::types::{MemberId, Timestamp};

/// Turns that are looked at to find the last one that did anything.
const LOOK_BACK: usize = 1_000;

/// Which turns somebody may know of and take back: his own; an admin those of everybody, or of the one he names.
fn whose(library: &Library, actor: &Actor, of: Option<&str>) -> Result<Option<MemberId>, OpsError> {
    let Some(name) = of else { return Ok(Some(actor.member.id)) };
    if name != actor.member.name {
        actor.must_be_admin("take back what others did")?;
    }
    let members = library.catalog.read(|tx| tx.members())?;
    let member = members.iter().find(|member| member.name == name);
    member.map(|member| Some(member.id)).ok_or_else(|| members::unknown(name, &members))
}

fn gathered(rows: Vec<JournalRow>) -> Vec<Step> {
    Step::gather(rows.into_iter().flat_map(|row| row.steps))
}

/// The last turns of a member that did anything which the caller may know of: `dam undo --list`.
///
/// # Errors
/// [`OpsError::Refused`] for another's turns, or when the catalogue fails.
pub fn list(library: &Library, actor: &Actor, of: Option<&str>, limit: usize) -> Result<Value, OpsError> {
    let of = whose(library, actor, of)?;
    library.catalog.read(|tx| {
        let mut turns = Vec::new();
        let mut before = u64::MAX;
        while turns.len() < limit {
            let page = tx.turns(of, before, limit)?;
            let Some(last) = page.last() else { break };
            before = last.no;
            for turn in page {
                let steps = seen(library, actor, tx, gathered(tx.turn(turn.no)?))?;
                if steps.is_empty() || turns.len() == limit {
                    continue;
                }
                let by = turn.member.map(|id| tx.member(id)).transpose()?.flatten();
                turns.push(json!({
                    "turn": turn.no,
                    "at": turn.began.to_string(),
                    "by": by.map_or_else(|| "damfs".to_owned(), |member| member.name),
                    "what": Words::of(tx, &steps)?.sentence(),
                    "undoes": turn.undoes,
                }));
            }
        }
        Ok(json!({ "turns": turns }))
    })
}

/// The steps about things that the caller may know of.
fn seen(library: &Library, actor: &Actor, tx: &dyn ReadTx, steps: Vec<Step>) -> Result<Vec<Step>, OpsError> {
    let mut known: BTreeMap<Thing, bool> = BTreeMap::new();
    let mut out = Vec::new();
    for step in steps {
        let knows = match known.get(&step.thing) {
            Some(knows) => *knows,
            None => {
                let knows = knows(library, actor, tx, &step.thing)?;
                known.insert(step.thing.clone(), knows);
                knows
            }
        };
        if knows {
            out.push(step);
        }
    }
    Ok(out)
}

fn knows(library: &Library, actor: &Actor, tx: &dyn ReadTx, thing: &Thing) -> Result<bool, OpsError> {
    Ok(match thing {
        // Of a record that is dropped its maker alone is told, for the turn is his.
        Thing::Asset(id) => tx.asset(*id)?.is_none_or(|asset| actor.decide(library, Verb::List, &asset).allowed),
        Thing::Node(id) => match tx.node(*id)? {
            Some(node) => !matches!(target::knows(&library.gate, tx, actor.who(), &node)?, target::Knows::No),
            None => true,
        },
        Thing::Word(..) => true,
        Thing::Member(_) => actor.is_admin(),
        Thing::Saved(owner, _) => *owner == actor.member.id || actor.is_admin(),
    })
}

/// A turn to be taken back.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Its number; else the last one.
    pub turn: Option<u64>,
    /// Whose last one; else the caller's.
    pub of: Option<String>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// Takes back one turn: `dam undo`.
///
/// # Errors
/// [`OpsError::Unknown`] when there is no such turn that the caller may take back, [`OpsError::Refused`], or when the catalogue fails.
pub fn undo(library: &Arc<Library>, actor: &Actor, ask: &Ask) -> Result<Value, OpsError> {
    // What is written and closed is done, although its version would come in a moment.
    library.settle()?;
    let of = whose(library, actor, ask.of.as_deref())?;
    // The long part, while others write: whatever comes behind it is read in the transaction.
    let ahead = library.catalog.read(|tx| -> Result<_, OpsError> {
        let (_, rows) = chosen(library, actor, tx, ask.turn, of)?;
        let mut heads = Heads::of(&rows);
        heads.follow(tx)?;
        Ok(heads)
    })?;
    let mut members = false;
    let told = dry::write(library, |tx| {
        let (turn, rows) = chosen(library, actor, tx, ask.turn, of)?;
        let began = rows.first().map_or(0, |row| row.seq);
        let heads = ahead.clone().or_anew(&rows).followed(tx)?;
        let steps = seen(library, actor, tx, gathered(rows))?;
        let actor = actor.undoing(turn.no);
        let mut work = Work::new(library, &actor, ask.dry_run, library.clock.now(), heads);
        work.run(tx, steps)?;
        let left = work.told(tx, turn.no, began)?;
        let answer = json!({
            "turn": turn.no,
            "what": Words::of(tx, &work.done)?.taken_back(),
            "done": work.done.len(),
            "left": left,
        });
        if ask.dry_run || work.done.is_empty() {
            return Err(Stop::Said(answer));
        }
        let detail = json!({ "left": work.left.len() });
        trail::append(tx, &work.hand, "turn.undo", &turn.no.to_string(), &detail)?;
        members = work.done.iter().any(|step| matches!(step.thing, Thing::Member(_)));
        Ok(answer)
    })?;
    if members {
        library.door.forget();
    }
    Ok(told)
}

/// The turn that is meant, and what it did.
fn chosen(
    library: &Library,
    actor: &Actor,
    tx: &dyn ReadTx,
    no: Option<u64>,
    of: Option<MemberId>,
) -> Result<(TurnRow, Vec<JournalRow>), OpsError> {
    let hint = || "see which there are with: dam undo --list".to_owned();
    if let Some(no) = no {
        let row = tx.turns(None, no.saturating_add(1), 1)?.into_iter().find(|turn| turn.no == no);
        let may = |turn: &TurnRow| actor.is_admin() || turn.member == Some(actor.member.id);
        let row =
            row.filter(may).ok_or_else(|| OpsError::Unknown { message: format!("no turn {no}"), hint: hint() })?;
        return Ok((row, tx.turn(no)?));
    }
    for turn in tx.turns(of, u64::MAX, LOOK_BACK)? {
        let rows = tx.turn(turn.no)?;
        if !seen(library, actor, tx, gathered(rows.clone()))?.is_empty() {
            return Ok((turn, rows));
        }
    }
    Err(OpsError::Unknown { message: "nothing to take back".into(), hint: hint() })
}

/// Why something was left as it is.
#[derive(Debug, Clone)]
enum Why {
    /// Somebody changed it after the turn.
    Changed,
    Said(String),
}

/// One undo at work.
struct Work<'a> {
    library: &'a Library,
    actor: &'a Actor,
    hand: Hand,
    /// The transaction will be dropped: what is open must not hear of it.
    dry: bool,
    heads: Heads,
    done: Vec<Step>,
    left: Vec<(Step, Why)>,
}

impl<'a> Work<'a> {
    fn new(library: &'a Library, actor: &'a Actor, dry: bool, now: Timestamp, heads: Heads) -> Self {
        let hand = actor.hand(now);
        let (done, left) = (Vec::new(), Vec::new());
        Self { library, actor, hand, dry, heads, done, left }
    }

    /// Takes back every step: first where things are, then what they are. What goes back into the trash is put right before it goes; what the
    /// turn made goes as it is, so that it comes back as it was.
    fn run(&mut self, tx: &mut dyn WriteTx, steps: Vec<Step>) -> Result<(), OpsError> {
        let is_place = |step: &Step| matches!(step.change, Change::Place(_) | Change::Node(_));
        let (places, mut rest): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(is_place);
        let going: BTreeSet<Thing> = places.iter().filter(|step| is_made(step)).map(|s| s.thing.clone()).collect();
        let born = |step: &Step| matches!(&step.change, Change::Head(heads) if heads.was.is_none());
        let new: BTreeSet<Thing> = rest.iter().filter(|step| born(step)).map(|step| step.thing.clone()).collect();
        let returned = |thing: &Thing| matches!(thing, Thing::Asset(_)) && !new.contains(thing);
        for step in rest.extract_if(.., |step| going.contains(&step.thing)).filter(|step| returned(&step.thing)) {
            let tried = self.facet(tx, &step);
            self.settle(vec![step], tried)?;
        }
        self.places(tx, places)?;
        for step in rest {
            let tried = self.facet(tx, &step);
            self.settle(vec![step], tried)?;
        }
        Ok(())
    }

    /// Sorts the steps of one thing by what came of them; a fault of the library ends everything.
    fn settle(&mut self, steps: Vec<Step>, tried: Result<Tried, OpsError>) -> Result<(), OpsError> {
        match tried {
            Ok(Tried::Done) => self.done.extend(steps),
            Ok(Tried::Already) => {}
            Ok(Tried::Changed) => self.leave(steps, &Why::Changed),
            Err(e) => self.leave(steps, &said(e)?),
        }
        Ok(())
    }

    fn leave(&mut self, steps: Vec<Step>, why: &Why) {
        self.left.extend(steps.into_iter().take(1).map(|step| (step, why.clone())));
    }

    /// What was left, in words: what, and why. `began` is the turn's first row.
    fn told(&self, tx: &dyn ReadTx, turn: u64, began: u64) -> Result<Vec<Value>, OpsError> {
        let changed: BTreeSet<&Thing> =
            self.left.iter().filter(|(_, why)| matches!(why, Why::Changed)).map(|(step, _)| &step.thing).collect();
        let since = later(tx, turn, began, &changed)?;
        let mut out: Vec<Value> = Vec::new();
        let mut told: BTreeSet<&Thing> = BTreeSet::new();
        // Each thing once.
        for (step, why) in self.left.iter().filter(|(step, _)| told.insert(&step.thing)) {
            let why = match (why, since.get(&step.thing)) {
                (Why::Said(why), _) => why.clone(),
                (Why::Changed, Some((by, at))) => {
                    let name = by.map(|id| tx.member(id)).transpose()?.flatten().map_or("damfs".to_owned(), |m| m.name);
                    format!("changed since by {name} at {at}")
                }
                (Why::Changed, None) => "changed since".to_owned(),
            };
            out.push(json!({ "what": words::name(tx, step)?, "why": why }));
        }
        Ok(out)
    }

    /// Nothing, when he may do that with the asset.
    fn may(&self, verb: Verb, asset: &Asset) -> Result<(), OpsError> {
        self.actor.must(self.library, verb, asset, &asset.view_name)
    }

    /// Nothing, when he may make, move and remove what is no asset: a folder that he made, whatever he may edit.
    fn may_node(&self, tx: &dyn ReadTx, node: &NodeRow) -> Result<(), OpsError> {
        if let Some(asset) = node.asset.map(|id| tx.asset(id)).transpose()?.flatten() {
            return self.may(Verb::Edit, &asset);
        }
        let who = self.actor.who();
        let edits = who.subject.filter(Verb::Edit) != damfs_policy::Expr::nothing();
        let own = node.owner == Some(who.id) || who.subject.allows_everything(Verb::Edit);
        if edits && own {
            return Ok(());
        }
        let what = if node.kind == NodeKind::Dir { "folder" } else { "file" };
        Err(OpsError::Refused {
            verb: Verb::Edit,
            subject: node.id.to_string(),
            reason: format!("the {what} is another member's"),
        })
    }
}

/// Whether a thing was not there before.
fn is_made(step: &Step) -> bool {
    match &step.change {
        Change::Place(place) => place.was.is_none(),
        Change::Node(node) => node.was.is_none(),
        _ => false,
    }
}

/// What came of a step.
enum Tried {
    Done,
    /// It was so already.
    Already,
    /// The thing is another by now.
    Changed,
}

/// Why one thing could not be taken back; an error when it is the library that failed.
fn said(e: OpsError) -> Result<Why, OpsError> {
    match e {
        OpsError::NotFound(_) | OpsError::Unknown { .. } => Ok(Why::Changed),
        OpsError::Usage { message, .. } | OpsError::Failed { message, .. } => Ok(Why::Said(message)),
        OpsError::Barred { message, hint, .. } => Ok(Why::Said(format!("{message}; {hint}"))),
        OpsError::Refused { reason, .. } => Ok(Why::Said(reason)),
        e => Err(e),
    }
}
