//! What the subscriber of `tracing` is to be like.

use tachograph_tracing::{Console, Filter, SpanOptions};

use crate::environment::{Problem, Settings};

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
    pub(crate) fn settled(mut self, settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        if self.console.is_none() {
            let filter = settings.console.as_deref().map(Filter::parse).transpose();
            let filter = filter.unwrap_or_else(|error| {
                let message = format!("{error}; info is used");
                problems.push(Problem { variable: "RUST_LOG".into(), message });
                None
            });
            let console = Console::pretty();
            self.console = Some(Some(match filter {
                Some(filter) => console.with_filter(filter),
                None => console,
            }));
        }
        self
    }
}
