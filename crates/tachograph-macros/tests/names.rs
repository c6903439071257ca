//! Keys and values are named as the user says.

mod support;

extern crate tachograph_sdk as tachograph;

use support::{keys, text};
use tachograph::{AttributeValue, Attributes};

#[test]
fn a_key_is_its_fields_name() {
    #[derive(Attributes)]
    struct Plain {
        channel: bool,
        order_kind: bool,
        _internal: bool,
    }
    let plain = Plain { channel: true, order_kind: true, _internal: true };
    assert_eq!(keys(&plain), ["channel", "order_kind", "_internal"]);
}

#[test]
fn a_raw_identifier_loses_its_mark() {
    #[derive(AttributeValue)]
    enum Kind {
        #[allow(non_camel_case_types, reason = "that is what is tested")]
        r#fn,
        Struct,
    }
    #[derive(Attributes)]
    struct Raw {
        r#type: Kind,
        r#match: Kind,
    }
    let raw = Raw { r#type: Kind::r#fn, r#match: Kind::Struct };
    assert_eq!(keys(&raw), ["type", "match"]);
    assert_eq!(text(&raw.r#type), "fn");
    assert_eq!(text(&raw.r#match), "struct");
}

#[test]
fn rename_gives_the_whole_key() {
    #[derive(Attributes)]
    #[attribute(prefix = "shop.", rename_all = "UPPERCASE")]
    struct Renamed {
        #[attribute(rename = "http.route")]
        http_route: bool,
        channel: bool,
    }
    assert_eq!(keys(&Renamed { http_route: true, channel: true }), ["http.route", "shop.CHANNEL"]);
}

#[test]
fn rename_all_writes_every_field_in_one_case() {
    macro_rules! check {
        ($($case:literal: $expected:literal,)*) => {$({
            #[derive(Attributes)]
            #[attribute(rename_all = $case)]
            struct Cased {
                order_kind2: bool,
            }
            assert_eq!(keys(&Cased { order_kind2: true }), [$expected], "{}", $case);
        })*};
    }
    check! {
        "lowercase": "orderkind2",
        "UPPERCASE": "ORDERKIND2",
        "PascalCase": "OrderKind2",
        "camelCase": "orderKind2",
        "snake_case": "order_kind2",
        "SCREAMING_SNAKE_CASE": "ORDER_KIND2",
        "kebab-case": "order-kind2",
        "SCREAMING-KEBAB-CASE": "ORDER-KIND2",
    }
}

#[test]
fn rename_all_writes_every_variant_in_one_case_but_the_renamed() {
    macro_rules! check {
        ($($case:literal: $expected:literal,)*) => {$({
            #[derive(AttributeValue)]
            #[attribute(rename_all = $case)]
            enum Cased {
                WebShopEU,
                #[attribute(rename = "As It Is")]
                Renamed,
            }
            assert_eq!(text(&Cased::WebShopEU), $expected, "{}", $case);
            assert_eq!(text(&Cased::Renamed), "As It Is");
        })*};
    }
    check! {
        "lowercase": "webshopeu",
        "UPPERCASE": "WEBSHOPEU",
        "PascalCase": "WebShopEu",
        "camelCase": "webShopEu",
        "snake_case": "web_shop_eu",
        "SCREAMING_SNAKE_CASE": "WEB_SHOP_EU",
        "kebab-case": "web-shop-eu",
        "SCREAMING-KEBAB-CASE": "WEB-SHOP-EU",
    }
}

#[test]
fn names_may_hold_any_character() {
    #[derive(AttributeValue)]
    enum Nasty {
        #[attribute(rename = "quote \" backslash \\ newline \n ünïcode 漢 {brace} \0")]
        Everything,
        #[attribute(rename = "")]
        Nothing,
        #[attribute(rename = r#"raw "text""#)]
        Raw,
    }
    assert_eq!(text(&Nasty::Everything), "quote \" backslash \\ newline \n ünïcode 漢 {brace} \0");
    assert_eq!(text(&Nasty::Nothing), "");
    assert_eq!(text(&Nasty::Raw), "raw \"text\"");
}

#[test]
fn two_fields_may_swap_names() {
    #[derive(Attributes)]
    struct Swapped {
        #[attribute(rename = "b")]
        a: bool,
        #[attribute(rename = "a")]
        b: bool,
    }
    assert_eq!(keys(&Swapped { a: true, b: false }), ["b", "a"]);
}

#[test]
fn a_skipped_fields_name_is_free() {
    #[derive(Attributes)]
    struct Reused {
        #[attribute(skip)]
        _channel: u8,
        #[attribute(rename = "_channel")]
        shown: bool,
    }
    assert_eq!(keys(&Reused { _channel: 0, shown: true }), ["_channel"]);
}

#[test]
fn several_lists_and_trailing_commas_are_read_as_one() {
    #[derive(Attributes)]
    #[attribute(prefix = "a.")]
    #[attribute()]
    #[attribute(rename_all = "camelCase", crate = "tachograph")]
    struct Several {
        some_thing: bool,
    }
    assert_eq!(keys(&Several { some_thing: true }), ["a.someThing"]);
}
