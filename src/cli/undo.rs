//! `dam undo`: taking back.

use std::process::ExitCode;

use serde_json::Value;

use super::args::{Global, UndoArgs};
use super::{Done, backend, print};
use crate::ops::proto::Command;

/// Takes back a turn, or lists them. The exit code is 1 when something was left as it is.
pub fn run(global: &Global, args: &UndoArgs) -> Done {
    let of = args.as_member.clone();
    if args.list {
        let turns = backend::run(global, &[], |_| Ok(Command::Turns { of, limit: args.limit }))?;
        if global.json {
            print::json(&turns)?;
        } else {
            table(&turns)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let done = backend::run(global, &[], |_| Ok(Command::Undo { turn: args.turn, of, dry_run: args.dry_run }))?;
    let left = done["left"].as_array().map_or(&[][..], Vec::as_slice);
    if global.json {
        print::json(&done)?;
    } else {
        let what = print::word(&done["what"]);
        let how = if args.dry_run { "would be taken back" } else { "taken back" };
        print::line(&format!("turn {} {how}: {what}", done["turn"]))?;
        for row in left {
            print::note(&format!("{}: left as it is: {}", print::word(&row["what"]), print::word(&row["why"])));
        }
    }
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn table(turns: &Value) -> Result<(), super::Failure> {
    let rows = turns["turns"].as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        print::note("nothing was changed yet, or longer ago than the trash is kept");
        return Ok(());
    }
    let mut table = print::table(&["turn", "when", "who", "what"]);
    for row in rows {
        let back = row["undoes"].as_u64().map_or(String::new(), |turn| format!("took back turn {turn}: "));
        let what = format!("{back}{}", print::word(&row["what"]));
        table.add_row([row["turn"].to_string(), print::word(&row["at"]), print::word(&row["by"]), what]);
    }
    print::line(&table.to_string())
}
