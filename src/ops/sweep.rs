//! What time does: names that did not come back, scratch files that stayed, quiet files that become versions, the inbox.

use std::sync::Arc;

use super::{Library, OpsError};
use crate::view::identity::QUIET_MS;

/// One thing to do at each beat.
type Beat = fn(&Arc<Library>) -> Result<(), OpsError>;

impl Library {
    /// One beat; a daemon calls it four times a second. Troubles are logged, the next beat tries again.
    pub fn tick(self: &Arc<Self>) {
        let beats: &[(&str, Beat)] = &[
            ("the glossary", Self::sweep_glossary),
            ("the table of platforms", Self::sweep_platforms),
            ("the captions", Self::sweep_captions),
            ("settling", |l| l.settle_short(QUIET_MS).map(|_| ())),
            ("manifests", |l| l.pay_manifests()),
            ("tunnels", Self::sweep_tunnels),
            ("scratch files", Self::sweep_scratch),
            ("inbox", Self::sweep_inbox),
            ("the recovery window", Self::sweep_kept),
            ("thinning", Self::sweep_versions),
            ("keeping space back", |l| Ok(l.reserve.keep()?)),
        ];
        self.beat(beats);
    }

    /// One beat of what may not wait for anything else, as often.
    pub fn tick_short(self: &Arc<Self>) {
        self.beat(&[
            ("what is unlocked", Self::sweep_leases),
            ("hours and last days", Self::sweep_shifts),
            ("openings", |l| Ok(l.write_reads()?)),
            ("refusals", |l| Ok(l.write_denials()?)),
        ]);
    }

    fn beat(self: &Arc<Self>, beats: &[(&str, Beat)]) {
        for (what, beat) in beats {
            if let Err(e) = beat(self) {
                tracing::warn!(error = %e, "{what}: this beat failed; the next one tries again");
            }
        }
    }

    /// Makes the index that queries are answered by, unless there is one; a daemon asks for it now and then.
    pub fn index(&self) {
        if let Err(e) = self.catalog.index() {
            tracing::warn!(error = %e, "there is no index of queries; they are answered, and slower");
        }
    }
}
