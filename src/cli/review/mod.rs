//! `dam review` and `dam takedown`: the board, and what is taken out of circulation.

mod args;

use std::process::ExitCode;

use serde_json::Value;

use super::args::Global;
use super::{Done, Failure, backend, many, print, target, usage};
use args::{Decision, ReviewAction};
pub use args::{ReviewArgs, TakedownArgs};

use crate::ops::proto::{Assignment, Command};
use crate::ops::value;

/// Lists, decides, assigns, comments.
pub fn run(global: &Global, args: ReviewArgs) -> Done {
    let all = ReviewAction::List { stage: None, mine: false, overdue: false };
    match args.action.unwrap_or(all) {
        ReviewAction::List { stage, mine, overdue } => list(global, stage, mine, overdue),
        ReviewAction::Screen { targets } => screen(global, &targets),
        ReviewAction::Submit(what) => set(global, what, vec![facet("stage", "internal-review")]),
        ReviewAction::Approve { platforms, what } => set(global, what, decided(&platforms, "approved")),
        ReviewAction::Reject { platforms, what } => {
            must_say(&what, "a rejection")?;
            set(global, what, decided(&platforms, "rejected"))
        }
        ReviewAction::Move { stage, what } => set(global, what, vec![facet("stage", &stage)]),
        ReviewAction::Assign { to, due, what } => {
            let reviewer = to.map(|name| facet("reviewer", &name));
            set(global, what, reviewer.into_iter().chain(due.map(|day| facet("due", &day))).collect())
        }
        ReviewAction::Comment(what) => {
            let text = must_say(&what, "a comment")?;
            run_on(global, &what, |what, dry_run| Command::Remark { what, text, dry_run })
        }
    }
}

/// Takes out of circulation.
pub fn takedown(global: &Global, args: TakedownArgs) -> Done {
    let why = must_say(&args.what, "a takedown")?;
    let platform = args.platform;
    run_on(global, &args.what, |what, dry_run| Command::Takedown { what, platform, dry_run, why })
}

fn facet(facet: &str, value: &str) -> Assignment {
    Assignment { facet: facet.to_owned(), value: value.to_owned() }
}

/// A word for each of the platforms; for none on the board.
fn decided(platforms: &[String], word: &str) -> Vec<Assignment> {
    if platforms.is_empty() {
        return vec![facet("stage", word)];
    }
    platforms.iter().map(|platform| facet(&format!("status.{platform}"), word)).collect()
}

fn must_say(what: &Decision, deed: &str) -> Result<String, Failure> {
    let said = what.message.clone().filter(|text| !text.trim().is_empty());
    said.ok_or_else(|| usage(format!("{deed} says something"), "say it: -m TEXT"))
}

fn set(global: &Global, what: Decision, set: Vec<Assignment>) -> Done {
    value::changes(&set)?;
    let why = what.message.clone();
    run_on(global, &what, |what, dry_run| Command::Set { what, set, dry_run, why })
}

fn run_on(
    global: &Global,
    what: &Decision,
    command: impl FnOnce(crate::ops::proto::Selection, bool) -> Command,
) -> Done {
    many::run(global, &what.many, &what.targets.iter().collect::<Vec<_>>(), command)
}

/// What the screen said, when it was no pass.
fn screened(told: &Value) -> Option<String> {
    let answer = told["answer"].as_str().filter(|answer| *answer != "pass")?;
    Some(format!("screen: {}, {}", print::safe(answer), print::word(&told["reason"])))
}

fn screen(global: &Global, targets: &[String]) -> Done {
    let places: Vec<&str> = targets.iter().map(String::as_str).collect();
    let told = backend::run(global, &places, |root| {
        let targets = targets.iter().map(|name| target::resolve(root, name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Command::Screen { targets })
    })?;
    let rows = told["assets"].as_array().map_or(&[][..], Vec::as_slice);
    let all_answered = rows.iter().all(|row| row["answer"] != "none");
    if global.json {
        print::json(&told)?;
    } else {
        for (row, name) in rows.iter().zip(targets) {
            print::line(&format!("{name}: {}", screened(row).unwrap_or_else(|| "screen: pass".to_owned())))?;
        }
    }
    Ok(if all_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(global: &Global, stage: Option<String>, mine: bool, overdue: bool) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::ReviewList { stage, mine, overdue }))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = value["assets"].as_array().map_or(&[][..], Vec::as_slice);
    let mut table = print::table(&["path", "stage", "reviewer", "due", "", ""]);
    for row in rows {
        let path = if row["path"].is_null() { &row["id"] } else { &row["path"] };
        let [stage, reviewer, due] = ["stage", "reviewer", "due"].map(|key| print::word(&row[key]));
        let late = if row["overdue"] == true { "late" } else { "" };
        let screen = screened(&row["screen"]).unwrap_or_default();
        let day = due.split('T').next().unwrap_or_default().to_owned();
        table.add_row([print::word(path), stage, reviewer, day, late.to_owned(), screen]);
    }
    print::line(&table.to_string())?;
    let more = value["count"].as_u64().unwrap_or_default().saturating_sub(rows.len() as u64);
    if more > 0 {
        print::line(&format!("and {more} more"))?;
    }
    Ok(ExitCode::SUCCESS)
}
