use std::sync::Mutex;

use super::super::attributes::{RecordAttributes, RecordValue};
use super::super::write::{Body, Head};
use super::*;
use crate::trace::start::AttributeWriter;

/// A text that stays, and can be reached: else it would be a leak.
fn kept(text: String) -> &'static str {
    static KEPT: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let text = &*text.leak();
    KEPT.lock().unwrap().push(text);
    text
}

#[test]
fn a_key_that_was_made_before_makes_the_same_record_as_its_text() {
    let keys = ["", "k", "http.request.method", kept("é".repeat(20))];
    let keys = keys.into_iter().chain([kept("k".repeat(SHORT)), kept("k".repeat(SHORT + 1))]);
    let texts: Vec<String> = (0..40).map(|len| "äb".chars().cycle().take(len).collect()).collect();
    let values: Vec<_> = texts
        .iter()
        .map(|text| ValueRef::Str(text))
        .chain([ValueRef::I64(-7), ValueRef::F64(0.5), ValueRef::Bool(true)])
        .collect();
    let short = SpanLimits { value_length: Some(5), ..SpanLimits::default() };
    let few = SpanLimits { attributes: 7, ..SpanLimits::default() };
    let small = SpanLimits { bytes: 333, ..SpanLimits::default() };
    for limits in [SpanLimits::default(), short, few, small] {
        let mut bodies = [Body::default(), Body::default()];
        bodies.iter_mut().for_each(|body| body.start("name", &limits));
        let [by_text, by_key] = &mut bodies;
        {
            let mut by_text = AttributeWriter::new(by_text, &limits, false);
            let mut by_key = AttributeWriter::new(by_key, &limits, false);
            for key in keys.clone() {
                let made = AttributeKey::new(key);
                for value in &values {
                    by_text.add(key, *value);
                    by_key.add_key(&made, *value);
                }
            }
        }
        assert_eq!(written(by_text), written(by_key));
        assert_eq!(by_text.losses(), by_key.losses());
        assert!(by_key.losses()[0] > 0 && by_key.attributes().len() > 0);
    }
}

fn written(body: &Body) -> Vec<u8> {
    let len = body.record_len();
    let mut out = vec![0; len];
    body.write(&Head::default(), len, &mut out);
    // Where there is more place, too.
    let mut place = vec![7; len + 200];
    body.write(&Head::default(), len, &mut place);
    assert_eq!(place[..len], out);
    out
}

#[test]
fn many_attributes_of_all_lengths_are_found_again_replaced_and_read_back() {
    let limits = SpanLimits::default();
    let mut room = Room { left: limits.bytes, ..Room::default() };
    let mut attributes = Attributes::default();
    let keys: Vec<String> = (0..60).map(|len| format!("{}{len}", "k".repeat(len))).collect();
    let text = |turn: usize, len: usize| "v".repeat((len * 7 + turn * 13) % 50);
    for turn in 0..3 {
        for (len, key) in keys.iter().enumerate() {
            let text = text(turn, len);
            let value = match (len + turn) % 4 {
                0 => ValueRef::I64(len as i64),
                1 => ValueRef::Bool(true),
                _ => ValueRef::Str(&text),
            };
            attributes.set(key, value, 128, &limits, &mut room);
        }
    }
    let read: Vec<_> = RecordAttributes::new(attributes.bytes(), attributes.len()).collect();
    assert_eq!(read.len(), keys.len());
    for ((len, key), (read_key, value)) in keys.iter().enumerate().zip(read) {
        let text = text(2, len);
        let expected = match (len + 2) % 4 {
            0 => RecordValue::I64(len as i64),
            1 => RecordValue::Bool(true),
            _ => RecordValue::Str(&text),
        };
        assert_eq!((key.as_str(), expected), (read_key, value));
    }
    assert_eq!(room.left + attributes.bytes().len(), limits.bytes, "what was taken is what there is");
}
