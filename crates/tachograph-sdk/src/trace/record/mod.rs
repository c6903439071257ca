//! What is kept of a span, how it is written and read back.

mod attributes;
mod events;
mod layout;
mod set;
mod shared;
mod short;
mod span_kind;
mod text;
mod view;
mod write;

pub use attributes::{RecordArray, RecordAttributes, RecordValue};
pub use events::{EventRecord, Events, LinkRecord, Links};
pub use shared::SpanShared;
pub use short::AttributeKey;
pub(crate) use short::ShortLimits;
pub(crate) use span_kind::{kind_code, kind_of};
pub use view::{SpanRecord, SpanStatus, Spans};
pub(crate) use write::{Body, Head};
