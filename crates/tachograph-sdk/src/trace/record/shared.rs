use std::sync::Arc;

use opentelemetry::InstrumentationScope;

use crate::diag;
use crate::resource::Resource;
use crate::sync::{AppendVec, Mutex, lock};

/// How many scopes a provider tells apart; the spans of further ones are of a scope without a name.
const SCOPES: usize = 10_000;

/// What the spans of one provider have in common: the resource, and the scopes by number.
#[derive(Clone)]
pub struct SpanShared(Arc<Shared>);

struct Shared {
    resource: Resource,
    /// The first is the one without a name.
    scopes: AppendVec<InstrumentationScope>,
    adding: Mutex<()>,
}

impl SpanShared {
    pub(crate) fn new(resource: Resource) -> Self {
        let scopes = AppendVec::new();
        let _ = scopes.push(InstrumentationScope::default());
        SpanShared(Arc::new(Shared { resource, scopes, adding: Mutex::new(()) }))
    }

    /// What the spans are about.
    pub fn resource(&self) -> &Resource {
        &self.0.resource
    }

    /// A scope by its number; see [`SpanRecord::scope_index`](super::SpanRecord::scope_index). An unknown number is
    /// the scope without a name.
    pub fn scope(&self, index: u32) -> &InstrumentationScope {
        let scopes = &self.0.scopes;
        scopes.get(index as usize).or_else(|| scopes.get(0)).unwrap_or(nameless())
    }

    /// The number of a scope, which it gets if it has none.
    pub(crate) fn number_of(&self, scope: InstrumentationScope) -> u32 {
        {
            let _only = lock(&self.0.adding);
            if let Some(index) = self.0.scopes.iter().position(|known| same(known, &scope)) {
                return index as u32;
            }
            if self.0.scopes.len() < SCOPES {
                return self.0.scopes.push(scope).unwrap_or(0) as u32;
            }
        }
        diag::report(
            "scope.limit",
            "",
            format_args!(
                "there are {SCOPES} instrumentation scopes; spans of {:?} and further ones are exported without a \
                 scope: make tracers once, not for each call with another name",
                scope.name()
            ),
        );
        0
    }
}

/// Equality that takes the schema and the attributes' values into account.
fn same(a: &InstrumentationScope, b: &InstrumentationScope) -> bool {
    a == b && a.attributes().zip(b.attributes()).all(|(a, b)| a == b)
}

fn nameless() -> &'static InstrumentationScope {
    static NAMELESS: std::sync::OnceLock<InstrumentationScope> = std::sync::OnceLock::new();
    NAMELESS.get_or_init(InstrumentationScope::default)
}

impl std::fmt::Debug for SpanShared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpanShared")
            .field("resource", &self.0.resource)
            .field("scopes", &self.0.scopes.len())
            .finish()
    }
}
