//! Generated programs and people, at work on one library: everything that names, bytes, assets, versions and the trash come to is compared
//! with the reference after each call, and again after crashes and remounts.

mod bench;
mod names;
mod ops;
mod reference;
mod tagging;
mod tags;
mod views;

use proptest::prelude::*;

use self::bench::Bench;
use self::ops::op;

/// So many cases in an ordinary run; `PROPTEST_CASES` asks for more.
fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        max_shrink_iters: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn assets_stay_with_their_names(ops in prop::collection::vec(op(), 1..50)) {
        let mut bench = Bench::new();
        for op in &ops {
            bench.run(op)?;
        }
        bench.end()?;
    }
}
