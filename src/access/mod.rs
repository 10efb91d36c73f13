//! Stub until the real one is merged.
use crate::catalog::{Asset, Catalog};
use crate::types::MemberId;
use damfs_policy::{Decision, Expr, RoleBook, Subject, Verb};
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("{0}")]
    Stranger(String),
}
#[derive(Debug, Clone, Copy)]
pub enum Identity {
    Member(MemberId),
    Uid(u32),
}
#[derive(Debug)]
pub struct Who {
    pub id: MemberId,
    pub subject: Subject,
}
pub struct Gate {
    roles: RoleBook,
    catalog: Catalog,
}
impl Gate {
    #[must_use]
    pub fn new(catalog: Catalog, roles: RoleBook) -> Self {
        Self { roles, catalog }
    }
    #[must_use]
    pub fn roles(&self) -> &RoleBook {
        &self.roles
    }
    pub fn who(&self, _who: &Identity) -> Result<Arc<Who>, AccessError> {
        let _ = &self.catalog;
        Err(AccessError::Stranger("stub".into()))
    }
    #[must_use]
    pub fn decide(&self, who: &Who, _verb: Verb, _asset: &Asset) -> Decision {
        let _ = who;
        Decision { allowed: false, reason: String::new() }
    }
    #[must_use]
    pub fn filter(&self, who: &Who, verb: Verb) -> Expr {
        who.subject.filter(verb)
    }
}
