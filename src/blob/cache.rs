//! Opened segments that were read lately, shared by every reader of a vault, up to a bound.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::frames::{Frame, SEGMENT};
use crate::types::ExtentId;

/// Most segments kept: 64 MiB.
const KEPT: usize = 1024;
/// Most headers kept.
const HEADERS: usize = 4096;

/// A segment of an extent.
type Key = (ExtentId, u64);

#[derive(Default)]
struct Inner {
    /// The bytes, and when they were last asked for.
    segments: HashMap<Key, (Arc<Vec<u8>>, u64)>,
    order: BTreeMap<u64, Key>,
    clock: u64,
    frames: HashMap<ExtentId, Arc<Frame>>,
}

/// The segments read lately.
#[derive(Default)]
pub(super) struct Cache(Mutex<Inner>);

impl Cache {
    fn held(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, extent: ExtentId, segment: u64) -> Option<Arc<Vec<u8>>> {
        let mut inner = self.held();
        inner.clock += 1;
        let now = inner.clock;
        let (bytes, at) = inner.segments.get_mut(&(extent, segment))?;
        let (bytes, old) = (bytes.clone(), std::mem::replace(at, now));
        inner.order.remove(&old);
        inner.order.insert(now, (extent, segment));
        Some(bytes)
    }

    pub(super) fn put(&self, extent: ExtentId, segment: u64, bytes: Arc<Vec<u8>>) {
        debug_assert!(bytes.len() <= SEGMENT);
        let mut inner = self.held();
        inner.clock += 1;
        let now = inner.clock;
        if let Some((_, old)) = inner.segments.insert((extent, segment), (bytes, now)) {
            inner.order.remove(&old);
        }
        inner.order.insert(now, (extent, segment));
        while inner.segments.len() > KEPT {
            let Some((_, key)) = inner.order.pop_first() else { break };
            inner.segments.remove(&key);
        }
    }

    pub(super) fn frame(&self, extent: ExtentId) -> Option<Arc<Frame>> {
        self.held().frames.get(&extent).cloned()
    }

    pub(super) fn forget_frame(&self, extent: ExtentId) {
        self.held().frames.remove(&extent);
    }

    pub(super) fn put_frame(&self, extent: ExtentId, frame: Arc<Frame>) {
        let mut inner = self.held();
        if inner.frames.len() >= HEADERS {
            inner.frames.clear();
        }
        inner.frames.insert(extent, frame);
    }
}
