//! What receivers answer: the few fields of their messages that are of use.

use std::borrow::Cow;

/// `ExportTraceServiceResponse.partial_success`, and those of the other signals, which look the same.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct PartialSuccess {
    /// How many records were refused.
    pub(crate) rejected: u64,
    pub(crate) message: String,
}

/// Reads an answer of success. One that cannot be read, or says nothing, is an ordinary success: the receiver has
/// taken the records.
pub(crate) fn partial_success(body: &[u8]) -> PartialSuccess {
    let mut partial = PartialSuccess::default();
    for (field, value) in Fields(body) {
        if let (1, Value::Bytes(message)) = (field, value) {
            for (field, value) in Fields(message) {
                match (field, value) {
                    // A negative number makes no sense, and counts as none.
                    (1, Value::Number(count)) => partial.rejected = i64::max(count as i64, 0) as u64,
                    (2, Value::Bytes(text)) => partial.message = lossy(text).into_owned(),
                    _ => {}
                }
            }
        }
    }
    partial
}

/// The message of a `google.rpc.Status`, the body of an answer of failure.
pub(crate) fn status_message(body: &[u8]) -> Option<String> {
    Fields(body)
        .filter_map(
            |field| if let (2, Value::Bytes(text)) = field { Some(lossy(text).into_owned()) } else { None },
        )
        .last()
        .filter(|text| !text.is_empty())
}

fn lossy(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text)
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a message, up to the first thing that is none.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.fixed(8)?,
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.fixed(4)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn fixed(&mut self, len: usize) -> Option<Value<'a>> {
        self.take(len).map(|_| Value::Fixed)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (digit, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(digit & 0x7f) << shift;
            if digit & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceResponse,
    };
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    /// `google.rpc.Status`.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Status {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(string, tag = "2")]
        message: String,
        #[prost(bytes, repeated, tag = "3")]
        details: Vec<Vec<u8>>,
    }

    #[test]
    fn an_empty_answer_is_a_success() {
        assert_eq!(partial_success(b""), PartialSuccess::default());
        assert_eq!(status_message(b""), None);
    }

    proptest! {
        #[test]
        fn what_the_generated_types_write_is_read(rejected_spans: i64, error_message: String) {
            let partial = ExportTracePartialSuccess { rejected_spans, error_message: error_message.clone() };
            let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
            let read = partial_success(&body);
            prop_assert_eq!(read.rejected, rejected_spans.max(0) as u64);
            prop_assert_eq!(read.message, error_message);
        }

        #[test]
        fn a_status_is_read(code: i32, message: String, details: Vec<Vec<u8>>) {
            let body = Status { code, message: message.clone(), details }.encode_to_vec();
            prop_assert_eq!(status_message(&body).unwrap_or_default(), message);
        }

        #[test]
        fn garbage_is_read_without_a_panic(body: Vec<u8>) {
            partial_success(&body);
            status_message(&body);
        }
    }
}
