//! `dam completions` and `dam man`, made from the one definition of the arguments; and what shells ask while a query is typed.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::{Cli, CompleteArgs, CompletionsArgs, Global, ManArgs};
use super::backend::{self, Backend};
use super::{Done, failed, print};
use crate::ops::proto::Command;

/// Prints a shell's completions: those of commands and options, and in front of them those of fields and values.
pub fn completions(args: &CompletionsArgs) -> Done {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dam", &mut text);
    text.extend_from_slice(match args.shell {
        Shell::Bash => include_bytes!("complete/dam.bash").as_slice(),
        Shell::Fish => include_bytes!("complete/dam.fish").as_slice(),
        Shell::Zsh => include_bytes!("complete/dam.zsh").as_slice(),
        _ => &[],
    });
    print::out(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what the last word of a command line may become, a line each. Nothing when that is no query, and whatever is wrong: a shell that
/// completes is no place for errors.
pub fn complete(global: &Global, args: &CompleteArgs) -> Done {
    let Some(asked) = Asked::of(&args.words) else { return Ok(ExitCode::SUCCESS) };
    let global = Global { library: asked.library.or(global.library.clone()), ..global.clone() };
    let answer = backend::root(&global, &[]).and_then(|root| Backend::open(&global, &root)).and_then(|mut backend| {
        backend.run(Command::Complete { begun: format!("{}{}", asked.hidden, asked.begun) }, None)
    });
    let Ok(answer) = answer else { return Ok(ExitCode::SUCCESS) };
    let words = answer["words"].as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(|word| word.as_str());
    let lines: String = words
        .filter(|word| !word.contains(char::is_control))
        .filter_map(|word| word.strip_prefix(asked.hidden))
        .map(|word| format!("{}{word}\n", asked.quote))
        .collect();
    print::out(lines.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What is asked of a command line.
struct Asked<'w> {
    /// What the word stands for in a query, in front of it: `tag=`.
    hidden: &'static str,
    begun: &'w str,
    /// The quote that the word begins with.
    quote: &'w str,
    library: Option<PathBuf>,
}

impl<'w> Asked<'w> {
    fn of(words: &'w [String]) -> Option<Self> {
        let (last, before) = words.split_last()?;
        let (quote, begun) = if last.starts_with(['\'', '"']) { last.split_at(1) } else { ("", last.as_str()) };
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        let library = before.windows(2).find(|pair| pair[0] == "--library").map(|pair| PathBuf::from(pair[1]));
        let is_plain = |pair: &&[&str]| !pair[1].starts_with('-') && pair[0] != "--library";
        let mut plain = before.windows(2).filter(is_plain).map(|pair| pair[1]);
        let command = plain.next()?;
        let is_query = matches!(before.last(), Some(&("--query" | "-q" | "--scope")));
        let is_set = matches!(before.last(), Some(&"--set")) || command == "set" && !begun.contains('/');
        let hidden = match command {
            _ if is_query || is_set => "",
            _ if begun.starts_with('-') => return None,
            "find" => "",
            "tag" if plain.count() == 1 => "tag=",
            _ => return None,
        };
        Some(Self { hidden, begun, quote, library })
    }
}

/// Prints `dam(1)`, or writes every page.
pub fn man(args: &ManArgs) -> Done {
    let wrong = |e: std::io::Error| failed(format!("cannot write the manual: {e}"), "choose a folder that exists");
    if let Some(folder) = &args.dir {
        fs::create_dir_all(folder).map_err(wrong)?;
        clap_mangen::generate_to(Cli::command(), folder).map_err(wrong)?;
    } else {
        let mut text = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(wrong)?;
        print::out(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::Asked;

    fn asked(line: &str) -> Option<(String, String)> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Asked::of(&words).map(|asked| (format!("{}{}", asked.hidden, asked.begun), asked.quote.to_owned()))
    }

    #[test]
    fn queries_values_and_tags_are_completed_and_nothing_else() {
        let query = |text: &str| Some((text.to_owned(), String::new()));
        assert_eq!(asked("dam find per"), query("per"));
        assert_eq!(asked("dam --json find "), query(""));
        assert_eq!(asked("dam find 'persona=lu"), Some(("persona=lu".into(), "'".into())));
        assert_eq!(asked("dam tag add be"), query("tag=be"));
        assert_eq!(asked("dam tag add beach -q per"), query("per"));
        assert_eq!(asked("dam set a.png rat"), query("rat"));
        assert_eq!(asked("dam import x --set per"), query("per"));
        for line in ["dam find --so", "dam tag a", "dam tag add beach li", "dam show li", "dam set library/lu", "dam"] {
            assert_eq!(asked(line), None, "{line}");
        }
    }
}
