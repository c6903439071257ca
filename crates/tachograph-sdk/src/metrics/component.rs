//! The names of readers, as metrics about them have them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::{KeyValue, StringValue};

/// The numbers that components of a kind have while they live: the smallest that is free, so that readers made in passing do
/// not make ever more series.
#[derive(Default)]
pub(crate) struct Numbers(Mutex<BTreeSet<(Cow<'static, str>, u32)>>);

impl Numbers {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<(Cow<'static, str>, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A component's type and name: `otel.component.type` and `otel.component.name` of the semantic conventions.
pub(crate) struct Component {
    kind: Cow<'static, str>,
    number: u32,
    /// The two as attributes.
    pub(crate) attributes: [KeyValue; 2],
    numbers: Arc<Numbers>,
}

impl Component {
    pub(crate) fn new(kind: Cow<'static, str>, numbers: &Arc<Numbers>) -> Self {
        let number = {
            let mut taken = numbers.lock();
            let mut number = 0;
            while !taken.insert((kind.clone(), number)) {
                number += 1;
            }
            number
        };
        let name = StringValue::from(Arc::<str>::from(format!("{kind}/{number}")));
        let attributes =
            [KeyValue::new("otel.component.type", kind.clone()), KeyValue::new("otel.component.name", name)];
        Component { kind, number, attributes, numbers: Arc::clone(numbers) }
    }
}

impl Component {
    pub(crate) fn kind(&self) -> &Cow<'static, str> {
        &self.kind
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        self.numbers.lock().remove(&(self.kind.clone(), self.number));
    }
}
