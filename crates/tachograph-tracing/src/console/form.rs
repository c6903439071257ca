//! What both forms of a line have in common.

use tachograph_sdk::ValueRef;
use tachograph_sdk::trace::SpanAttributes as _;
use tracing::{Event, Metadata};

use crate::core::{Core, lock};
use crate::identity::{Identity, SHOWN};
use crate::slot::Inner;

/// How many spans of a chain are printed; the innermost.
const CHAIN: usize = 64;

/// The spans that an event is in, the innermost first.
#[derive(Debug, Default)]
pub(super) struct Chain(Vec<Link>);

/// One of them.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) name: &'static str,
    /// Its fields, in the console's form.
    pub(super) printed: String,
}

impl Chain {
    /// Collects a span and those around it, as long as they live, with their fields as `print` writes them.
    pub(super) fn collect(&mut self, core: &Core, number: u64, print: impl Fn(&mut String, &SpanFields<'_>)) {
        let mut next = number;
        while self.0.len() < CHAIN
            && let Some(slot) = core.table.get(next)
        {
            if slot.bits() & SHOWN != 0
                && let Some(inner) = lock(next, slot)
                && let Some(metadata) = slot.metadata()
            {
                let mut printed = String::new();
                print(&mut printed, &SpanFields { metadata, inner: &inner });
                self.0.push(Link { name: metadata.name(), printed });
            }
            next = slot.parent();
        }
    }
}

/// The fields of a span, where they were recorded or are held.
pub(super) struct SpanFields<'a> {
    metadata: &'static Metadata<'static>,
    inner: &'a Inner,
}

impl SpanFields<'_> {
    /// Yields each field, by name, with what is said of the errors below it. Not what others have set on the span.
    pub(super) fn visit(&self, visitor: &mut dyn FnMut(&str, ValueRef<'_>, &str)) {
        let SpanFields { metadata, inner } = self;
        let extras = &inner.extras;
        let mut field = |key: &str, value: ValueRef<'_>| match extras.causes.get(key) {
            Some(ValueRef::Str(causes)) => visitor(key, value, causes),
            _ => visitor(key, value, ""),
        };
        if inner.live.is_recording() {
            let is_field = |key: &str| metadata.fields().field(key).is_some();
            inner.live.recorded_attributes().visit(&mut |key, value| {
                if is_field(key) {
                    field(key, value);
                }
            });
        } else {
            extras.held.iter().for_each(|(key, value)| field(key, value));
        }
        extras.special.visit(&mut |key, text| visitor(key, ValueRef::Str(text), ""));
    }
}

/// What a line is made of.
pub(super) struct Line<'a> {
    pub(super) event: &'a Event<'a>,
    pub(super) identity: Option<Identity>,
    pub(super) chain: &'a Chain,
}

impl Line<'_> {
    /// The outermost first.
    pub(super) fn spans(&self) -> impl Iterator<Item = &Link> {
        self.chain.0.iter().rev()
    }
}
