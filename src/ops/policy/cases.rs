//! `dam policy test`: cases that people have written down, tried on a policy.

use std::sync::Arc;

use damfs_policy::{Case, CaseWho, Subject};
use serde_json::{Value, json};

use super::CASES;
use crate::access::{Policy, Who};
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
        for wrong in case.failures(subject(library, &policy, case)?) {
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

/// Who asks, as the policy would know him: with what he has a second factor for unlocked.
fn subject(library: &Library, policy: &Policy, case: &Case) -> Result<Subject, OpsError> {
    let at = |message: String| OpsError::usage(format!("{CASES} line {}: {message}", case.line), "mend the case");
    let terms = library.gate.terms();
    match &case.who {
        CaseWho::Role { role, scope } => {
            let role = policy.find(role).map_err(|e| at(e.0))?;
            let at = case.at.as_deref().and_then(|at| policy.instant(at));
            let subject = Subject::of_roles(case.who.name(), &[role], scope.clone(), at);
            Ok(subject.reading(terms.glossary).publishing(terms.platforms))
        }
        CaseWho::Member(name) => {
            let members = library.catalog.read(|tx| tx.members())?;
            let Some(member) = members.iter().find(|member| member.name == *name) else {
                return Err(at(members::unknown(name, &members).to_string()));
            };
            let moment = case.at.as_deref().and_then(|at| policy.instant(at)).map(Timestamp::from_nanos);
            Who::subject_of(member, moment, policy, terms).map_err(|e| at(e.to_string()))
        }
    }
}
