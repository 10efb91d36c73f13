//! A member who leaves: shut out at once, and what is his goes to another.

use std::sync::Arc;

use damfs_policy::{Expr, Field};
use serde_json::{Value, json};

use super::serve::Listener;
use super::{Actor, Library, OpsError, assign, members, saved, trail};
use crate::catalog::{ChangeKind, MemberRow, ReadTx, WriteTx};
use crate::types::{MemberId, Timestamp};

/// Assets that one transaction hands over: others have their turn in between.
const PAGE: usize = 4 * assign::PAGE;

/// Shuts a member out, locks what he had unlocked, and makes another the owner of his assets and of the queries that he keeps. Out he is first:
/// nothing that comes after keeps him in, and what was cut off by a crash is done by asking again. All of it is one turn. Whoever serves mounts
/// takes his down.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Unknown`] for a name that nobody has; [`OpsError::Usage`] and [`OpsError::Failed`] when
/// they cannot be the two.
pub fn offboard(
    library: &Arc<Library>,
    actor: &Actor,
    name: &str,
    to: &str,
    listener: &dyn Listener,
) -> Result<Value, OpsError> {
    actor.must_be_admin("offboard members")?;
    let (old, heir) = shut_out(library, actor, name, to)?;
    library.door.forget();
    // What he has written and closed becomes a version of his, and he made it; what cannot become one now is handed over as it is.
    let settled = library.settle();
    let between = Between { from: &old, to: &heir };
    let assets = between.assets(library, actor, listener)?;
    let reviews = between.reviews(library, actor)?;
    let queries = between.queries(library, actor)?;
    settled?;
    let mut told = json!({ "member": name, "to": to, "assets": assets, "reviews": reviews, "saved": queries });
    if library.workflow().members().any(|named| named == name) {
        told["board"] = "names him still".into();
    }
    Ok(told)
}

/// Him, shut out, and whoever gets what is his.
fn shut_out(library: &Library, actor: &Actor, name: &str, to: &str) -> Result<(MemberRow, MemberRow), OpsError> {
    let now = library.clock.now();
    library.catalog.write(|tx| {
        let (old, heir) = (named(tx, name)?, named(tx, to)?);
        if old.id == heir.id || !heir.is_in(now) {
            return Err(OpsError::usage(
                format!("what is {name}'s cannot go to {to}"),
                "name another member who is active: --to NAME",
            ));
        }
        let row = MemberRow { active: false, ..old.clone() };
        members::leaves_an_admin(library, tx, &old, &row)?;
        let locked = lock(tx, old.id)?;
        members::unseat(tx, old.id)?;
        tx.put_member(&row)?;
        tx.change(ChangeKind::Access, &row.id.to_string())?;
        let detail = json!({ "member": name, "to": to, "locked": locked });
        trail::append(tx, &actor.hand(now), "member.offboard", &row.id.to_string(), &detail)?;
        Ok((row, heir))
    })
}

fn named(tx: &dyn ReadTx, name: &str) -> Result<MemberRow, OpsError> {
    tx.member_by_name(name)?.map_or_else(|| Err(members::unknown(name, &tx.members()?)), Ok)
}

/// Ends what he has unlocked.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn lock(tx: &mut dyn WriteTx, member: MemberId) -> Result<bool, OpsError> {
    let Some(mut factor) = tx.factor(member)?.filter(|factor| factor.unlocked.is_some()) else { return Ok(false) };
    factor.unlocked = None;
    tx.put_factor(&factor)?;
    Ok(true)
}

/// One hand-over.
struct Between<'a> {
    from: &'a MemberRow,
    to: &'a MemberRow,
}

impl Between<'_> {
    /// His assets, wherever they are, with a version or without one yet; a page at a time, until nothing is his.
    fn assets(&self, library: &Library, actor: &Actor, listener: &dyn Listener) -> Result<usize, OpsError> {
        let mut count = 0;
        loop {
            let ordinals = library.catalog.read(|tx| tx.owned(self.from.id))?;
            if ordinals.is_empty() {
                return Ok(count);
            }
            let of = count + ordinals.len();
            for page in ordinals.chunks(PAGE) {
                let now = library.clock.now();
                count += library.catalog.write(|tx| {
                    let mut handed = 0;
                    for some in page.chunks(assign::PAGE) {
                        handed += self.page(tx, some, now)?;
                        listener.progress(count + handed, of);
                    }
                    self.on_record(tx, actor, now, "assets", handed)
                })?;
            }
        }
    }

    fn page(&self, tx: &mut dyn WriteTx, ordinals: &[u64], now: Timestamp) -> Result<usize, OpsError> {
        let mut handed = 0;
        for mut asset in tx.assets(ordinals)? {
            // It may have gone to somebody else meanwhile.
            if asset.owner != Some(self.from.id) {
                continue;
            }
            asset.owner = Some(self.to.id);
            asset.owner_name.clone_from(&self.to.name);
            asset.changed = now.max(asset.changed);
            assign::store(tx, &asset)?;
            handed += 1;
        }
        Ok(handed)
    }

    /// What he was to review, in the trash too.
    fn reviews(&self, library: &Library, actor: &Actor) -> Result<usize, OpsError> {
        let trashed = Expr::is(Field::State, "trashed");
        let anywhere = Expr::Or(vec![trashed.clone(), Expr::Not(Box::new(trashed))]);
        let his = Expr::is(Field::Reviewer, self.from.name.as_str()).and(anywhere);
        let ordinals = library.catalog.read(|tx| tx.numbers(&his))?;
        let mut count = 0;
        for page in ordinals.chunks(PAGE) {
            let now = library.clock.now();
            count += library.catalog.write(|tx| {
                let mut handed = 0;
                for mut asset in tx.assets(page)? {
                    // It may be somebody else's by now.
                    if asset.reviewer.as_ref() == Some(&self.from.name) {
                        asset.reviewer = Some(self.to.name.clone());
                        asset.changed = now.max(asset.changed);
                        assign::store(tx, &asset)?;
                        handed += 1;
                    }
                }
                self.on_record(tx, actor, now, "reviews", handed)
            })?;
        }
        Ok(count)
    }

    /// The queries that he keeps, but for those whose names the other one has taken.
    fn queries(&self, library: &Library, actor: &Actor) -> Result<usize, OpsError> {
        let (from, to) = (self.from.id, self.to.id);
        library.catalog.write(|tx| {
            let all = tx.saved()?;
            let mut count = 0;
            for row in all.iter().filter(|row| row.owner == from) {
                if all.iter().any(|other| other.owner == to && other.name == row.name) {
                    continue;
                }
                tx.remove_saved(&row.name, from)?;
                let mut moved = row.clone();
                moved.owner = to;
                tx.put_saved(&moved)?;
                saved::changed(tx, from, &row.name)?;
                saved::changed(tx, to, &row.name)?;
                count += 1;
            }
            self.on_record(tx, actor, library.clock.now(), "saved", count)
        })
    }

    /// Puts a step on record that handed something over, and gives how much.
    fn on_record(
        &self,
        tx: &mut dyn WriteTx,
        actor: &Actor,
        now: Timestamp,
        what: &str,
        count: usize,
    ) -> Result<usize, OpsError> {
        if count > 0 {
            let detail = json!({ "member": self.to.name, "from": self.from.name, what: count });
            trail::append(tx, &actor.hand(now), "member.inherit", &self.to.id.to_string(), &detail)?;
        }
        Ok(count)
    }
}
