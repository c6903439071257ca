//! Which instrumentation scopes are one.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use opentelemetry::{InstrumentationScope, KeyValue};

use crate::attributes::{AttributeSet, AttributesHash, Seed};

/// A scope as the key of a map: it equals another if name, version, schema URL and attributes do.
///
/// Attributes are compared as those of series are: in any order, the last of equal keys, and floats by their bits. By the API's
/// comparison a scope with NaN does not even equal itself, and would be a new one each time it is asked for.
pub(crate) struct ScopeKey {
    scope: Arc<InstrumentationScope>,
    attributes: AttributeSet,
}

impl ScopeKey {
    pub(crate) fn new(scope: &Arc<InstrumentationScope>) -> Self {
        let attributes: Vec<KeyValue> = scope.attributes().cloned().collect();
        ScopeKey { scope: Arc::clone(scope), attributes: AttributeSet::new(&*attributes) }
    }

    fn names(&self) -> (&str, Option<&str>, Option<&str>) {
        (self.scope.name(), self.scope.version(), self.scope.schema_url())
    }
}

impl PartialEq for ScopeKey {
    fn eq(&self, other: &Self) -> bool {
        self.names() == other.names() && self.attributes == other.attributes
    }
}

impl Eq for ScopeKey {}

impl Hash for ScopeKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.names().hash(state);
        AttributesHash::of(Seed::of_process(), self.attributes.pairs()).hash(state);
    }
}
