//! Which spans and events are wanted.

use std::cell::Cell;
use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layered, SubscriberExt};

/// Which spans and events are wanted: directives in the syntax of tracing-subscriber's `EnvFilter`.
///
/// `info`, `warn,my_crate=debug`, `my_crate::db[query{table=users}]=trace`, `off`. It is that crate's own implementation, so
/// that a line means here what it means there; and it does not read the environment.
///
/// A callsite that no directive can want is switched off once, and costs a load afterwards. Directives with a span
/// (in brackets) cost a lock for each span.
pub struct Filter {
    /// It needs a subscriber to be asked through. It gets one that knows nothing.
    directives: Layered<EnvFilter, Probe>,
    text: String,
    /// Whether there are directives with spans, which have to be told of all of them.
    scoped: bool,
    /// The level that is all there is to it, if that is so.
    uniform: Option<LevelFilter>,
}

/// Why directives were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    text: String,
    reason: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FilterError { text, reason } = self;
        write!(
            f,
            "the filter {text:?} is not understood: {reason}; directives are separated by commas and look like `info`, \
             `target=debug` or `target[span{{field=value}}]=trace`"
        )
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Reads directives. Nothing between commas is skipped; an empty line wants nothing but errors, as in `EnvFilter`.
    ///
    /// # Errors
    ///
    /// A directive that is not understood.
    pub fn parse(directives: &str) -> Result<Self, FilterError> {
        let filter = EnvFilter::builder()
            .parse(directives)
            .map_err(|error| FilterError { text: directives.to_owned(), reason: error.to_string() })?;
        Ok(Filter {
            directives: Probe.with(filter),
            text: directives.to_owned(),
            scoped: directives.contains('['),
            uniform: directives.trim().parse().ok().filter(|_| !directives.trim().is_empty()),
        })
    }

    /// Everything down to a level.
    pub fn level(level: LevelFilter) -> Self {
        Filter {
            directives: Probe.with(EnvFilter::default().add_directive(level.into())),
            text: level.to_string(),
            scoped: false,
            uniform: Some(level),
        }
    }

    /// Whether it has to be told of every span.
    pub(crate) fn is_scoped(&self) -> bool {
        self.scoped
    }

    pub(crate) fn max_level(&self) -> LevelFilter {
        self.uniform.unwrap_or_else(|| self.directives.max_level_hint().unwrap_or(LevelFilter::TRACE))
    }

    pub(crate) fn interest(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.uniform {
            Some(level) if *metadata.level() <= level => Interest::always(),
            Some(_) => Interest::never(),
            None => self.directives.register_callsite(metadata),
        }
    }

    #[inline]
    pub(crate) fn wants(&self, metadata: &Metadata<'_>) -> bool {
        match self.uniform {
            Some(level) => *metadata.level() <= level,
            None => self.directives.enabled(metadata),
        }
    }

    pub(crate) fn new_span(&self, attributes: &Attributes<'_>, number: u64) {
        if self.scoped {
            let _ = NEXT.try_with(|next| next.set(number));
            self.directives.new_span(attributes);
        }
    }

    pub(crate) fn record(&self, id: &Id, values: &Record<'_>) {
        if self.scoped {
            self.directives.record(id, values);
        }
    }

    #[inline]
    pub(crate) fn enter(&self, id: &Id) {
        if self.scoped {
            self.directives.enter(id);
        }
    }

    #[inline]
    pub(crate) fn exit(&self, id: &Id) {
        if self.scoped {
            self.directives.exit(id);
        }
    }

    #[inline]
    pub(crate) fn close(&self, id: &Id) {
        if self.scoped {
            self.directives.try_close(id.clone());
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.text).finish()
    }
}

thread_local! {
    /// The number that the next span of a probe has.
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// A subscriber for a filter to sit on.
struct Probe;

impl Subscriber for Probe {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        let number = NEXT.try_with(Cell::get).unwrap_or_default();
        Id::from_u64(number.max(1))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn try_close(&self, _: Id) -> bool {
        true
    }
}
