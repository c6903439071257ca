//! A derived struct yields its fields as attributes, and an index where there are finitely many.

mod support;

extern crate tachograph_sdk as tachograph;

use proptest::prelude::*;
use support::{assert_index_is_a_bijection, keys, pairs};
use tachograph::{AttributeValue, Attributes, ValueRef};

#[derive(AttributeValue, Clone, Copy, Debug, PartialEq)]
enum Channel {
    Web,
    App,
    Partner,
}

#[derive(AttributeValue, Clone, Copy, Debug)]
enum Region {
    Eu,
    Us,
}

#[derive(AttributeValue, Clone, Copy, Debug)]
enum Lone {
    Only,
}

const CHANNELS: [Channel; 3] = [Channel::Web, Channel::App, Channel::Partner];
const REGIONS: [Region; 2] = [Region::Eu, Region::Us];

#[derive(Attributes)]
struct Created {
    channel: Channel,
    region: Region,
    express: bool,
}

#[test]
fn fields_are_visited_as_pairs_in_their_order() {
    let created = Created { channel: Channel::App, region: Region::Us, express: true };
    let mut visited = Vec::new();
    created.visit(|key, value| visited.push((key.as_str(), value)));
    assert_eq!(
        visited,
        [
            ("channel", ValueRef::Str("app")),
            ("region", ValueRef::Str("us")),
            ("express", ValueRef::Bool(true)),
        ]
    );
}

#[test]
fn the_index_is_a_bijection_over_the_product_of_the_fields() {
    assert_eq!(Created::CARDINALITY, Some(12));
    assert_index_is_a_bijection(CHANNELS.into_iter().flat_map(|channel| {
        REGIONS
            .into_iter()
            .flat_map(move |region| [false, true].map(|express| Created { channel, region, express }))
    }));
}

#[test]
fn a_struct_of_bools_alone_is_indexed_by_all_of_them() {
    #[derive(Attributes)]
    struct Flags {
        a: bool,
        b: bool,
        c: bool,
        d: bool,
    }
    assert_eq!(Flags::CARDINALITY, Some(16));
    assert_index_is_a_bijection((0..16_u8).map(|bits| Flags {
        a: bits & 1 != 0,
        b: bits & 2 != 0,
        c: bits & 4 != 0,
        d: bits & 8 != 0,
    }));
}

#[test]
fn a_field_with_one_value_changes_no_index() {
    #[derive(Attributes)]
    struct Mixed {
        first: Lone,
        channel: Channel,
        last: Lone,
    }
    assert_eq!(Mixed::CARDINALITY, Some(3));
    assert_index_is_a_bijection(CHANNELS.map(|channel| Mixed {
        first: Lone::Only,
        channel,
        last: Lone::Only,
    }));
}

#[test]
fn one_field_is_indexed_as_its_value_is() {
    #[derive(Attributes)]
    struct One {
        channel: Channel,
    }
    for channel in CHANNELS {
        assert_eq!(One { channel }.index(), channel.index());
    }
}

#[test]
fn structs_without_fields_are_one_empty_set() {
    #[derive(Attributes)]
    struct Unit;
    #[derive(Attributes)]
    struct Braces {}
    #[derive(Attributes)]
    struct AllSkipped {
        #[attribute(skip)]
        _note: u64,
    }
    assert_index_is_a_bijection([Unit]);
    assert_index_is_a_bijection([Braces {}]);
    assert_index_is_a_bijection([AllSkipped { _note: 7 }]);
    assert_eq!(keys(&Unit), [""; 0]);
}

#[test]
fn one_unbounded_field_makes_the_cardinality_unknown() {
    #[derive(Attributes)]
    struct Unbounded {
        channel: Channel,
        status: u16,
        region: Region,
    }
    assert_eq!(Unbounded::CARDINALITY, None);
    let unbounded = Unbounded { channel: Channel::Web, status: 404, region: Region::Eu };
    // Meaningless, but it must not panic, and no cardinality is above it.
    assert_eq!(unbounded.index(), usize::MAX);
    assert_eq!(pairs(&unbounded)[1], ("status".to_owned(), format!("{:?}", ValueRef::I64(404))));
}

/// A type as one may write by hand, with as many values as are asked for.
struct Wide<const N: usize>(usize);

impl<const N: usize> AttributeValue for Wide<N> {
    const CARDINALITY: Option<usize> = Some(N);

    fn index(&self) -> usize {
        self.0
    }

    fn value(&self) -> Option<ValueRef<'_>> {
        Some(ValueRef::I64(i64::try_from(self.0).unwrap_or(-1)))
    }
}

#[test]
fn a_product_that_overflows_is_unknown_and_its_index_does_not_panic() {
    const HALF: usize = 1 << (usize::BITS / 2);
    #[derive(Attributes)]
    struct Huge {
        a: Wide<HALF>,
        b: Wide<HALF>,
        c: Wide<HALF>,
    }
    #[derive(Attributes)]
    struct Fits {
        a: Wide<HALF>,
        b: Wide<{ HALF - 1 }>,
    }
    assert_eq!(Huge::CARDINALITY, None);
    let _ = Huge { a: Wide(HALF - 1), b: Wide(HALF - 1), c: Wide(HALF - 1) }.index();
    assert_eq!(Fits::CARDINALITY, Some(HALF * (HALF - 1)));
    assert_eq!(Fits { a: Wide(HALF - 1), b: Wide(HALF - 2) }.index(), HALF * (HALF - 1) - 1);
}

#[test]
fn a_field_without_any_value_makes_the_cardinality_zero() {
    #[derive(Attributes)]
    struct Impossible {
        channel: Channel,
        never: Wide<0>,
    }
    assert_eq!(Impossible::CARDINALITY, Some(0));
}

#[test]
fn a_field_whose_index_is_out_of_its_range_is_never_taken_for_another_value() {
    #[derive(Attributes)]
    struct Broken {
        channel: Channel,
        liar: Wide<2>,
        region: Region,
    }
    let broken = Broken { channel: Channel::Web, liar: Wide(2), region: Region::Eu };
    assert!(Some(broken.index()) >= Broken::CARDINALITY);
}

#[test]
fn skipped_fields_are_not_attributes_and_need_not_be_values() {
    struct Opaque;
    #[derive(Attributes)]
    struct Skipping {
        #[attribute(skip)]
        _before: Opaque,
        channel: Channel,
        #[attribute(skip)]
        _after: Vec<Opaque>,
    }
    let skipping = Skipping { _before: Opaque, channel: Channel::Partner, _after: vec![Opaque] };
    assert_eq!(keys(&skipping), ["channel"]);
    assert_eq!(Skipping::CARDINALITY, Some(3));
    assert_eq!(skipping.index(), 2);
}

#[test]
fn the_cardinality_is_a_constant() {
    const SLOTS: usize = match <Created as Attributes>::CARDINALITY {
        Some(cardinality) => cardinality,
        None => 0,
    };
    let slots = [0_u8; SLOTS];
    assert_eq!(slots.len(), 12);
}

proptest! {
    #[test]
    fn the_index_is_the_fields_digits_the_first_one_weighing_most(
        a in 0_usize..5, b in 0_usize..7, c in any::<bool>(), d in 0_usize..3,
    ) {
        #[derive(Attributes)]
        struct Mixed {
            a: Wide<5>,
            b: Wide<7>,
            c: bool,
            d: Wide<3>,
        }
        let index = Mixed { a: Wide(a), b: Wide(b), c, d: Wide(d) }.index();
        prop_assert_eq!(index, ((a * 7 + b) * 2 + usize::from(c)) * 3 + d);
    }

    #[test]
    fn borrowed_and_owned_values_come_out_as_they_went_in(text in ".*", number: i64, float: f64) {
        #[derive(Attributes)]
        struct Held<'a> {
            borrowed: &'a str,
            owned: String,
            number: i64,
            float: f64,
        }
        let held = Held { borrowed: &text, owned: text.clone(), number, float };
        let mut visited = Vec::new();
        held.visit(|_, value| visited.push(value));
        prop_assert_eq!(visited, [
            ValueRef::Str(&text),
            ValueRef::Str(&text),
            ValueRef::I64(number),
            ValueRef::F64(float),
        ]);
    }
}
