//! What another policy would change: of each role by verb, and of each member by what the library holds now.

use damfs_policy::{Expr, Verb};
use serde_json::{Value, json};

use crate::access::{Policy, Who};
use crate::catalog::{MemberRow, ReadTx};
use crate::ops::{Actor, Library, OpsError};

/// What a text of roles would change, the one given or the one in the library's folder.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin, [`OpsError::Usage`] for a text that may not be put in force.
pub fn diff(library: &Library, actor: &Actor, text: Option<&str>) -> Result<Value, OpsError> {
    actor.must_be_admin("compare policies")?;
    let next = library.admissible(&library.draft(text)?)?;
    let now = library.gate.roles();
    let mut told = json!(next.difference(&now));
    let members = library.catalog.read(|tx| {
        let mut rows = Vec::new();
        for member in tx.members()?.iter().filter(|member| member.active) {
            of_member(library, tx, member, [&now, &next], &mut rows)?;
        }
        Ok::<_, OpsError>(rows)
    })?;
    told["members"] = members.into();
    told["version"] = now.no.into();
    Ok(told)
}

/// For each verb how many assets a member gains and loses.
fn of_member(
    library: &Library,
    tx: &dyn ReadTx,
    member: &MemberRow,
    [now, next]: [&Policy; 2],
    rows: &mut Vec<Value>,
) -> Result<(), OpsError> {
    let factor = tx.factor(member.id)?;
    let moment = library.clock.now();
    let admit = |policy| Who::admit(member, factor.as_ref(), moment, policy, library.gate.terms());
    // With what he can unlock: that it is locked at this moment is none of the policies' doing.
    let sides = [now, next].map(|policy| admit(policy).map(|who| who.at_most()));
    // Who is nobody by one of them may do nothing.
    let filters =
        |verb: Verb| sides.each_ref().map(|who| who.as_ref().map_or_else(|_| Expr::nothing(), |who| who.filter(verb)));
    // Administering is of the library: that no asset comes or goes by it, its role's row tells.
    for verb in Verb::ALL.iter().filter(|verb| **verb != Verb::Admin) {
        let [had, has] = filters(*verb);
        if had == has {
            continue;
        }
        let gains = tx.count(&has.clone().and(had.clone().negate()))?;
        let loses = tx.count(&had.and(has.negate()))?;
        if gains + loses > 0 {
            rows.push(json!({ "member": member.name, "verb": verb.name(), "gains": gains, "loses": loses }));
        }
    }
    Ok(())
}
