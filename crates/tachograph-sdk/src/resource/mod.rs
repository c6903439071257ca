//! What telemetry is about: the service, its instance, its process.

mod detector;
mod schema;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::{KeyValue, Value};

use self::schema::Schema;
use crate::attributes::AttributeSet;
use crate::diag;
pub use detector::{ProcessDetector, ResourceDetector, SdkDetector, ServiceDetector};

/// What telemetry is about: attributes such as `service.name`, and the schema they follow.
///
/// [`Resource::default`] and [`Resource::builder`] begin with what the detectors of this module find:
/// `service.name` (`unknown_service:<executable>`), `service.instance.id` (random, one for each
/// process), `telemetry.sdk.*`, `process.pid` and the process' executable. [`Resource::builder_empty`]
/// begins with nothing.
///
/// ```
/// use tachograph_sdk::{KeyValue, Resource};
///
/// let resource = Resource::builder()
///     .with_service_name("shop")
///     .with_attribute(KeyValue::new("deployment.environment.name", "test"))
///     .build();
/// assert_eq!(resource.get("service.name"), Some(&"shop".into()));
/// assert_eq!(resource.get("telemetry.sdk.language"), Some(&"rust".into()));
/// ```
///
/// Follows the resource SDK specification.
#[derive(Clone, PartialEq)]
pub struct Resource {
    attributes: AttributeSet,
    schema_url: Option<Box<str>>,
}

impl Resource {
    /// Sets up a resource that begins with what this module's detectors find.
    pub fn builder() -> ResourceBuilder {
        Self::builder_empty()
            .with_detector(&SdkDetector)
            .with_detector(&ProcessDetector)
            .with_detector(&ServiceDetector)
    }

    /// Sets up a resource that begins empty.
    pub fn builder_empty() -> ResourceBuilder {
        ResourceBuilder { pairs: Vec::new(), schema: Schema::Absent }
    }

    /// This resource, updated by another: where both have a key, the value is the other's.
    ///
    /// The schema URL is that of whichever has one. If both have one and they differ, the attributes of
    /// the result follow no single schema: it has no URL, and that is reported.
    pub fn merge(&self, updating: &Resource) -> Resource {
        let mut builder = Self::builder_empty();
        for resource in [self, updating] {
            builder.pairs.extend(
                resource.attributes.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())),
            );
            builder.schema = builder.schema.merge(resource.schema_url());
        }
        builder.build()
    }

    /// The attributes.
    pub fn attributes(&self) -> &AttributeSet {
        &self.attributes
    }

    /// The value of an attribute.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }

    /// The URL of the schema that the attributes follow, if they follow one.
    pub fn schema_url(&self) -> Option<&str> {
        self.schema_url.as_deref()
    }
}

impl Default for Resource {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("attributes", &self.attributes)
            .field("schema_url", &self.schema_url)
            .finish()
    }
}

/// Sets up a [`Resource`]. What is added later replaces what was there under the same key.
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct ResourceBuilder {
    pairs: Vec<KeyValue>,
    schema: Schema,
}

impl ResourceBuilder {
    /// The service's name, `service.name`.
    pub fn with_service_name(self, name: impl Into<Value>) -> Self {
        self.with_attribute(KeyValue::new("service.name", name))
    }

    /// An attribute. One with an empty key is left out, and that is reported.
    pub fn with_attribute(mut self, attribute: KeyValue) -> Self {
        if attribute.key.as_str().is_empty() {
            diag::report(
                "resource.key",
                "",
                format_args!(
                    "a resource attribute of value {:?} has an empty key and was left out: name it, or remove it",
                    attribute.value.as_str()
                ),
            );
        } else {
            self.pairs.push(attribute);
        }
        self
    }

    /// Several attributes, each as by [`with_attribute`](Self::with_attribute).
    pub fn with_attributes(self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        attributes.into_iter().fold(self, Self::with_attribute)
    }

    /// What a detector finds. If it panics it has found nothing, and that is reported.
    pub fn with_detector(mut self, detector: &dyn ResourceDetector) -> Self {
        let detected = catch_unwind(AssertUnwindSafe(|| {
            (detector.detect(), detector.schema_url().map(Box::<str>::from))
        }));
        match detected {
            // Whoever found nothing says nothing of a schema either.
            Ok((attributes, _)) if attributes.is_empty() => self,
            Ok((attributes, schema_url)) => {
                self.schema = self.schema.merge(schema_url.as_deref());
                self.with_attributes(attributes)
            }
            Err(panic) => {
                diag::report(
                    "resource.detector",
                    "",
                    format_args!(
                        "a resource detector panicked: {}; the resource goes without what it would have found",
                        diag::text_of_panic(&*panic)
                    ),
                );
                diag::let_go(panic);
                self
            }
        }
    }

    /// The URL of the schema that all the attributes follow, whatever the detectors said.
    pub fn with_schema_url(mut self, url: impl Into<Box<str>>) -> Self {
        self.schema = Schema::Given(url.into());
        self
    }

    /// The resource.
    pub fn build(self) -> Resource {
        Resource { attributes: AttributeSet::new(self.pairs.as_slice()), schema_url: self.schema.into_url() }
    }
}
