//! The `baggage` header, by W3C Baggage.

mod support;

use std::collections::BTreeMap;

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::TextMapPropagator;
use support::{Lines, extract, held, inject};
use tachograph_propagation::{Format, Propagator};

type Members = BTreeMap<String, (String, String)>;

fn read_all(headers: &[&str]) -> Members {
    let lines: Vec<_> = headers.iter().map(|header| ("baggage", *header)).collect();
    held(&extract(&Format::Baggage.into(), &lines)).1
}

fn read(header: &str) -> Members {
    read_all(&[header])
}

/// The value of the only member, which is called `k`.
#[track_caller]
fn value(header: &str) -> String {
    let members = read(header);
    assert_eq!(members.len(), 1, "{header:?}: {members:?}");
    members["k"].0.clone()
}

#[track_caller]
fn metadata(header: &str) -> String {
    let members = read(header);
    assert_eq!(members.len(), 1, "{header:?}: {members:?}");
    members["k"].1.clone()
}

fn members(expected: &[(&str, &str, &str)]) -> Members {
    expected
        .iter()
        .map(|(key, value, metadata)| ((*key).to_owned(), ((*value).to_owned(), (*metadata).to_owned())))
        .collect()
}

fn baggage(of: &[(&str, &str, &str)]) -> Context {
    let mut baggage = Baggage::new();
    for (key, value, metadata) in of {
        baggage.insert_with_metadata((*key).to_owned(), (*value).to_owned(), *metadata);
    }
    Context::new().with_baggage(baggage)
}

fn written(of: &[(&str, &str, &str)]) -> Option<String> {
    inject(&Format::Baggage.into(), &baggage(of)).remove("baggage")
}

/// The header of one member.
#[track_caller]
fn one(value: &str, metadata: &str) -> String {
    written(&[("k", value, metadata)]).expect("a header")
}

#[test]
fn members_and_their_properties_are_read() {
    let header = "key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue";
    let expected = [
        ("key1", "value1", "property1;property2"),
        ("key2", "value2", ""),
        ("key3", "value3", "propertyKey=propertyValue"),
    ];
    assert_eq!(read(header), members(&expected));
}

#[test]
fn white_space_is_allowed_around_everything() {
    let header =
        "SomeKey \t = \t SomeValue \t ; \t SomeProp \t ; \t Second \t = \t PropVal \t , \t k2 \t = \t v2 \t ";
    let expected = [("SomeKey", "SomeValue", "SomeProp;Second=PropVal"), ("k2", "v2", "")];
    assert_eq!(read(header), members(&expected));
}

#[test]
fn several_headers_are_one_baggage() {
    let headers = ["userId=alice", "serverNode=DF%2028,isProduction=false"];
    let expected = [("userId", "alice", ""), ("serverNode", "DF 28", ""), ("isProduction", "false", "")];
    assert_eq!(read_all(&headers), members(&expected));
}

#[test]
fn a_value_may_contain_equals_signs() {
    assert_eq!(value("k=a=b=c"), "a=b=c");
    assert_eq!(value("k=="), "=");
    assert_eq!(value("k=dG9rZW4="), "dG9rZW4=");
    assert_eq!(metadata("k=v;p=a=b"), "p=a=b");
}

#[test]
fn a_value_may_be_empty() {
    assert_eq!(value("k="), "");
    assert_eq!(value("k= \t"), "");
}

#[test]
fn values_are_percent_decoded_once() {
    assert_eq!(value("k=%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29"), "\t \"';=asdf!@#$%^&*()");
    assert_eq!(value("k=100%25"), "100%");
    assert_eq!(value("k=%2525"), "%25");
    assert_eq!(value("k=%c3%BC"), "ü");
    assert_eq!(value("k=a+b"), "a+b");
}

#[test]
fn what_is_no_escape_stays_as_it_is() {
    assert_eq!(value("k=100%"), "100%");
    assert_eq!(value("k=%zz%4"), "%zz%4");
}

#[test]
fn bytes_that_are_not_utf8_become_replacement_characters() {
    assert_eq!(value("k=a%FFb"), "a\u{fffd}b");
    assert_eq!(value("k=%C3%28"), "\u{fffd}(");
    assert_eq!(metadata("k=v;p=%FF"), "p=\u{fffd}");
    let mut headers = http::HeaderMap::new();
    headers.insert("baggage", http::HeaderValue::from_bytes(b"k=a\xffb;p\xfe=\xfd").expect("opaque bytes"));
    let cx = Propagator::from(Format::Baggage).extract_headers(&Context::new(), &headers);
    assert_eq!(held(&cx).1, members(&[("k", "a\u{fffd}b", "p\u{fffd}=\u{fffd}")]));
}

#[test]
fn keys_are_not_decoded_and_keep_their_case() {
    assert_eq!(read("%41=1,a=2,A=3"), members(&[("%41", "1", ""), ("a", "2", ""), ("A", "3", "")]));
}

#[test]
fn every_token_is_a_key() {
    let key = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    assert_eq!(read(&format!("{key}=v")), members(&[(key, "v", "")]));
}

#[test]
fn a_malformed_member_is_left_out_alone() {
    for bad in
        ["bad", "", " ", ";p=1", "=v", "b d=v", "b:d=v", "b\"=v", "ü=v", "bad;p=v", "(=)", "b/d=v", "\t=v"]
    {
        assert_eq!(read(&format!("a=1,{bad},b=2")), members(&[("a", "1", ""), ("b", "2", "")]), "{bad:?}");
        assert_eq!(read(bad), members(&[]), "{bad:?}");
    }
}

#[test]
fn of_a_key_that_is_repeated_the_last_member_counts() {
    assert_eq!(read("k=1;p,k=2"), members(&[("k", "2", "")]));
    assert_eq!(read_all(&["k=1", "k=2;p"]), members(&[("k", "2", "p")]));
}

#[test]
fn unencoded_characters_that_should_have_been_are_taken_as_they_are() {
    assert_eq!(value("k=a b\\\"ü"), "a b\\\"ü");
}

#[test]
fn a_header_replaces_the_baggage_of_the_context_and_a_useless_one_leaves_it() {
    let before = baggage(&[("old", "1", "")]);
    let propagator = Propagator::from(Format::Baggage);
    let after = propagator.extract_with_context(&before, &Lines::of(&[("baggage", "new=2")]));
    assert_eq!(held(&after).1, members(&[("new", "2", "")]));
    for header in ["", ",,", "nonsense"] {
        let after = propagator.extract_with_context(&before, &Lines::of(&[("baggage", header)]));
        assert_eq!(held(&after).1, members(&[("old", "1", "")]));
    }
}

#[test]
fn an_empty_baggage_is_not_sent() {
    assert_eq!(written(&[]), None);
    assert!(inject(&Format::Baggage.into(), &Context::new()).is_empty());
}

#[test]
fn values_are_percent_encoded_where_the_grammar_asks_for_it() {
    assert_eq!(one("100%", ""), "k=100%25");
    assert_eq!(one("%25", ""), "k=%2525");
    assert_eq!(one("\t \"';,\\\r\n\u{7f}", ""), "k=%09%20%22'%3B%2C%5C%0D%0A%7F");
    assert_eq!(one("ü€", ""), "k=%C3%BC%E2%82%AC");
    assert_eq!(one("!#$&()*+-./:<>?@[]^_`{|}~", ""), "k=!#$&()*+-./:<>?@[]^_`{|}~");
    assert_eq!(one("", ""), "k=");
}

#[test]
fn equals_signs_are_encoded_since_some_receivers_cut_there() {
    assert_eq!(one("a=b=c", "p=d=e"), "k=a%3Db%3Dc;p=d%3De");
}

#[test]
fn white_space_at_the_ends_of_a_value_survives() {
    assert_eq!(one(" a ", ""), "k=%20a%20");
    assert_eq!(value("k=%20a%20"), " a ");
}

#[test]
fn properties_are_sent_and_their_values_encoded() {
    assert_eq!(one("v", "p1;p2=100%;p3=a b"), "k=v;p1;p2=100%25;p3=a%20b");
    assert_eq!(one("v", " p1 ; p2 = x "), "k=v;p1;p2=x");
    assert_eq!(one("v", ";;p;;"), "k=v;p");
    assert_eq!(one("v", "p="), "k=v;p=");
    assert_eq!(one("v", "=x;="), "k=v");
}

#[test]
fn a_propertys_values_are_decoded_and_survive_every_hop() {
    for (header, decoded) in [
        ("k=v;p=100%25", "p=100%"),
        ("k=v;p=a%20b%2Cc", "p=a b,c"),
        ("k=v;p;q=;r=1", "p;q=;r=1"),
        // A semicolon would end the property, so it stays as it is in the API's text.
        ("k=v;p=a%3Bb", "p=a%3Bb"),
        ("k=v;p=a%3Bb;q=%253B", "p=a%3Bb;q=%253B"),
        ("k=v;p=%25253B%2525", "p=%25253B%25"),
    ] {
        let cx = extract(&Format::Baggage.into(), &[("baggage", header)]);
        assert_eq!(held(&cx).1["k"].1, decoded, "{header}");
        assert_eq!(inject(&Format::Baggage.into(), &cx)["baggage"], header);
    }
}

#[test]
fn a_propertys_key_that_is_no_token_becomes_one() {
    assert_eq!(one("v", "two words=1,ü"), "k=v;two%20words=1%2C%C3%BC");
    assert_eq!(metadata("k=v;two words=1"), "two words=1");
    assert_eq!(metadata("k=v;two%20words=1"), "two%20words=1");
}

#[test]
fn a_line_break_cannot_become_another_header() {
    let header = one("v\r\nx-evil: 1", "p\r\nx=\r\ny");
    assert!(header.bytes().all(|byte| byte.is_ascii_graphic()), "{header:?}");
}

#[test]
fn all_of_64_members_and_8192_bytes_is_passed_on() {
    // 64 members of 127 bytes, and 63 commas, make 8,191 bytes; and one more byte.
    let mut list: Vec<_> = (0..64).map(|n| format!("key{n:03}={}", "v".repeat(120))).collect();
    list[63].push('v');
    let header = list.join(",");
    assert_eq!(header.len(), 8192);
    let split = header.len() / 2 + header[header.len() / 2..].find(',').expect("a comma");
    let (first, second) = (&header[..split], &header[split + 1..]);
    for headers in [&[header.as_str()][..], &[first, second]] {
        let lines: Vec<_> = headers.iter().map(|header| ("baggage", *header)).collect();
        let cx = extract(&Format::Baggage.into(), &lines);
        assert_eq!(held(&cx).1.len(), 64);
        assert_eq!(inject(&Format::Baggage.into(), &cx)["baggage"].len(), 8192);
    }
    assert_eq!(read(&list.join(" , ")).len(), 64, "white space is not counted");
}

#[test]
fn one_member_may_have_8192_bytes() {
    let header = format!("a={}", "0123456789".repeat(819));
    assert_eq!(header.len(), 8192);
    let cx = extract(&Format::Baggage.into(), &[("baggage", &header)]);
    assert_eq!(inject(&Format::Baggage.into(), &cx)["baggage"], header);
    assert_eq!(read(&format!("{header}0")), members(&[]));
    assert_eq!(read(&format!("{header}0,b=1")), members(&[("b", "1", "")]));
}

#[test]
fn equals_signs_do_not_make_a_full_header_too_large() {
    let header = format!("a={}", "=".repeat(8190));
    let cx = extract(&Format::Baggage.into(), &[("baggage", &header)]);
    assert_eq!(inject(&Format::Baggage.into(), &cx)["baggage"], header);
}

#[test]
fn needless_percent_encoding_is_not_counted() {
    let header = format!("a={}", "%61".repeat(8190));
    let cx = extract(&Format::Baggage.into(), &[("baggage", &header)]);
    assert_eq!(inject(&Format::Baggage.into(), &cx)["baggage"], format!("a={}", "a".repeat(8190)));
}

#[test]
fn beyond_64_members_whole_ones_are_left_out() {
    let list: Vec<_> = (0..65).map(|n| format!("key{n:03}=v;p")).collect();
    let found = read(&list.join(","));
    assert_eq!(found.len(), 64);
    assert!(!found.contains_key("key064"));
    // A key that is there already is no further member.
    let again = format!("{},key000=w", list.join(","));
    assert_eq!(read(&again)["key000"], ("w".to_owned(), String::new()));
}

#[test]
fn beyond_8192_bytes_whole_members_are_left_out() {
    let (large, small) = ("v".repeat(5000), "w".repeat(3000));
    let found = read_all(&[&format!("a={large};p=1"), &format!("b={large}"), &format!("c={small}")]);
    assert_eq!(found, members(&[("a", &large, "p=1"), ("c", &small, "")]));
}

#[test]
fn a_member_that_goes_on_beyond_32_kib_is_left_out_whole() {
    let padding = " ".repeat(32 * 1024 - "a=1,".len() - "k=12".len());
    assert_eq!(read(&format!("a=1,{padding}k=12")), members(&[("a", "1", ""), ("k", "12", "")]));
    assert_eq!(read(&format!("a=1,{padding}k=123")), members(&[("a", "1", "")]));
    assert_eq!(read_all(&["a=1,", &padding, "k=123"]), members(&[("a", "1", "")]));
}

#[test]
fn a_member_in_place_of_another_frees_its_room() {
    let large = "v".repeat(8000);
    assert_eq!(read(&format!("k={large},k=1,b={}", "w".repeat(8000))).len(), 2);
    let larger = "w".repeat(8100);
    assert_eq!(read(&format!("k={large},k={larger}"))["k"].0, larger);
    assert_eq!(read(&format!("k={large},k={larger},b=1")).len(), 2);
}

#[test]
fn what_encoding_makes_too_large_loses_its_largest_members_and_always_the_same() {
    // The API's type holds 8,192 bytes as they are; encoded they are three times as many.
    let (a, b) = ("%".repeat(2000), "%".repeat(1500));
    let small: Vec<_> = (0..40).map(|n| format!("key{n:02}")).collect();
    let mut all: Vec<_> = small.iter().map(|key| (key.as_str(), "value", "p=1")).collect();
    all.extend([("a", a.as_str(), ""), ("b", b.as_str(), "")]);
    let header = written(&all).expect("a header");
    assert!(header.len() <= 8192);
    let mut kept: Vec<_> = header.split(',').collect();
    kept.sort_unstable();
    assert_eq!(kept.len(), 41);
    assert_eq!(kept[0], format!("b={}", "%25".repeat(1500)));
    assert!(kept[1..].iter().all(|member| member.ends_with("=value;p=1")));
    for _ in 0..10 {
        assert_eq!(written(&all).as_ref(), Some(&header));
    }
}
