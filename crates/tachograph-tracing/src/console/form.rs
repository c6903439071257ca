//! What both forms of a line have in common.

use tracing::Event;

use crate::core::{Core, lock};
use crate::identity::{Identity, SHOWN};

/// How many spans of a chain are printed; the innermost.
const CHAIN: usize = 64;

/// The spans that an event is in, the innermost first.
#[derive(Debug, Default)]
pub(crate) struct Chain(pub(crate) Vec<Link>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) name: &'static str,
    /// Its fields, in the console's form.
    pub(crate) printed: String,
}

impl Chain {
    /// Collects a span and those around it, as long as they live.
    pub(super) fn collect(&mut self, core: &Core, number: u64) {
        let mut next = number;
        while self.0.len() < CHAIN
            && let Some(slot) = core.table.get(next)
        {
            if slot.bits() & SHOWN != 0
                && let Some(inner) = lock(next, slot)
                && let Some(metadata) = slot.metadata()
            {
                self.0.push(Link { name: metadata.name(), printed: inner.extras.printed.clone() });
            }
            next = slot.parent();
        }
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
