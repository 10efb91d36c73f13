//! What a decision costs: gate ROUNDS. Decides a verb by a role of fifty rules for assets of many kinds, and prints the median and the
//! 99th of a hundred of all decisions, in nanoseconds.
#![allow(clippy::print_stdout, reason = "a program for figures")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use damfs::policy::expr::MapFacts;
use damfs::policy::{Field, RoleBook, Subject, Verb};

/// Decisions that are timed as one: the clock itself takes as long as one of them.
const AT_ONCE: usize = 64;
const ASSETS: usize = 1000;

/// Half of the rules allow, half deny; the last of each says it of most assets.
fn roles() -> String {
    let rules = |of: &str| {
        let rule = |n: usize| format!("client={of}{n},tag=t{n}+u{n},not.rating=adult,width={n}..max");
        (0..25).map(rule).collect::<Vec<_>>().join(";")
    };
    let (allow, deny) = (rules("c"), rules("d"));
    format!(
        "[role.measured.allow]\nlist = \"any({allow})\"\ndownload = \"any({allow})\"\n[role.measured.deny]\ndownload = \"any({deny})\"\n"
    )
}

fn asset(n: usize) -> Result<MapFacts, Box<dyn Error>> {
    let mut facts = MapFacts::default();
    let texts = [
        ("client", format!("c{}", n % 50)),
        ("tag", format!("t{}", n % 50)),
        ("rating", ["safe", "suggestive", "adult"][n % 3].to_owned()),
    ];
    for (field, value) in texts {
        facts.texts.insert(Field::parse(field).ok_or("no such field")?, vec![value]);
    }
    facts.numbers.insert(Field::Width, i64::try_from(n)?);
    Ok(facts)
}

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = std::env::args().nth(1).ok_or("usage: gate ROUNDS")?.parse()?;
    let book = RoleBook::parse(&roles())?;
    let subject = Subject::new("mira", book.find("measured")?, None);
    let assets = (0..ASSETS).map(asset).collect::<Result<Vec<_>, _>>()?;
    let mut times = Vec::with_capacity(rounds * ASSETS);
    for _ in 0..rounds {
        for facts in &assets {
            let begun = Instant::now();
            for _ in 0..AT_ONCE {
                black_box(subject.allows(Verb::Download, black_box(facts)));
            }
            times.push(begun.elapsed().as_nanos() / AT_ONCE as u128);
        }
    }
    times.sort_unstable();
    println!("{} {}", times[times.len() / 2], times[times.len() * 99 / 100]);
    Ok(())
}
