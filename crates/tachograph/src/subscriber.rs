//! What the subscriber of `tracing` is to be like.

use tachograph_sdk::diag;
use tachograph_tracing::{Console, Filter, SpanOptions};

use crate::environment::{Problem, Settings};
use crate::error::Error;

/// What code and environment say of the subscriber.
#[derive(Debug, Default)]
pub(crate) struct SubscriberParts {
    pub(crate) options: SpanOptions,
    pub(crate) filter: Option<Filter>,
    /// `Some(None)` where there is to be no console.
    pub(crate) console: Option<Option<Console>>,
}

impl SubscriberParts {
    /// With a console, unless code decided about it.
    pub(crate) fn settled(mut self, settings: &Settings, strict: bool) -> Result<Self, Error> {
        if self.console.is_none() {
            let filter = settings.console.as_deref().map(Filter::parse).transpose();
            let filter = filter.or_else(|error| {
                let problem =
                    Problem { variable: "RUST_LOG".into(), message: format!("{error}; info is used") };
                if strict {
                    return Err(Error::environment(vec![problem]));
                }
                diag::report("environment", "RUST_LOG", &problem);
                Ok(None)
            })?;
            let console = Console::pretty();
            self.console = Some(Some(match filter {
                Some(filter) => console.with_filter(filter),
                None => console,
            }));
        }
        Ok(self)
    }
}
