//! Which names are on a page: the strategy first, the negotiated escaping scheme second.

use crate::{EscapingScheme, TranslationStrategy};

/// A strategy and a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Naming {
    pub(crate) strategy: TranslationStrategy,
    pub(crate) scheme: EscapingScheme,
}

impl Naming {
    /// The naming of a page. Where the strategy leaves no scheme anything to do, all are one: what is
    /// learned for one serves the others.
    pub(crate) fn new(strategy: TranslationStrategy, scheme: EscapingScheme) -> Self {
        let scheme = if strategy.escapes() { EscapingScheme::Underscores } else { scheme };
        Naming { strategy, scheme }
    }
}
