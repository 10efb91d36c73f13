//! A keyed permutation of 56-bit numbers, so that inode numbers tell nothing of how many there are or which came first.

const HALF: u64 = (1 << 28) - 1;
const ROUNDS: usize = 8;

/// A Feistel network over two halves of 28 bits.
#[derive(Clone)]
pub struct Permutation {
    keys: [[u64; 2]; ROUNDS],
}

impl std::fmt::Debug for Permutation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Permutation")
    }
}

impl Permutation {
    /// The permutation of a key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        let mut bytes = [0u8; ROUNDS * 16];
        blake3::Hasher::new_keyed(&key).finalize_xof().fill(&mut bytes);
        let mut keys = [[0; 2]; ROUNDS];
        for (round, chunk) in keys.iter_mut().zip(bytes.chunks_exact(16)) {
            for (half, part) in round.iter_mut().zip(chunk.chunks_exact(8)) {
                let mut eight = [0; 8];
                eight.copy_from_slice(part);
                *half = u64::from_le_bytes(eight);
            }
        }
        Self { keys }
    }

    fn round(&self, at: usize, half: u64) -> u64 {
        // Multiply and fold, twice, with secret numbers (the mixing of wyhash): hides order, which is all it is for.
        let [a, b] = self.keys[at];
        let mix = |x: u64, y: u64| {
            let product = u128::from(x) * u128::from(y | 1);
            let bytes = product.to_le_bytes();
            let mut low = [0; 8];
            let mut high = [0; 8];
            low.copy_from_slice(&bytes[..8]);
            high.copy_from_slice(&bytes[8..]);
            u64::from_le_bytes(low) ^ u64::from_le_bytes(high)
        };
        (mix(mix(half ^ a, b), a ^ 0x9e37_79b9_7f4a_7c15) >> 17) & HALF
    }

    /// The number in place of this one; only the low 56 bits count.
    #[must_use]
    pub fn forward(&self, n: u64) -> u64 {
        let (mut left, mut right) = ((n >> 28) & HALF, n & HALF);
        for at in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(at, right));
        }
        (left << 28) | right
    }

    /// The number that this one stands for.
    #[must_use]
    pub fn back(&self, n: u64) -> u64 {
        let (mut left, mut right) = ((n >> 28) & HALF, n & HALF);
        for at in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(at, left), left);
        }
        (left << 28) | right
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Permutation;

    proptest! {
        #[test]
        fn it_is_a_bijection(key in any::<[u8; 32]>(), n in 0u64..1 << 56) {
            let p = Permutation::new(key);
            prop_assert_eq!(p.back(p.forward(n)), n);
            prop_assert_eq!(p.forward(p.back(n)), n);
            prop_assert!(p.forward(n) < 1 << 56);
        }
    }

    #[test]
    fn neighbours_land_far_apart() {
        let p = Permutation::new([7; 32]);
        assert!((1..1000).filter(|n| p.forward(*n) > p.forward(n - 1)).count() < 600);
    }
}
