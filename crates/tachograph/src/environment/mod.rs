//! The environment: the one place that reads variables, and what they may say.

mod rules;
mod settings;
mod source;
mod traces;

pub(crate) use rules::Problem;
pub(crate) use settings::{Exporter, Settings};
pub use source::Environment;
