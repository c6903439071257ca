//! Random attribute sets, in random spellings, against a map.

mod support;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use opentelemetry::{Array, KeyValue, Value};
use proptest::prelude::*;
use support::{provider, snapshot};
use tachograph_sdk::{Counter, KeyRef, ValueRef};

const KEYS: [&str; 8] =
    ["a", "b", "ab", "k.status", "j.status", "http.route", "", "a.very.long.key.name.indeed"];
const TEXTS: [&str; 8] = ["", "a", "b", "ab", "abcdefgh", "abcdefghi", "0123456789abcdef0", "GET"];

#[derive(Clone, Debug)]
enum Plain {
    Text(usize),
    Int(i64),
    Float(f64),
    Bool(bool),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Vec<usize>),
}

impl Plain {
    /// As the API has it; strings owned by whom `spelling` says.
    fn value(&self, spelling: usize) -> Value {
        match self {
            Plain::Text(text) => match spelling % 3 {
                0 => Value::from(TEXTS[*text]),
                1 => Value::from(TEXTS[*text].to_owned()),
                _ => Value::from(Arc::<str>::from(TEXTS[*text])),
            },
            Plain::Int(value) => Value::I64(*value),
            Plain::Float(value) => Value::F64(*value),
            Plain::Bool(value) => Value::Bool(*value),
            Plain::Ints(values) => Value::Array(Array::I64(values.clone())),
            Plain::Floats(values) => Value::Array(Array::F64(values.clone())),
            Plain::Texts(values) => {
                Value::Array(Array::String(values.iter().map(|text| TEXTS[*text].into()).collect()))
            }
        }
    }

    /// What tells it apart: floats by their bits.
    fn identity(&self) -> String {
        let bits = |value: &f64| format!("{:x}", value.to_bits());
        match self {
            Plain::Float(value) => format!("float {}", bits(value)),
            Plain::Floats(values) => format!("floats {:?}", values.iter().map(bits).collect::<Vec<_>>()),
            other => format!("{other:?}"),
        }
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    let float = || prop_oneof![Just(f64::NAN), Just(0.0), Just(-0.0), Just(1.0)];
    prop_oneof![
        4 => (0..TEXTS.len()).prop_map(Plain::Text),
        2 => (0..3_i64).prop_map(Plain::Int),
        1 => float().prop_map(Plain::Float),
        1 => any::<bool>().prop_map(Plain::Bool),
        1 => prop::collection::vec(0..2_i64, 0..3).prop_map(Plain::Ints),
        1 => prop::collection::vec(float(), 0..3).prop_map(Plain::Floats),
        1 => prop::collection::vec(0..4_usize, 0..3).prop_map(Plain::Texts),
    ]
}

/// Pairs as a caller may give them, duplicates and all, and how they are spelled.
fn call() -> impl Strategy<Value = (Vec<(usize, Plain)>, usize)> {
    let size = prop_oneof![8 => 0..4_usize, 1 => 4..20_usize];
    let pairs = size.prop_flat_map(|size| prop::collection::vec((0..KEYS.len(), plain()), size));
    (pairs, 0..12_usize)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn series_are_what_a_map_of_sets_would_be(calls in prop::collection::vec(call(), 1..60)) {
        let provider = provider();
        let counter: Counter<u64> = provider.meter("m").counter("n").build();
        let api = provider.meter("m").as_otel().u64_counter("n").build();
        let mut model: HashMap<BTreeMap<usize, String>, (u64, Vec<KeyValue>)> = HashMap::new();
        for (at, (pairs, spelling)) in calls.iter().enumerate() {
            let add = at as u64 + 1;
            let key_values: Vec<KeyValue> = pairs
                .iter()
                .enumerate()
                .map(|(n, (key, value))| match (spelling + n) % 2 {
                    0 => KeyValue::new(KEYS[*key], value.value(spelling + n)),
                    _ => KeyValue::new(KEYS[*key].to_owned(), value.value(spelling + n)),
                })
                .collect();
            match spelling % 4 {
                0 => api.add(add, &key_values),
                1 => counter.add(add, key_values.as_slice()),
                2 => {
                    let borrowed: Vec<(&'static str, ValueRef<'_>)> = pairs
                        .iter()
                        .zip(&key_values)
                        .map(|((key, _), pair)| (KEYS[*key], ValueRef::from(&pair.value)))
                        .collect();
                    counter.add(add, borrowed.as_slice());
                }
                _ => {
                    let keys: Vec<(KeyRef<'_>, Value)> = key_values
                        .iter()
                        .map(|pair| (KeyRef::borrowed(pair.key.as_str()), pair.value.clone()))
                        .collect();
                    counter.bind(keys.as_slice()).add(add);
                }
            }
            let set: BTreeMap<usize, String> =
                pairs.iter().map(|(key, value)| (*key, value.identity())).collect();
            let entry = model.entry(set).or_insert_with(|| (0, key_values));
            entry.0 += add;
        }
        let snapshot = snapshot(&provider);
        let metric = snapshot.metric("n");
        prop_assert_eq!(metric.points().len(), model.len());
        for (total, spelling) in model.values() {
            prop_assert!(metric.value(spelling.as_slice()) == *total, "{:?} should be {}: {}", spelling, total, metric);
        }
    }
}
