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
