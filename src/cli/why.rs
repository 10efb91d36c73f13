//! `dam why`: what may be done with an asset, and which rule says so.

use std::process::ExitCode;

use super::args::{Global, WhyArgs};
use super::{Done, backend, print, target};
use crate::ops::proto::Command;

/// Asks.
pub fn run(global: &Global, args: WhyArgs) -> Done {
    let value = backend::run(global, &[&args.target], |root| {
        Ok(Command::Why { target: target::resolve(root, &args.target)?, as_member: args.as_member.clone() })
    })?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let scope = value["scope"].as_str().map(|s| format!(", scope {s}")).unwrap_or_default();
    print::line(&format!("{} ({}{scope})", print::word(&value["member"]), print::word(&value["role"])))?;
    let mut table = print::table(&["verb", "allowed", "because"]);
    for row in value["verbs"].as_array().into_iter().flatten() {
        let allowed = if row["allowed"].as_bool() == Some(true) { "yes" } else { "no" };
        table.add_row([print::word(&row["verb"]), allowed.to_owned(), print::word(&row["reason"])]);
    }
    print::line(&table.to_string())?;
    print::line(&format!("by version {} of the policy", value["policy"]))?;
    if value["read_only"] == true {
        print::line("read-only until an admin lifts it: changes nothing, whatever the roles say")?;
    }
    if let Some(answer) = value["screen"]["answer"].as_str() {
        let why = value["screen"]["reason"].as_str().map_or_else(String::new, |why| format!(", {}", print::safe(why)));
        print::line(&format!("the screen: {}{why}", print::safe(answer)))?;
    }
    for row in value["unrendered"].as_array().into_iter().flatten() {
        print::line(&format!("not in {}: {}", print::word(&row["place"]), print::word(&row["reason"])))?;
    }
    Ok(ExitCode::SUCCESS)
}
