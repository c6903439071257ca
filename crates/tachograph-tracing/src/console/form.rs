//! What both forms of a line have in common.

use tracing::Event;

use crate::slot::Identity;

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
