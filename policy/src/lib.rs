//! The damfs query language, the roles written in it, the decisions they lead to, a
//! library's own words, which versions are kept, what is written beside what is posted, and what is worth an alert. Pure: no input, no output, no clock.

pub mod alerts;
pub mod captions;
pub mod expr;
mod frame_rates;
pub mod glossary;
pub mod guideline;
pub mod platforms;
pub mod roles;
mod source;
pub mod thinning;
pub mod workflow;

pub use alerts::{Alert, Alerts, AlertsError};
pub use captions::{Captions, CaptionsError, Post};
pub use expr::{
    COLOURS, Expr, ExprError, Facts, Field, FieldKind, Term, Test, Vocabulary, parse, parse_field, parse_value,
    parse_with,
};
pub use glossary::{Glossary, GlossaryError, Refusal};
pub use guideline::{Guideline, GuidelineError};
pub use platforms::{Adult, Fit, Placement, PlacementKind, Platforms};
pub use roles::{
    AdultGate, Case, CaseWho, Decision, Difference, Factor, Lock, Role, RoleBook, RolesError, Rule, SelfReview,
    Subject, Verb, When, moments,
};
pub use thinning::{ThinningError, ThinningRules};
pub use workflow::{Workflow, WorkflowError};
