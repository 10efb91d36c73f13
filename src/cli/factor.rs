//! `dam unlock`, `dam lock` and `dam member totp`: the second factor.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use clap::Args;
use jiff::SignedDuration;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;

use super::args::Global;
use super::{Done, backend, failed, print, usage};
use crate::ops::proto::{Command, Failure};

#[derive(Debug, Args)]
pub struct UnlockArgs {
    /// For how long, twelve hours at most.
    #[arg(long = "for", value_name = "TIME", default_value = "15m")]
    pub duration: String,
}

/// Asks for a code and opens what is behind the second factor.
pub fn unlock(global: &Global, args: &UnlockArgs) -> Done {
    let length: Option<SignedDuration> = args.duration.parse().ok();
    let Some(seconds) = length.and_then(|length| u64::try_from(length.as_secs()).ok()) else {
        return Err(usage(format!("`{}` is no length of time", args.duration), "write --for 15m, or --for 2h"));
    };
    let code = ask("code: ")?;
    let value = backend::run(global, &[], |_| Ok(Command::Unlock { seconds, code }))?;
    if global.json {
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    print::line(&format!("unlocked until {}; earlier with: dam lock", print::word(&value["until"])))?;
    if value["recovery_left"].as_u64().is_some_and(|left| left < 3) {
        print::note(&format!(
            "{} recovery codes are left; new ones come with: dam member totp",
            value["recovery_left"]
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Closes it again.
pub fn lock(global: &Global) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::Lock))?;
    if global.json {
        print::json(&value)?
    } else {
        print::line("locked")?
    }
    Ok(ExitCode::SUCCESS)
}

/// Enrols a second factor of the caller.
pub fn enrol(global: &Global) -> Done {
    let begun = backend::run(global, &[], |_| Ok(Command::TotpBegin))?;
    let (uri, secret) = (print::word(&begun["uri"]), print::word(&begun["secret"]));
    // Data goes to stdout in the end; until then a person and his phone are spoken to.
    let code = QrCode::new(&uri).map_err(|e| failed(format!("cannot draw the code: {e}"), "report this"))?;
    let drawn = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    let shown =
        format!("{drawn}\n\nscan this with an authenticator app, or type the secret into it: {secret}\n{uri}\n\n");
    io::stderr().lock().write_all(shown.as_bytes()).map_err(untold)?;
    let code = ask("the code that it shows now: ")?;
    let done = backend::run(global, &[], |_| Ok(Command::TotpEnrol { secret, code }))?;
    if global.json {
        print::json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    print::line(
        "the second factor is enrolled. These codes stand for it when the phone is gone, once each; keep them apart from it:",
    )?;
    for code in done["recovery"].as_array().into_iter().flatten() {
        print::line(&format!("  {}", print::word(code)))?;
    }
    print::line("what is behind it is open after: dam unlock")?;
    Ok(ExitCode::SUCCESS)
}

/// Takes a second factor away.
pub fn remove(global: &Global, member: Option<String>) -> Done {
    let value = backend::run(global, &[], |_| Ok(Command::TotpRemove { member }))?;
    if global.json {
        print::json(&value)?;
    } else if value["removed"] == json!(true) {
        print::line(&format!("{} has no second factor any more", print::word(&value["member"])))?;
    } else {
        print::line(&format!("{} has none", print::word(&value["member"])))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A line from a person, or from a program that knows the code.
fn ask(question: &str) -> Result<String, Failure> {
    let mut err = io::stderr().lock();
    write!(err, "{question}").and_then(|()| err.flush()).map_err(untold)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(untold)?;
    match answer.trim() {
        "" => Err(usage("no code was given", "type it, or send it on standard input")),
        code => Ok(code.to_owned()),
    }
}

fn untold(e: io::Error) -> Failure {
    failed(format!("cannot ask for the code: {e}"), "run the command in a terminal, or send the code on standard input")
}
