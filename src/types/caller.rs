//! Who asks.

/// Who asks, as the kernel says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Thread group (process) id of the asking thread; 0 when it is not known (then name and time alone decide).
    pub process: u32,
}
