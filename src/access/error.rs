//! Why someone is nobody here.

use crate::catalog::CatalogError;
use crate::policy::{ExprError, RolesError};
use crate::types::{MemberId, Timestamp};

/// Why someone is nobody here. Whoever meets one is shown nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No member has this user id.
    #[error(
        "user id {uid} is no member of this library; an admin adds one with `dam member add NAME --uid {uid} --role ROLE`"
    )]
    Stranger { uid: u32 },
    /// No member has this id.
    #[error("member {0} is not in this library")]
    Gone(MemberId),
    /// The member was put out of service.
    #[error("member {name} is not active; an admin can let him in again with `dam member set {name} --active true`")]
    Inactive { name: String },
    /// His last day is over.
    #[error("member {name} was one until {end}; an admin can let him in again with `dam member set {name} --ends DAY`")]
    Ended { name: String, end: Timestamp },
    /// He has no role of his own, and is in no group that gives him one.
    #[error(
        "member {name} has no role of his own and is in no group that gives one; an admin gives him one with `dam member set {name} --role ROLE`"
    )]
    Roleless { name: String },
    /// Nobody knows what his groups are.
    #[error(
        "user id {uid} is no member of this library, and its groups cannot be asked for now: {why}; try again in a moment"
    )]
    Unasked { uid: u32, why: String },
    /// What a group gives cannot be read. Without it its people might see too much, so they see nothing.
    #[error("group {group}: {why}; set what it gives again with `dam member set --group {group}`")]
    BadGrant { group: String, why: String },
    /// The member's role is not in the role file.
    #[error("member {name}: {why}; give him another role with `dam member set {name} --role ROLE`")]
    UnknownRole { name: String, why: RolesError },
    /// The member's scope is no query. Without it he would see too much, so he sees nothing.
    #[error("member {name}: his scope `{scope}` cannot be read: {why}; set it again with `dam member set`")]
    BadScope { name: String, scope: String, why: ExprError },
    /// The catalogue failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}
