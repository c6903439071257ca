//! What telemetry is about: the service, its instance, its process.

mod detector;

use std::fmt;

use opentelemetry::{Key, KeyValue, Value};

use crate::attributes::AttributeSet;
pub use detector::{ProcessDetector, ResourceDetector, SdkDetector, ServiceDetector};

/// What telemetry is about: attributes such as `service.name`, and the schema they follow.
///
/// [`Resource::default`] and [`Resource::builder`] begin with what the detectors of this module find:
/// `service.name` (`unknown_service:<executable>`), `service.instance.id` (random, one for each
/// process), `telemetry.sdk.*` and the process' executable. [`Resource::builder_empty`] begins with
/// nothing.
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
        ResourceBuilder { pairs: Vec::new(), schema_url: None }
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
    schema_url: Option<Box<str>>,
}

impl ResourceBuilder {
    /// The service's name, `service.name`.
    pub fn with_service_name(self, name: impl Into<Value>) -> Self {
        self.with_attribute(KeyValue::new("service.name", name))
    }

    /// An attribute.
    pub fn with_attribute(mut self, attribute: KeyValue) -> Self {
        if attribute.key != Key::from("") {
            self.pairs.push(attribute);
        }
        self
    }

    /// Several attributes.
    pub fn with_attributes(self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        attributes.into_iter().fold(self, Self::with_attribute)
    }

    /// What a detector finds.
    pub fn with_detector(self, detector: &dyn ResourceDetector) -> Self {
        self.with_attributes(detector.detect())
    }

    /// The URL of the schema that the attributes follow.
    pub fn with_schema_url(mut self, url: impl Into<Box<str>>) -> Self {
        self.schema_url = Some(url.into());
        self
    }

    /// The resource.
    pub fn build(self) -> Resource {
        Resource { attributes: AttributeSet::new(self.pairs.as_slice()), schema_url: self.schema_url }
    }
}
