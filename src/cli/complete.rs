//! `dam completions` and `dam man`: made from the one definition of the arguments.

use std::fs;
use std::process::ExitCode;

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::{Done, failed, print};

/// Prints a shell's completions.
pub fn completions(args: &CompletionsArgs) -> Done {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dam", &mut text);
    print::out(&text)?;
    Ok(ExitCode::SUCCESS)
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
