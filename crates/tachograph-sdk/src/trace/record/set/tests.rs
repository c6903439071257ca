use super::super::attributes::{RecordAttributes, RecordValue};
use super::*;

#[test]
fn a_key_that_was_made_before_makes_the_same_record_as_its_text() {
    let keys = ["", "k", "http.request.method", "é".repeat(20).leak()];
    let keys = keys.into_iter().chain([&*"k".repeat(SHORT).leak(), &*"k".repeat(SHORT + 1).leak()]);
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
        let mut pair = [(), ()].map(|()| (Attributes::default(), Room { left: limits.bytes, truncated: 0 }));
        for key in keys.clone() {
            let made = AttributeKey::new(key);
            for value in &values {
                let [(by_text, text_room), (by_key, key_room)] = &mut pair;
                by_text.add(key, *value, limits.attributes, &limits, text_room);
                by_key.add_key(&made, *value, limits.attributes, &limits, key_room);
            }
        }
        let [(by_text, text_room), (by_key, key_room)] = &pair;
        assert_eq!(by_text.bytes(), by_key.bytes());
        assert_eq!((by_text.count, by_text.dropped), (by_key.count, by_key.dropped));
        assert_eq!((text_room.left, text_room.truncated), (key_room.left, key_room.truncated));
        assert!(by_key.dropped > 0 && by_key.count > 0);
    }
}

#[test]
fn many_attributes_of_all_lengths_are_found_again_replaced_and_read_back() {
    let limits = SpanLimits::default();
    let mut room = Room { left: limits.bytes, truncated: 0 };
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
