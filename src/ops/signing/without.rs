//! In place of `crate::c2pa`, where it is not built: nobody has credentials.

use crate::media::{Claim, SignerId, StillFormat};
use crate::types::Timestamp;

#[derive(Debug)]
pub enum Credentials {}

impl Credentials {
    pub fn read(_: &[u8], _: &[u8]) -> Result<Self, String> {
        Err("this damfs is built without signatures; build it with `cargo build --release --workspace --features c2pa`"
            .to_owned())
    }

    pub const fn id(&self) -> SignerId {
        match *self {}
    }

    pub const fn subject(&self) -> &str {
        match *self {}
    }

    pub const fn ends(&self) -> Timestamp {
        match *self {}
    }

    pub const fn out_of_date(&self, _: Timestamp) -> Option<String> {
        match *self {}
    }
}

pub const fn seal(_: &[u8], _: StillFormat, _: &Claim<'_>, by: &Credentials) -> Result<Vec<u8>, String> {
    match *by {}
}

pub const fn manifest_of(_: &[u8]) -> Option<String> {
    None
}
