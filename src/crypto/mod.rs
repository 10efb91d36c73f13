//! Stub.
#[derive(Debug)]
pub struct Permutation;
