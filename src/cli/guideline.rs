//! `dam guideline`: what platforms ask, and what approvals are held to.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueHint};

use super::args::Global;
use super::own_text::{self, OwnText};
use super::{Done, backend, print};
use crate::ops::proto::Command;
use crate::policy::Guideline;

#[derive(Debug, Args)]
#[command(after_help = "\
A guideline is a text for people, with lines that the library holds every approval to:

  - refuse: `likeness=synthetic` people must be real
  - flag: `text=gun` approve only with a reason

What a refuse line fits is approved by nobody and does not circulate there; dam why names the line. Each verdict names the
text that it was given under; when the text changes, `dam guideline stale` lists what an old one approved.

Example:
  dam guideline
  dam guideline edit instagram
  dam guideline stale instagram --mark")]
pub struct GuidelineArgs {
    #[command(subcommand)]
    pub action: Option<GuidelineAction>,
}

#[derive(Debug, Subcommand)]
pub enum GuidelineAction {
    /// List them, and how many assets each text approved; what is done without an action, too.
    #[command(after_help = "Example:\n  dam guideline list --json")]
    List,
    /// Print a platform's text.
    #[command(after_help = "Example:\n  dam guideline show instagram")]
    Show {
        /// The platform.
        #[arg(value_name = "PLATFORM")]
        platform: String,
    },
    /// Put a file's text in force for a platform (admin only).
    #[command(after_help = "\
The mistake is told with its line, and the text before it stays. What the text refuses is out of circulation at once.

Example:
  dam guideline put instagram instagram.md")]
    Put {
        /// The platform.
        #[arg(value_name = "PLATFORM")]
        platform: String,
        /// The text.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Change a platform's text in an editor (admin only).
    #[command(after_help = "\
Opens a copy in $VISUAL or $EDITOR and puts it in force when it has no mistake. It is on record and is no turn of dam undo.

Example:
  dam guideline edit instagram")]
    Edit {
        /// The platform.
        #[arg(value_name = "PLATFORM")]
        platform: String,
    },
    /// List what is approved for a platform by another text than the one in force.
    #[command(after_help = "\
Example:
  dam guideline stale instagram
  dam guideline stale instagram --mark")]
    Stale {
        /// The platform.
        #[arg(value_name = "PLATFORM")]
        platform: String,
        /// Make each verdict stale: it is out of circulation until somebody approves it anew.
        #[arg(long)]
        mark: bool,
    },
}

/// Lists, shows, puts, edits, tells what is stale.
pub fn run(global: &Global, args: GuidelineArgs) -> Done {
    match args.action.unwrap_or(GuidelineAction::List) {
        GuidelineAction::List => list(global),
        GuidelineAction::Show { platform } => own_text::show(global, Command::GuidelineShow { platform }),
        GuidelineAction::Put { platform, file } => {
            let text = own_text::of_file(&file)?;
            let done = backend::run(global, &[], |_| Ok(Command::GuidelinePut { platform, text, base: None }))?;
            if global.json {
                print::json(&done)?;
            } else {
                say(&done)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        GuidelineAction::Edit { platform } => edit(global, &platform),
        GuidelineAction::Stale { platform, mark } => stale(global, platform, mark),
    }
}

fn say(done: &serde_json::Value) -> Result<(), super::Failure> {
    let platform = print::word(&done["platform"]);
    if done["applied"] == false {
        return print::line(&format!("the guideline of {platform} says so already"));
    }
    let version = print::word(&done["version"]);
    print::line(&format!("the guideline of {platform} is version {version}; see dam guideline stale {platform}"))
}

fn list(global: &Global) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::GuidelineList))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["platform", "version", "since", "by", "lines", "approved", "by an old text"]);
    for row in value["guidelines"].as_array().into_iter().flatten() {
        let cells = ["platform", "version", "at", "by", "lines", "approved", "by_another"];
        table.add_row(cells.map(|key| print::word(&row[key])));
    }
    print::line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn edit(global: &Global, platform: &str) -> Done {
    // Where the library alone knows its platforms it says itself what is wrong.
    let known = own_text::vocabulary(global);
    let read = |text: &str| {
        let parse = |known| Guideline::parse(platform, text, known).map(drop).map_err(|e| e.0);
        known.as_ref().map_or(Ok(()), parse)
    };
    let file = format!("{platform}.md");
    let own = OwnText {
        file: &file,
        get: Command::GuidelineShow { platform: platform.to_owned() },
        read: &own_text::utf8,
        check: &read,
        put: &|text, base| Command::GuidelinePut { platform: platform.to_owned(), text, base: Some(base) },
    };
    if let Some(done) = own_text::change(global, own)?.filter(|_| !global.json) {
        say(&done)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn stale(global: &Global, platform: String, mark: bool) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::GuidelineStale { platform, mark }))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = value["assets"].as_array().map_or(&[][..], Vec::as_slice);
    for row in rows {
        print::line(&print::word(if row["path"].is_null() { &row["id"] } else { &row["path"] }))?;
    }
    let count = value["count"].as_u64().unwrap_or_default();
    let more = count.saturating_sub(rows.len() as u64);
    if more > 0 {
        print::line(&format!("and {more} more"))?;
    }
    let deed = if mark { "marked stale" } else { "approved by another text" };
    print::line(&format!("{deed}: {count}"))?;
    Ok(ExitCode::SUCCESS)
}
