//! `dam policy test`: cases that people have written down, tried on a policy.

use std::sync::Arc;

use damfs_policy::{Case, CaseWho, Subject};
use serde_json::{Value, json};

use super::CASES;
use crate::access::{AccessError, Policy, Who};
use crate::ops::own_text::OwnText;
use crate::ops::{Actor, Library, OpsError, members};
use crate::types::Timestamp;

/// Tries cases, those given or those of the library's folder, on a text of roles, by default on the policy in force.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin, [`OpsError::Usage`] for cases or a text with a mistake.
pub fn test(library: &Library, actor: &Actor, cases: Option<&str>, text: Option<&str>) -> Result<Value, OpsError> {
    actor.must_be_admin("test the policy")?;
    let policy = match text {
        Some(text) => Arc::new(library.admissible(text)?),
        None => library.gate.roles(),
    };
    let cases = match cases {
        Some(cases) => cases.to_owned(),
        None => own_cases(library)?,
    };
    let cases = Case::parse_all(&cases, &library.gate.platforms().vocabulary())
        .map_err(|e| OpsError::usage(e.0, "mend the file of cases"))?;
    let mut failed = Vec::new();
    for case in &cases {
        let wrong = match subject(library, &policy, case)? {
            Asks::Somebody(subject) => case.failures(*subject),
            Asks::Nobody(why) => case.failures_of_nobody(&why),
        };
        for wrong in wrong {
            failed.push(json!({
                "line": case.line,
                "name": case.name,
                "verb": wrong.verb.name(),
                "allowed": wrong.decision.allowed,
                "reason": wrong.decision.reason,
            }));
        }
    }
    Ok(json!({ "cases": cases.len(), "failed": failed, "version": text.is_none().then_some(policy.no) }))
}

fn own_cases(library: &Library) -> Result<String, OpsError> {
    let file = OwnText::unread(CASES);
    let hint = "name a file of cases: dam policy test FILE";
    let bytes = file.must(library.root()).map_err(|fault| OpsError::failed(fault, hint))?;
    String::from_utf8(bytes).map_err(|e| OpsError::failed(format!("{CASES} is no UTF-8 text: {e}"), hint))
}

/// Who asks.
enum Asks {
    Somebody(Box<Subject>),
    /// Whoever he was, he is let in no more, and why.
    Nobody(String),
}

/// Who asks, as the gate would know him: with what he has a second factor for unlocked. Of a role by itself it is not known whether there is one; it
/// is taken to be there.
fn subject(library: &Library, policy: &Policy, case: &Case) -> Result<Asks, OpsError> {
    let wrong = |message: String| OpsError::usage(format!("{CASES} line {}: {message}", case.line), "mend the case");
    let terms = library.gate.terms();
    let at = case.at.as_deref().and_then(|at| policy.instant(at));
    let found = match &case.who {
        CaseWho::Role { role, scope } => {
            let role = policy.find(role).map_err(|e| wrong(e.0))?;
            let subject = Subject::of_roles(case.who.name(), &[role], scope.clone(), at);
            subject.reading(terms.glossary).publishing(terms.platforms)
        }
        CaseWho::Member(name) => {
            let (members, factors) = library.catalog.read(|tx| Ok::<_, OpsError>((tx.members()?, tx.factors()?)))?;
            let Some(member) = members.iter().find(|member| member.name == *name) else {
                return Err(wrong(members::unknown(name, &members).to_string()));
            };
            let enrolled = factors.iter().any(|factor| factor.member == member.id);
            let at = at.map(Timestamp::from_nanos);
            match Who::supposed(member, enrolled, at, library.clock.now(), policy, terms) {
                Ok(subject) => subject,
                Err(
                    nobody @ (AccessError::Ended { .. } | AccessError::Inactive { .. } | AccessError::Roleless { .. }),
                ) => {
                    return Ok(Asks::Nobody(nobody.to_string()));
                }
                Err(e) => return Err(wrong(e.to_string())),
            }
        }
    };
    Ok(Asks::Somebody(Box::new(found)))
}
