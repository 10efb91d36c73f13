//! A tree over the rows of a chain (RFC 9162): its root stands for all of them in their order, and a proof shows one of them to be the n-th
//! without telling anything of the others but digests. Who holds a root of earlier holds whoever shows him rows of it later to that.

use ring::digest::{Context, SHA256};

/// SHA-256.
pub type Digest = [u8; 32];

/// What stands for nothing.
pub const EMPTY: Digest = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut digest = [0; 32];
    digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    digest
}

/// A row in the tree, by its hash in the chain.
fn leaf(row: &Digest) -> Digest {
    digest(&[&[0], row])
}

fn node(left: &Digest, right: &Digest) -> Digest {
    digest(&[&[1], left, right])
}

/// A tree that grows row by row and keeps the way up of those alone that are asked for.
#[derive(Debug, Default)]
pub struct Growing {
    /// Whole trees, the larger first, as the bits of the number of rows.
    peaks: Vec<Peak>,
    proofs: Vec<Vec<Digest>>,
    rows: u64,
}

#[derive(Debug)]
struct Peak {
    digest: Digest,
    rows: u64,
    /// Whose way up leads through it.
    through: Vec<usize>,
}

impl Growing {
    /// The next row; `kept` when it is to be proved.
    pub fn push(&mut self, row: &Digest, kept: bool) {
        let through = if kept {
            self.proofs.push(Vec::new());
            vec![self.proofs.len() - 1]
        } else {
            Vec::new()
        };
        self.rows += 1;
        let mut last = Peak { digest: leaf(row), rows: 1, through };
        while let Some(left) = self.peaks.pop_if(|left| left.rows == last.rows) {
            last = self.join(left, last);
        }
        self.peaks.push(last);
    }

    /// Number and proofs of rows, and the root.
    #[must_use]
    pub fn finish(mut self) -> (u64, Digest, Vec<Vec<Digest>>) {
        let Some(mut last) = self.peaks.pop() else { return (0, EMPTY, Vec::new()) };
        while let Some(left) = self.peaks.pop() {
            last = self.join(left, last);
        }
        (self.rows, last.digest, self.proofs)
    }

    fn join(&mut self, mut left: Peak, right: Peak) -> Peak {
        for (through, other) in [(&left.through, right.digest), (&right.through, left.digest)] {
            for at in through {
                if let Some(proof) = self.proofs.get_mut(*at) {
                    proof.push(other);
                }
            }
        }
        left.through.extend(right.through);
        Peak {
            digest: node(&left.digest, &right.digest),
            rows: left.rows.saturating_add(right.rows),
            through: left.through,
        }
    }
}

/// Whether a row is the one of that number, from 1 on, among so many under a root.
#[must_use]
pub fn proves(row: &Digest, number: u64, rows: u64, root: &Digest, proof: &[Digest]) -> bool {
    if number == 0 || number > rows {
        return false;
    }
    let (mut at, mut last, mut digest) = (number - 1, rows - 1, leaf(row));
    for other in proof {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            digest = node(other, &digest);
            while at % 2 == 0 && at != 0 {
                (at, last) = (at / 2, last / 2);
            }
        } else {
            digest = node(&digest, other);
        }
        (at, last) = (at / 2, last / 2);
    }
    last == 0 && digest == *root
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use super::*;

    fn row(n: u64) -> Digest {
        *blake3::hash(&n.to_le_bytes()).as_bytes()
    }

    /// As RFC 9162 defines it.
    fn root(rows: &[Digest]) -> Digest {
        match rows {
            [] => digest(&[]),
            [row] => leaf(row),
            _ => {
                let half = rows.len().next_power_of_two() / 2;
                node(&root(&rows[..half]), &root(&rows[half..]))
            }
        }
    }

    #[test]
    fn each_row_of_each_tree_is_proved_and_no_other() {
        assert_eq!(Growing::default().finish(), (0, root(&[]), Vec::new()));
        for count in 1..70 {
            let rows: Vec<Digest> = (0..count).map(row).collect();
            let mut tree = Growing::default();
            // All but every third.
            rows.iter().enumerate().for_each(|(at, row)| tree.push(row, at % 3 != 2));
            let (len, top, proofs) = tree.finish();
            assert_eq!((len, top), (count, root(&rows)), "{count}");
            let kept = (0..count).filter(|at| at % 3 != 2);
            for (at, proof) in kept.zip(&proofs) {
                let row = &rows[at as usize];
                assert!(proves(row, at + 1, len, &top, proof), "{at} of {count}");
                assert!(!proves(&super::tests::row(999), at + 1, len, &top, proof));
                assert!(!proves(row, at, len, &top, proof) && !proves(row, at + 2, len, &top, proof));
                assert!(!proves(row, at + 1, len, &root(&[]), proof));
                for cut in 0..proof.len() {
                    assert!(!proves(row, at + 1, len, &top, &proof[..cut]), "{at} of {count}");
                    let mut other = proof.clone();
                    other[cut][0] ^= 1;
                    assert!(!proves(row, at + 1, len, &top, &other));
                }
                assert!(!proves(row, at + 1, len, &top, &[&proof[..], &[top]].concat()));
            }
        }
    }
}
