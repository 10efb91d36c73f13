//! What people do with a library: import, versions, members, checks. The command line and the daemon call the same functions.

pub mod proto;
