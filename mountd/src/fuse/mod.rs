//! The kernel's side: requests in, `damfs::fs` called, replies out. Nothing outside this directory knows fuser.

mod adapter;
mod asker;
mod convert;
mod dispatch;
mod guard;
mod notify;
mod pool;
mod session;

pub use asker::program_of;
pub use pool::Pool;
pub use session::{Running, start};
