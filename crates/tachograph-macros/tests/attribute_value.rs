//! A derived enum is one value per variant, with an index where there are finitely many.

mod support;

extern crate tachograph_sdk as tachograph;

use support::text;
use tachograph::{AttributeValue, ValueRef};

#[derive(AttributeValue, Debug, PartialEq)]
enum Channel {
    Web,
    MobileApp,
    B2BPartner,
}

#[test]
fn a_variant_is_its_name_in_snake_case() {
    assert_eq!(Channel::Web.value(), Some(ValueRef::Str("web")));
    assert_eq!(Channel::MobileApp.value(), Some(ValueRef::Str("mobile_app")));
    assert_eq!(Channel::B2BPartner.value(), Some(ValueRef::Str("b2_b_partner")));
}

#[test]
fn the_index_is_the_variants_position() {
    assert_eq!(Channel::CARDINALITY, Some(3));
    assert_eq!(Channel::Web.index(), 0);
    assert_eq!(Channel::MobileApp.index(), 1);
    assert_eq!(Channel::B2BPartner.index(), 2);
}

#[test]
fn a_discriminant_is_not_the_index() {
    #[derive(AttributeValue, Clone, Copy)]
    #[repr(i16)]
    enum Status {
        NotFound = 404,
        Unknown = -1,
        Ok = 200,
    }
    assert_eq!(Status::CARDINALITY, Some(3));
    let all = [Status::NotFound, Status::Unknown, Status::Ok];
    assert_eq!(all.map(|status| status.index()), [0, 1, 2]);
}

#[test]
fn empty_parentheses_and_braces_are_unit_variants_too() {
    #[derive(AttributeValue)]
    enum Odd {
        Plain,
        Tuple(),
        Braces {},
    }
    assert_eq!(text(&Odd::Plain), "plain");
    assert_eq!(text(&Odd::Tuple()), "tuple");
    assert_eq!(text(&Odd::Braces {}), "braces");
    assert_eq!(Odd::Braces {}.index(), 2);
}

#[test]
fn values_may_be_integers_and_booleans() {
    #[derive(AttributeValue)]
    enum Mixed {
        #[attribute(value = 404)]
        NotFound,
        #[attribute(value = -9_223_372_036_854_775_808)]
        Least,
        #[attribute(value = 0x10)]
        Sixteen,
        #[attribute(value = true)]
        Yes,
        No,
    }
    let all = [Mixed::NotFound, Mixed::Least, Mixed::Sixteen, Mixed::Yes, Mixed::No];
    assert_eq!(
        all.each_ref().map(|value| value.value().expect("a value")),
        [
            ValueRef::I64(404),
            ValueRef::I64(i64::MIN),
            ValueRef::I64(16),
            ValueRef::Bool(true),
            ValueRef::Str("no"),
        ]
    );
    assert_eq!(all.each_ref().map(AttributeValue::index), [0, 1, 2, 3, 4]);
}

#[test]
fn two_kinds_of_value_that_print_alike_are_two_values() {
    #[derive(AttributeValue)]
    enum Alike {
        #[attribute(value = 1)]
        Number,
        #[attribute(rename = "1")]
        Text,
    }
    assert_eq!(Alike::CARDINALITY, Some(2));
    assert_ne!(Alike::Number.value(), Alike::Text.value());
}

#[test]
fn three_hundred_variants_have_three_hundred_indexes() {
    macro_rules! many {
        ($($variant:ident)*) => {
            #[derive(AttributeValue, Clone, Copy)]
            enum Many { $($variant,)* }
            const ALL: &[Many] = &[$(Many::$variant,)*];
        };
    }
    macro_rules! tens {
        ($($prefix:ident)*) => { many! { $($prefix)* } };
    }
    tens! {
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 C0 C1 C2 C3 C4 C5 C6 C7 C8 C9
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 E0 E1 E2 E3 E4 E5 E6 E7 E8 E9 F0 F1 F2 F3 F4 F5 F6 F7 F8 F9
        G0 G1 G2 G3 G4 G5 G6 G7 G8 G9 H0 H1 H2 H3 H4 H5 H6 H7 H8 H9 I0 I1 I2 I3 I4 I5 I6 I7 I8 I9
        J0 J1 J2 J3 J4 J5 J6 J7 J8 J9 K0 K1 K2 K3 K4 K5 K6 K7 K8 K9 L0 L1 L2 L3 L4 L5 L6 L7 L8 L9
        M0 M1 M2 M3 M4 M5 M6 M7 M8 M9 N0 N1 N2 N3 N4 N5 N6 N7 N8 N9 O0 O1 O2 O3 O4 O5 O6 O7 O8 O9
        P0 P1 P2 P3 P4 P5 P6 P7 P8 P9 Q0 Q1 Q2 Q3 Q4 Q5 Q6 Q7 Q8 Q9 R0 R1 R2 R3 R4 R5 R6 R7 R8 R9
        S0 S1 S2 S3 S4 S5 S6 S7 S8 S9 T0 T1 T2 T3 T4 T5 T6 T7 T8 T9 U0 U1 U2 U3 U4 U5 U6 U7 U8 U9
        V0 V1 V2 V3 V4 V5 V6 V7 V8 V9 W0 W1 W2 W3 W4 W5 W6 W7 W8 W9 X0 X1 X2 X3 X4 X5 X6 X7 X8 X9
        Y0 Y1 Y2 Y3 Y4 Y5 Y6 Y7 Y8 Y9 Z0 Z1 Z2 Z3 Z4 Z5 Z6 Z7 Z8 Z9 AA0 AA1 AA2 AA3 AA4 AA5 AA6
        AA7 AA8 AA9 BB0 BB1 BB2 BB3 BB4 BB5 BB6 BB7 BB8 BB9 CC0 CC1 CC2 CC3 CC4 CC5 CC6 CC7 CC8
        CC9 DD0 DD1 DD2 DD3 DD4 DD5 DD6 DD7 DD8 DD9
    }
    assert_eq!(Many::CARDINALITY, Some(ALL.len()));
    assert_eq!(ALL.len(), 300);
    for (position, value) in ALL.iter().enumerate() {
        assert_eq!(value.index(), position);
    }
    assert_eq!(text(&ALL[299]), "dd9");
}
