//! The `tracestate` header, by W3C Trace Context, level 2.

mod support;

use opentelemetry::trace::TraceState;
use support::{TRACEPARENT, extracted_span, inject, with_span};
use tachograph_propagation::Format;

/// The members that these headers give; the `traceparent` beside them must always be taken.
#[track_caller]
fn members(headers: &[&str]) -> Vec<(String, String)> {
    let mut lines = vec![("traceparent", TRACEPARENT)];
    lines.extend(headers.iter().map(|header| ("tracestate", *header)));
    let span = extracted_span(Format::TraceContext, &lines);
    assert!(span.is_valid(), "{headers:?}");
    let state = span.trace_state();
    state.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The members, as one text.
#[track_caller]
fn read(headers: &[&str]) -> String {
    let members: Vec<_> = members(headers).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    members.join(",")
}

fn written(members: impl IntoIterator<Item = (String, String)>) -> Option<String> {
    let state = TraceState::from_key_value(members).expect("the API takes it");
    inject(&Format::TraceContext.into(), &with_span(1, state)).remove("tracestate")
}

fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("bar{number:02}={number:02}")).collect()
}

#[test]
fn a_list_is_read_in_its_order() {
    assert_eq!(read(&["foo=1,bar=2"]), "foo=1,bar=2");
    assert_eq!(read(&["bar=2,foo=1"]), "bar=2,foo=1");
}

#[test]
fn the_headers_name_has_no_case() {
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        let span = extracted_span(Format::TraceContext, &[("traceparent", TRACEPARENT), (name, "foo=1")]);
        assert_eq!(span.trace_state().get("foo"), Some("1"));
    }
    for name in ["trace-state", "trace.state"] {
        let span = extracted_span(Format::TraceContext, &[("traceparent", TRACEPARENT), (name, "foo=1")]);
        assert_eq!(span.trace_state(), &TraceState::NONE);
    }
}

#[test]
fn without_a_traceparent_it_means_nothing() {
    assert!(!extracted_span(Format::TraceContext, &[("tracestate", "foo=1")]).is_valid());
    let lines = [("traceparent", "nonsense"), ("tracestate", "foo=1")];
    assert_eq!(extracted_span(Format::TraceContext, &lines).trace_state(), &TraceState::NONE);
}

#[test]
fn several_headers_are_one_list() {
    let headers = ["foo=1,bar=2", "rojo=1,congo=2", "baz=3"];
    assert_eq!(read(&headers), "foo=1,bar=2,rojo=1,congo=2,baz=3");
}

#[test]
fn empty_headers_and_empty_members_are_fine() {
    assert_eq!(read(&[""]), "");
    assert_eq!(read(&[" \t"]), "");
    assert_eq!(read(&["foo=1", ""]), "foo=1");
    assert_eq!(read(&["", "foo=1"]), "foo=1");
    assert_eq!(read(&["foo=1,,bar=2, ,\t,baz=3,"]), "foo=1,bar=2,baz=3");
    assert_eq!(read(&[&format!("{},foo=1", ",".repeat(100))]), "foo=1");
}

#[test]
fn white_space_around_members_is_no_part_of_them() {
    assert_eq!(read(&["foo=1 \t , \t bar=2, \t baz=3"]), "foo=1,bar=2,baz=3");
    assert_eq!(read(&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"]), "foo=1,bar=2,baz=3");
    for header in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        assert_eq!(read(&[header]), "foo=1");
    }
}

#[test]
fn a_value_may_start_with_a_space_and_have_some_within() {
    assert_eq!(members(&["foo= 1 2 "]), [("foo".to_owned(), " 1 2".to_owned())]);
}

#[test]
fn duplicate_keys_are_kept() {
    assert_eq!(read(&["foo=1,foo=1"]), "foo=1,foo=1");
    assert_eq!(read(&["foo=1,foo=2"]), "foo=1,foo=2");
    assert_eq!(read(&["foo=1", "foo=2"]), "foo=1,foo=2");
}

#[test]
fn every_allowed_character_is_taken() {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|c| !matches!(c, ',' | '=')).collect();
    for key in [key.to_owned(), format!("{key}@a-z0-9_-*/"), "0key".to_owned(), "a@".to_owned()] {
        assert_eq!(members(&[&format!("{key}={value}")]), [(key, value.clone())]);
    }
}

#[test]
fn a_malformed_member_discards_the_whole_list_and_never_the_traceparent() {
    let bad = [
        "foo",
        "foo=",
        "foo=  ",
        "=1",
        "=",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "@foo=1",
        "_foo=1",
        "-foo=1",
        "*foo=1",
        "/foo=1",
        "foo=bar=baz",
        "foo=ü",
        "fü=1",
        "foo=a\tb",
        "foo=a\u{7f}b",
        "foo=a\nb",
    ];
    for bad in bad {
        assert_eq!(read(&[bad]), "", "{bad:?}");
        assert_eq!(read(&[&format!("good=1,{bad}")]), "", "{bad:?}");
        assert_eq!(read(&[&format!("{bad},good=1")]), "", "{bad:?}");
        assert_eq!(read(&["good=1", bad]), "", "{bad:?}");
        assert_eq!(read(&[bad, "good=1"]), "", "{bad:?}");
    }
}

#[test]
fn keys_and_values_have_at_most_256_characters() {
    let (full, longer) = ("z".repeat(256), "z".repeat(257));
    assert_eq!(members(&["foo=1", &format!("{full}=1")]).len(), 2);
    assert_eq!(members(&["foo=1", &format!("{longer}=1")]).len(), 0);
    assert_eq!(members(&["foo=1", &format!("key={full}")]).len(), 2);
    assert_eq!(members(&["foo=1", &format!("key={longer}")]).len(), 0);
}

#[test]
fn a_list_of_32_members_is_kept_and_one_of_33_is_discarded() {
    let all = numbered(33);
    let split = [all[..10].join(","), all[10..20].join(","), all[20..30].join(",")];
    let headers = |last: &str| members(&[&split[0], &split[1], &split[2], last]);
    assert_eq!(headers(&all[30..32].join(",")).len(), 32);
    assert_eq!(headers(&format!("{},,", all[30..32].join(","))).len(), 32);
    assert_eq!(headers(&all[30..].join(",")).len(), 0);
    assert_eq!(headers(&format!("{},bad", all[30..32].join(","))).len(), 0);
}

#[test]
fn what_the_apis_type_cannot_hold_drops_that_member_only() {
    // Keys that level 2 allows, and the API's type refuses.
    let vendor = format!("t@{}", "v".repeat(14));
    for key in ["foo@@bar", "foo@bar@baz", "foo@_bar", &vendor] {
        assert_eq!(read(&[&format!("a=1,{key}=2,b=3")]), "a=1,b=3", "{key}");
        assert_eq!(read(&[&format!("{key}=2")]), "", "{key}");
    }
    // It takes 13 characters after the first `@`.
    let vendor = format!("{}@{}=2", "t".repeat(242), "v".repeat(13));
    assert_eq!(read(&["a=1", &vendor]), format!("a=1,{vendor}"));
}

#[test]
fn an_empty_list_is_not_sent() {
    assert_eq!(written([]), None);
    let emptied = TraceState::from_key_value([("a", "1")]).expect("valid").delete("a").expect("valid");
    assert_eq!(inject(&Format::TraceContext.into(), &with_span(1, emptied)).get("tracestate"), None);
}

#[test]
fn a_list_is_sent_in_its_order_with_its_duplicates() {
    let pairs = ["foo=1", "bar=2", "foo=3"].map(|text| {
        let (key, value) = text.split_once('=').expect("a pair");
        (key.to_owned(), value.to_owned())
    });
    assert_eq!(written(pairs).as_deref(), Some("foo=1,bar=2,foo=3"));
}

#[test]
fn a_modified_member_has_moved_left() {
    let state =
        TraceState::from_key_value([("a", "1"), ("b", "2")]).expect("valid").insert("b", "3").expect("valid");
    assert_eq!(inject(&Format::TraceContext.into(), &with_span(1, state))["tracestate"], "b=3,a=1");
}

#[test]
fn members_that_would_break_the_list_for_its_receiver_are_left_out() {
    let good = ("good".to_owned(), "1".to_owned());
    for (key, value) in [("a", ""), ("", "1"), ("a", "1\r\nx: y"), ("a", "ü"), ("a", "1 "), ("a", "\t")] {
        let bad = (key.to_owned(), value.to_owned());
        assert_eq!(written([bad.clone(), good.clone()]).as_deref(), Some("good=1"), "{bad:?}");
        assert_eq!(written([bad.clone()]), None, "{bad:?}");
    }
}

#[test]
fn up_to_4096_characters_are_sent_whole() {
    // 31 members of 127 characters, one of 128, and 31 commas.
    let mut members: Vec<_> = (0..31).map(|n| (format!("key{n:02}"), "v".repeat(121))).collect();
    members.push(("last".to_owned(), "v".repeat(123)));
    let header = written(members).expect("sent");
    assert_eq!(header.len(), 4096);
    assert_eq!(header.split(',').count(), 32);
}

#[test]
fn a_longer_list_loses_whole_members_those_over_128_characters_first() {
    let small = (0..20).map(|n| (format!("small{n:02}"), "s".repeat(100)));
    let large = (0..12).map(|n| (format!("large{n:02}"), "l".repeat(256)));
    let members: Vec<_> = small.clone().chain(large).collect();
    let header = written(members.clone()).expect("sent");
    assert!(header.len() <= 4096 && header.len() > 4096 - 265, "{}", header.len());
    let kept: Vec<_> = header.split(',').collect();
    // From the right: the large ones that are left are the first of them.
    let expected: Vec<_> =
        members.iter().take(kept.len()).map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(kept, expected);
    assert!(kept.len() > 20);
}

#[test]
fn a_large_member_is_dropped_though_it_stands_first() {
    let large = ("large".to_owned(), "l".repeat(256));
    let small = (0..31).map(|n| (format!("small{n:02}"), "s".repeat(120)));
    let header = written(std::iter::once(large).chain(small)).expect("sent");
    assert!(!header.contains("large"));
    assert_eq!(header.split(',').count(), 31);
}

#[test]
fn where_small_members_alone_are_too_many_the_last_ones_go() {
    let members: Vec<_> = (0..32).map(|n| (format!("key{n:02}"), "v".repeat(122))).collect();
    let header = written(members).expect("sent");
    assert!(header.len() <= 4096 && header.len() > 4096 - 130);
    assert!(header.starts_with("key00=") && !header.contains("key31="));
}

#[test]
fn the_longest_list_there_can_be_is_read_whole() {
    let keys = (0..32).map(|n| format!("{n:02}{}", "k".repeat(254)));
    let list: Vec<_> = keys.map(|key| format!("{key}={}", "v".repeat(256))).collect();
    assert_eq!(members(&[&list.join(" , ")]).len(), 32);
}

#[test]
fn of_more_than_32_kib_nothing_is_read() {
    let padding = 32 * 1024 - "foo=1".len();
    for filler in [",", " "] {
        assert_eq!(read(&[&format!("{}foo=1", filler.repeat(padding))]), "foo=1");
        assert_eq!(read(&[&format!("{}foo=1", filler.repeat(padding + 1))]), "");
    }
    assert_eq!(read(&["foo=1", &",".repeat(padding - 1)]), "foo=1");
    assert_eq!(read(&["foo=1", &",".repeat(padding)]), "");
}
