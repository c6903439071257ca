/// How much a span may hold. What is beyond is dropped or cut, and counted in the span.
///
/// The defaults are the specification's; the facade reads them from `OTEL_SPAN_*`, `OTEL_ATTRIBUTE_*`, `OTEL_EVENT_*` and
/// `OTEL_LINK_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanLimits {
    /// Attributes of a span; 128.
    pub attributes: u32,
    /// Events of a span; 128.
    pub events: u32,
    /// Links of a span; 128.
    pub links: u32,
    /// Attributes of each event; 128.
    pub attributes_per_event: u32,
    /// Attributes of each link; 128.
    pub attributes_per_link: u32,
    /// Characters of a string attribute, or of each element of an array of strings; no limit. Longer ones are cut.
    pub value_length: Option<usize>,
    /// Bytes of a whole span, in the engine's own form, 256 KiB: its name, attributes, events and links. A text that
    /// finds less room than it needs is cut; what finds none is dropped. At least 1 KiB.
    pub bytes: usize,
}

impl Default for SpanLimits {
    fn default() -> Self {
        SpanLimits {
            attributes: 128,
            events: 128,
            links: 128,
            attributes_per_event: 128,
            attributes_per_link: 128,
            value_length: None,
            bytes: 256 << 10,
        }
    }
}

impl SpanLimits {
    /// With every value in its range.
    pub(crate) fn in_range(mut self) -> Self {
        // Lengths within a record are 32 bits wide.
        self.bytes = self.bytes.clamp(1 << 10, 1 << 30);
        self
    }
}
