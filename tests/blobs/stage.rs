//! Staging files hold what a vector would, whatever is written, cut, zeroed and reopened; and what was synced survives torn writes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use damfs::blob::{BlobError, MemoryStore, Stage, StageDir, Vault};
use damfs::crypto::Keyring;
use damfs::types::{Content, NodeId, ReadAt, Timestamp};
use proptest::prelude::*;

use super::{entropy, keyring, noise};

pub(super) const NODE: NodeId = NodeId(77);

#[derive(Debug, Clone)]
enum Op {
    Write(u32, u16, u8),
    SetLen(u32),
    Zero(u32, u32),
    Sync,
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (0u32..60_000, 1u16..20_000, any::<u8>()).prop_map(|(o, n, b)| Op::Write(o, n, b)),
        2 => (0u32..70_000).prop_map(Op::SetLen),
        2 => (0u32..60_000, 0u32..30_000).prop_map(|(o, n)| Op::Zero(o, n)),
        1 => Just(Op::Sync),
        2 => Just(Op::Reopen),
    ]
}

pub(super) struct Lab {
    pub(super) dir: StageDir,
    keys: Arc<Keyring>,
    vault: Arc<Vault>,
    base: Option<Content>,
}

impl Lab {
    pub(super) fn new(root: &Path, base: &[u8]) -> Self {
        let keys = keyring();
        let vault = Arc::new(Vault::new(Arc::new(MemoryStore::default()), keys.clone(), entropy()));
        let base = (!base.is_empty()).then(|| vault.add(&base.to_vec()).unwrap());
        Self { dir: StageDir::open(root, keys.clone(), entropy()).unwrap(), keys, vault, base }
    }

    /// The folder opened by another process.
    pub(super) fn anew(&self, root: &Path) -> Self {
        let dir = StageDir::open(root, self.keys.clone(), entropy()).unwrap();
        Self { dir, keys: self.keys.clone(), vault: self.vault.clone(), base: self.base.clone() }
    }

    pub(super) fn begin(&self) -> Stage {
        let base = self.base.as_ref().map(|c| (c.id, self.vault.open(c)));
        self.dir.create(NODE, base, Timestamp::EPOCH).unwrap()
    }

    pub(super) fn try_reopen(&self) -> Result<Option<Stage>, BlobError> {
        self.dir.recover(NODE, &mut |id| match &self.base {
            Some(base) if base.id == id => Ok(self.vault.open(base)),
            _ => Err(BlobError::Missing(id.to_string())),
        })
    }

    pub(super) fn reopen(&self) -> Stage {
        self.try_reopen().unwrap().unwrap()
    }
}

pub(super) fn all(stage: &Stage) -> Vec<u8> {
    let mut out = vec![0xAA; usize::try_from(stage.len()).unwrap() + 10];
    let got = stage.read_at(0, &mut out).unwrap();
    out.truncate(got);
    out
}

fn holes_are_zero(stage: &Stage, bytes: &[u8]) {
    let len = bytes.len() as u64;
    let mut at = 0;
    while at < len {
        let data = stage.seek_data(at).unwrap_or(len);
        let (from, to) = (usize::try_from(at).unwrap(), usize::try_from(data).unwrap());
        assert!(bytes[from..to].iter().all(|b| *b == 0), "a hole from {from} to {to} holds something");
        at = stage.seek_hole(data).max(data);
        assert!(data == len || at > data, "data at {data} has a length");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_vector(base in 0usize..50_000, ops in prop::collection::vec(op(), 1..25)) {
        let root = tempfile::tempdir().unwrap();
        let mut model = noise(base, 9);
        let lab = Lab::new(root.path(), &model);
        let mut stage = lab.begin();
        for (n, op) in ops.iter().enumerate() {
            let now = Timestamp::from_secs(i64::try_from(n).unwrap());
            match op {
                Op::Write(at, len, byte) => {
                    let (at, len) = (usize::try_from(*at).unwrap(), usize::from(*len));
                    stage.write_at(at as u64, &vec![*byte; len], now).unwrap();
                    model.resize(model.len().max(at + len), 0);
                    model[at..at + len].fill(*byte);
                }
                Op::SetLen(len) => {
                    stage.set_len(u64::from(*len), now).unwrap();
                    model.resize(usize::try_from(*len).unwrap(), 0);
                }
                Op::Zero(at, len) => {
                    stage.zero_range(u64::from(*at), u64::from(*len), now).unwrap();
                    let from = usize::try_from(*at).unwrap().min(model.len());
                    let to = (from + usize::try_from(*len).unwrap()).min(model.len());
                    model[from..to].fill(0);
                }
                Op::Sync => stage.sync(false).unwrap(),
                Op::Reopen => {
                    drop(stage);
                    stage = lab.reopen();
                }
            }
            prop_assert_eq!(stage.len(), model.len() as u64);
            prop_assert!(all(&stage) == model, "after {:?}", op);
            holes_are_zero(&stage, &model);
        }
    }
}

#[test]
fn a_torn_record_at_the_end_was_never_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    let mut stage = lab.begin();
    stage.write_at(0, b"kept", Timestamp::EPOCH).unwrap();
    drop(stage);
    let index = root.path().join("77.idx");
    let mut bytes = fs::read(&index).unwrap();
    bytes.extend_from_slice(&[7; 50]);
    fs::write(&index, &bytes).unwrap();
    let mut stage = lab.reopen();
    assert_eq!(all(&stage), b"kept");
    stage.write_at(4, b" on", Timestamp::EPOCH).unwrap();
    drop(stage);
    assert_eq!(all(&lab.reopen()), b"kept on");
}

#[test]
fn a_torn_rewrite_falls_back_to_what_was_synced() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    let mut stage = lab.begin();
    stage.write_at(0, &[1; 4096], Timestamp::EPOCH).unwrap();
    stage.sync(false).unwrap();
    for byte in 2..6 {
        stage.write_at(0, &[byte; 4096], Timestamp::EPOCH).unwrap();
    }
    drop(stage);
    // The power cut: the index reached the disk, the newest slots did not.
    let data = root.path().join("77.dat");
    let mut bytes = fs::read(&data).unwrap();
    bytes[4096..].fill(0);
    fs::write(&data, &bytes).unwrap();
    assert_eq!(all(&lab.reopen()), [1; 4096], "the synced bytes are there");
}

#[test]
fn plain_bytes_are_not_on_the_disk() {
    let root = tempfile::tempdir().unwrap();
    let lab = Lab::new(root.path(), b"");
    let mut stage = lab.begin();
    stage.write_at(0, b"a very secret prompt", Timestamp::EPOCH).unwrap();
    stage.sync(false).unwrap();
    for file in ["77.dat", "77.idx"] {
        let bytes = fs::read(root.path().join(file)).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"secret"), "{file}");
    }
    assert_eq!(lab.dir.list().unwrap(), [NODE]);
    lab.dir.remove(NODE).unwrap();
    lab.dir.remove(NODE).unwrap();
    assert_eq!(lab.dir.list().unwrap(), []);
}
