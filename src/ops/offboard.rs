//! A member who leaves: shut out at once, and what is his goes to another.

use std::sync::Arc;

use damfs_policy::{Expr, Field, Term, Test};
use serde_json::{Value, json};

use super::{Actor, Library, OpsError, assign, members, saved, trail};
use crate::catalog::{ChangeKind, MemberRow, WriteTx};
use crate::types::MemberId;

/// Assets that are looked up at once.
const PAGE: usize = 1_000;

/// Shuts a member out, locks what he had unlocked, and makes another the owner of his assets and of the queries that he keeps: one row on record,
/// and one turn. Whoever serves mounts takes his down.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Unknown`] for a name that nobody has; [`OpsError::Usage`] and [`OpsError::Failed`] when
/// they cannot be the two.
pub fn offboard(library: &Arc<Library>, actor: &Actor, name: &str, to: &str) -> Result<Value, OpsError> {
    actor.must_be_admin("offboard members")?;
    // What he has written and closed is his still when it becomes a version.
    library.settle()?;
    let now = library.clock.now();
    let hand = actor.hand(now);
    library.catalog.write(|tx| {
        let named = |name: &str| -> Result<MemberRow, OpsError> {
            tx.member_by_name(name)?.map_or_else(|| Err(members::unknown(name, &tx.members()?)), Ok)
        };
        let (old, heir) = (named(name)?, named(to)?);
        if old.id == heir.id || !heir.is_in(now) {
            return Err(OpsError::usage(
                format!("what is {name}'s cannot go to {to}"),
                "name another member who is active: --to NAME",
            ));
        }
        let row = MemberRow { active: false, ..old.clone() };
        members::leaves_an_admin(library, tx, &old, &row)?;
        let locked = lock(tx, old.id)?;
        tx.put_member(&row)?;
        tx.change(ChangeKind::Access, &row.id.to_string())?;
        let assets = hand_over(tx, &old, &heir)?;
        let queries = hand_over_saved(tx, old.id, heir.id)?;
        let detail = json!({ "member": name, "to": to, "assets": assets, "saved": queries, "locked": locked });
        trail::append(tx, &hand, "member.offboard", &row.id.to_string(), &detail)?;
        Ok(json!({ "member": name, "to": to, "assets": assets, "saved": queries }))
    })
}

/// Ends what he has unlocked.
fn lock(tx: &mut dyn WriteTx, member: MemberId) -> Result<bool, OpsError> {
    let Some(mut factor) = tx.factor(member)?.filter(|factor| factor.unlocked.is_some()) else { return Ok(false) };
    factor.unlocked = None;
    tx.put_factor(&factor)?;
    Ok(true)
}

/// His assets, wherever they are.
fn hand_over(tx: &mut dyn WriteTx, from: &MemberRow, to: &MemberRow) -> Result<usize, OpsError> {
    let anywhere = Expr::Term(Term { field: Field::State, test: Test::Empty }).negate();
    let ordinals = tx.numbers(&Expr::is(Field::Owner, from.name.as_str()).and(anywhere))?;
    let mut count = 0;
    for page in ordinals.chunks(PAGE) {
        for mut asset in tx.assets(page)? {
            asset.owner = Some(to.id);
            asset.owner_name.clone_from(&to.name);
            assign::store(tx, &asset)?;
            count += 1;
        }
    }
    Ok(count)
}

/// The queries that he keeps, but for those whose names the other one has taken.
fn hand_over_saved(tx: &mut dyn WriteTx, from: MemberId, to: MemberId) -> Result<usize, OpsError> {
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
    Ok(count)
}
