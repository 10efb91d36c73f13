//! libFuzzer's end of `targets`: one program for all of them, for linking one takes a minute. `DAMFS_FUZZ` names the target.
#![no_main]

mod targets;

use std::sync::OnceLock;

use libfuzzer_sys::{Corpus, fuzz_target};

static TARGET: OnceLock<fn(&[u8]) -> bool> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("DAMFS_FUZZ").expect("DAMFS_FUZZ names the target");
        let (_, target) = targets::ALL.iter().find(|(known, _)| *known == name).expect("a target of that name");
        TARGET.set(*target).expect("set once");
        // A panic of a decoder is caught where it is called, and makes a damaged file. One of ours is a finding, caught or not.
        let told = std::panic::take_hook();
        let by_others = |file: &str| file.contains("/registry/src/") || file.contains("/rustc/");
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.location().is_some_and(|at| by_others(at.file())) {
                told(panic);
            }
        }));
    },
    |bytes: &[u8]| -> Corpus {
        match TARGET.get() {
            Some(target) if target(bytes) => Corpus::Keep,
            _ => Corpus::Reject,
        }
    }
);
