//! Asking a program about bytes: without a shell, with nothing of the daemon's, for a bounded time. It is the library owner's own program, which
//! needs its models and what else it knows, so no sandbox keeps it; what it says is read as a stranger's.

use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::ScreenInfo;
use crate::ops::own_programs::{end, prepared};
use crate::types::ReadAt;

/// Most bytes of an answer, and of its reason.
const ANSWER: u64 = 64 << 10;
const REASON: usize = 2_000;
/// Bytes that are handed over at once.
const CHUNK: usize = 1 << 20;
const LOOK: Duration = Duration::from_millis(20);

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    Pass,
    Flag,
    Refuse,
}

/// Its answer: what it says, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub answer: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Answer {
    /// Reads what it has printed. Whatever is not understood is no answer, and so is a no without a reason.
    pub(super) fn read(said: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(said).map_err(|e| format!("its answer is not understood: {e}"))?;
        let reason = read.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        let reason = reason.map(|reason| reason.replace(char::is_control, " ").chars().take(REASON).collect());
        if reason.is_none() && read.answer != Word::Pass {
            return Err("its answer has no reason".to_owned());
        }
        Ok(Self { reason, ..read })
    }
}

/// Runs it while that goes on: a line of JSON comes first on its standard input, the bytes behind it.
///
/// # Errors
/// Why there is no answer.
pub(super) fn ask(
    screen: &ScreenInfo,
    line: String,
    bytes: impl ReadAt + 'static,
    goes_on: impl Fn() -> bool,
) -> Result<Answer, String> {
    let mut command = prepared(&screen.command)?;
    let program = screen.command.first().map(String::as_str).unwrap_or_default();
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|e| format!("{program} cannot be run: {e}"))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (tell, told) = mpsc::channel();
    // Threads of their own, which nobody waits for: what the program has started may hold its pipes for ever.
    let write = move || {
        // Who does not want to read it all closes it.
        if let Some(mut to) = stdin {
            let _ = hand(&mut to, &line, &bytes);
        }
    };
    let read = move || {
        let _ = tell.send(stdout.and_then(|from| heard(from).ok()));
    };
    let threads = [std::thread::Builder::new().spawn(write), std::thread::Builder::new().spawn(read)];
    if let Some(e) = threads.into_iter().find_map(Result::err) {
        end(&mut child);
        return Err(format!("no thread can be made: {e}"));
    }
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if !goes_on() => {
                end(&mut child);
                return Err(format!("{program} was ended, for the library is being closed"));
            }
            Ok(None) if began.elapsed() < Duration::from_secs(screen.seconds) => std::thread::sleep(LOOK),
            Ok(None) => {
                end(&mut child);
                return Err(format!("{program} took more than {} seconds, and was ended", screen.seconds));
            }
            Err(e) => {
                end(&mut child);
                return Err(format!("{program} cannot be waited for: {e}"));
            }
        }
    };
    // What it has left running ends with it.
    end(&mut child);
    if !status.success() {
        return Err(format!("{program} ended with {status}"));
    }
    match told.recv_timeout(Duration::from_secs(1)) {
        Ok(Some(said)) if said.len() as u64 > ANSWER => {
            Err(format!("{program}: its answer is longer than {ANSWER} bytes"))
        }
        Ok(Some(said)) => Answer::read(&said).map_err(|why| format!("{program}: {why}")),
        Ok(None) | Err(_) => Err(format!("{program}: its answer cannot be read")),
    }
}

/// What it says, as far as an answer goes; the rest is heard and not kept, so that it ends in its own way.
fn heard(mut from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut said = Vec::new();
    from.by_ref().take(ANSWER + 1).read_to_end(&mut said)?;
    std::io::copy(&mut from, &mut std::io::sink())?;
    Ok(said)
}

fn hand(to: &mut impl Write, line: &str, bytes: &impl ReadAt) -> std::io::Result<()> {
    writeln!(to, "{line}")?;
    let (mut at, mut buf) = (0, vec![0; CHUNK]);
    loop {
        match bytes.read_at(at, &mut buf)? {
            0 => return to.flush(),
            count => {
                to.write_all(buf.get(..count).unwrap_or_default())?;
                at += count as u64;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_of_three_words_with_a_reason_for_each_no() {
        let pass = Answer { answer: Word::Pass, reason: None };
        assert_eq!(Answer::read(b"{\"answer\": \"pass\"}\n").unwrap(), pass);
        let flag = Answer::read(b"{\"answer\":\"flag\",\"reason\":\" a\\nlogo \"}").unwrap();
        assert_eq!((flag.answer, flag.reason.as_deref()), (Word::Flag, Some("a logo")));
        for none in [
            "",
            "pass",
            "{}",
            "null",
            "[]",
            "{\"answer\":\"PASS\"}",
            "{\"answer\":\"refuse\"}",
            "{\"answer\":\"flag\",\"reason\":\" \"}",
            "{\"answer\":\"pass\"} {\"answer\":\"pass\"}",
            "{\"answer\":\"pass\",\"score\":1}",
            "{\"answer\":\"pass\"",
            "\u{0}",
        ] {
            assert!(Answer::read(none.as_bytes()).is_err(), "{none}");
        }
        let long = format!("{{\"answer\":\"refuse\",\"reason\":\"{}\"}}", "x".repeat(9_000));
        assert_eq!(Answer::read(long.as_bytes()).unwrap().reason.unwrap().len(), REASON);
    }
}
