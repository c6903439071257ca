use std::fmt;

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

use super::attributes::RecordAttributes;
use super::layout::{EVENT_HEAD, LINK_HEAD, bytes_at, u32_at, u64_at, u128_at};
use super::text::text;

/// Something that happened while a span was.
#[derive(Clone, Copy)]
pub struct EventRecord<'a> {
    head: &'a [u8],
    name: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> EventRecord<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        text(self.name)
    }

    /// When it happened: nanoseconds since the Unix epoch.
    pub fn unix_nanos(&self) -> u64 {
        u64_at(self.head, 4)
    }

    /// Its attributes.
    pub fn attributes(&self) -> RecordAttributes<'a> {
        RecordAttributes::new(self.attributes, u32_at(self.head, 16))
    }

    /// Attributes that were beyond the limit, or had no room.
    pub fn dropped_attributes(&self) -> u32 {
        u32_at(self.head, 20)
    }
}

impl fmt::Debug for EventRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventRecord")
            .field("name", &self.name())
            .field("unix_nanos", &self.unix_nanos())
            .field("attributes", &self.attributes())
            .finish_non_exhaustive()
    }
}

/// A span that another one is related to.
#[derive(Clone, Copy)]
pub struct LinkRecord<'a> {
    head: &'a [u8],
    state: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> LinkRecord<'a> {
    /// The other span's trace.
    pub fn trace_id(&self) -> TraceId {
        TraceId::from(u128_at(self.head, 4))
    }

    /// The other span.
    pub fn span_id(&self) -> SpanId {
        SpanId::from(u64_at(self.head, 20))
    }

    /// The other span's trace flags.
    pub fn trace_flags(&self) -> TraceFlags {
        let [flags] = bytes_at(self.head, 28);
        TraceFlags::new(flags)
    }

    /// Whether the other span is in another process.
    pub fn is_remote(&self) -> bool {
        bytes_at(self.head, 29) != [0]
    }

    /// The flags as OTLP has them in `Link.flags`.
    pub fn otlp_flags(&self) -> u32 {
        u32::from(self.trace_flags().to_u8()) | 0x100 | u32::from(self.is_remote()) << 9
    }

    /// The other span's trace state, as the header has it; empty where there is none.
    pub fn trace_state(&self) -> &'a str {
        text(self.state)
    }

    /// What is said of the relation.
    pub fn attributes(&self) -> RecordAttributes<'a> {
        RecordAttributes::new(self.attributes, u32_at(self.head, 36))
    }

    /// Attributes that were beyond the limit, or had no room.
    pub fn dropped_attributes(&self) -> u32 {
        u32_at(self.head, 40)
    }
}

impl fmt::Debug for LinkRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkRecord")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id())
            .field("attributes", &self.attributes())
            .finish_non_exhaustive()
    }
}

/// A head of fixed size, a text and attributes.
type Parts<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// Takes the first of several such things, whose total length comes first.
fn first<'a>(rest: &mut &'a [u8], head: usize, text_len_at: usize) -> Option<Parts<'a>> {
    let (whole, others) = rest.split_at_checked(u32_at(rest, 0) as usize)?;
    let (head, body) = whole.split_at_checked(head)?;
    let (text, attributes) = body.split_at_checked(u32_at(head, text_len_at) as usize)?;
    *rest = others;
    Some((head, text, attributes))
}

macro_rules! iterator {
    ($(#[$doc:meta])* $name:ident, $item:ident { $text:ident }, $head:expr, $text_len_at:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<'a> {
            rest: &'a [u8],
            left: u32,
        }

        impl<'a> $name<'a> {
            pub(super) fn new(rest: &'a [u8], count: u32) -> Self {
                $name { rest, left: count }
            }
        }

        impl<'a> Iterator for $name<'a> {
            type Item = $item<'a>;

            fn next(&mut self) -> Option<$item<'a>> {
                let (head, $text, attributes) = first(&mut self.rest, $head, $text_len_at)?;
                self.left = self.left.saturating_sub(1);
                Some($item { head, $text, attributes })
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (self.left as usize, Some(self.left as usize))
            }
        }

        impl ExactSizeIterator for $name<'_> {}
    };
}

iterator!(
    /// A span's events, in the order in which they were added.
    Events, EventRecord { name }, EVENT_HEAD, 12
);
iterator!(
    /// A span's links, in the order in which they were added.
    Links, LinkRecord { state }, LINK_HEAD, 32
);
