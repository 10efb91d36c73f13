//! How far a long command is, for people who look at it.

use std::io::IsTerminal;
use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Global;
use crate::ops::Listener;

/// A bar on the terminal, from the first time that there is something left to wait for.
pub struct Progress {
    shown: bool,
    bar: OnceLock<ProgressBar>,
}

impl Progress {
    pub fn new(global: &Global) -> Self {
        Self { shown: !global.json && std::io::stderr().is_terminal(), bar: OnceLock::new() }
    }

    /// Takes it away.
    pub fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

impl Listener for Progress {
    fn progress(&self, done: usize, of: usize) {
        if !self.shown || (done >= of && self.bar.get().is_none()) {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec}");
            ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(u64::try_from(of).unwrap_or(u64::MAX));
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    }
}
