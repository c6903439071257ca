use super::words::LONGEST;
use super::*;
use opentelemetry::Key;
use std::sync::{Arc, Mutex};

fn known() -> Known {
    Known { row: crate::cells::allocate(1).unwrap(), overflow: false }
}

fn learn<A: Attributes + ?Sized>(spellings: &Spellings, attributes: &A) {
    let set = AttributeSet::new(attributes);
    if spellings.wants(attributes, &set) {
        spellings.learn(Seed::of_process(), attributes, &set, known());
    }
    // A series keeps its attributes as long as there are spellings.
    static KEPT: Mutex<Vec<AttributeSet>> = Mutex::new(Vec::new());
    KEPT.lock().unwrap().push(set);
}

fn finds<A: Attributes + ?Sized>(spellings: &Spellings, attributes: &A) -> bool {
    spellings.find(Seed::of_process(), attributes).is_some()
}

fn learns<A: Attributes>(attributes: A) -> bool {
    let spellings = Spellings::new(10);
    learn(&spellings, &attributes);
    finds(&spellings, &attributes)
}

/// Longer than any spelling by text has room for.
fn long() -> &'static str {
    static LONG: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| "0123456789".repeat(100));
    &LONG
}

#[test]
fn keys_that_keep_their_address_and_short_values_are_learnt() {
    let shared: Arc<str> = "shared".into();
    assert!(learns([("k", "short"), ("l", "seventeen bytes..")]));
    assert!(learns([KeyValue::new("k", "owned".to_owned()), KeyValue::new("n", 1)]));
    assert!(learns([KeyValue::new(Key::from(shared), 1.5)]));
    let many = [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6), ("g", 7), ("h", 8), ("i", 9)];
    for len in 1..=9 {
        let pairs: Vec<KeyValue> =
            many[..len].iter().map(|(key, value)| KeyValue::new(*key, *value)).collect();
        let spellings = Spellings::new(10);
        learn(&spellings, &many[..len]);
        assert_eq!(finds(&spellings, &many[..len]), len <= MOST_PAIRS, "{len}");
        learn(&spellings, pairs.as_slice());
        assert_eq!(finds(&spellings, pairs.as_slice()), len <= MOST_PAIRS, "{len} of the API's");
    }
    assert!(!learns([KeyValue::new("owned".to_owned(), "v")]));
    assert!(!learns([("owned".to_owned(), "v")]));
    assert!(learns([("k", &long()[..LONGEST])]));
    assert!(!learns([("k", &long()[..=LONGEST])]));
    assert!(learns([("k", &long()[..LONGEST]), ("l", "")]));
    assert!(!learns([("k", &long()[..LONGEST]), ("l", "x")]));
    assert!(learns([KeyValue::new("k", long())]));
    assert!(learns([KeyValue::new("k", Arc::<str>::from(long()))]));
    assert!(!learns([KeyValue::new("k", long().to_owned())]));
}

#[test]
fn a_place_is_no_more_than_its_length_and_no_less_than_its_text() {
    let spellings = Spellings::new(100);
    learn(&spellings, &[KeyValue::new("k", long())]);
    assert!(finds(&spellings, &[KeyValue::new("k", long())]));
    assert!(!finds(&spellings, &[KeyValue::new("k", &long()[..29])]));
    assert!(!finds(&spellings, &[KeyValue::new("k", long().to_owned())]));
    assert!(!finds(&spellings, &[("k", long())]), "who borrows is not found by place");
}

#[test]
fn what_is_at_the_place_of_a_string_that_is_gone_is_another() {
    let spellings = Spellings::new(100);
    let mut text = "first".to_owned();
    learn(&spellings, &[("k", text.as_str())]);
    text.replace_range(.., "other");
    assert!(!finds(&spellings, &[("k", text.as_str())]));
    text.replace_range(.., "first");
    assert!(finds(&spellings, &[("k", text.as_str())]));
}

#[test]
fn values_of_every_length_are_told_apart_by_each_of_their_bytes() {
    for len in (0..=70).chain([LONGEST]) {
        let spellings = Spellings::new(100);
        let text = "x".repeat(len);
        learn(&spellings, &[("k", text.as_str())]);
        assert!(finds(&spellings, &[("k", text.as_str())]));
        assert!(finds(&spellings, &[KeyValue::new("k", text.clone())]));
        assert!(!finds(&spellings, &[("k", format!("{text}x"))]));
        for at in 0..len {
            let mut other = text.clone();
            other.replace_range(at..=at, "y");
            assert!(!finds(&spellings, &[("k", other)]), "{len} {at}");
        }
    }
}

#[test]
fn values_of_different_lengths_side_by_side_are_told_apart_by_each_of_their_bytes() {
    const LENGTHS: [usize; 10] = [0, 3, 7, 8, 15, 16, 17, 31, 32, 40];
    for lengths in LENGTHS.into_iter().flat_map(|first| LENGTHS.map(|second| [first, second])) {
        let spellings = Spellings::new(100);
        let texts = lengths.map(|len| "x".repeat(len));
        let pairs = |texts: &[String; 2]| [("k", texts[0].clone()), ("l", texts[1].clone())];
        learn(&spellings, &pairs(&texts));
        assert!(finds(&spellings, &pairs(&texts)), "{lengths:?}");
        for (which, len) in lengths.into_iter().enumerate() {
            for at in 0..len {
                let mut other = texts.clone();
                other[which].replace_range(at..=at, "y");
                assert!(!finds(&spellings, &pairs(&other)), "{lengths:?} {which} {at}");
            }
        }
    }
}

#[test]
fn of_texts_that_are_alike_to_the_hash_only_some_are_learnt() {
    let spellings = Spellings::new(100);
    // The first eight bytes and the last are one word to the hash, with its halves turned.
    let alike = |n: u8| {
        let (n, m) = ((b'a' + n) as char, (b'a' + n) as char);
        format!("{n}00000000000000000000000000{m}000")
    };
    (0..20).for_each(|n| learn(&spellings, &[("k", alike(n))]));
    assert_eq!((0..20).filter(|n| finds(&spellings, &[("k", alike(*n))])).count(), MOST_ALIKE);
}

#[test]
fn whatever_differs_is_told_apart() {
    let spellings = Spellings::new(100);
    let learnt = [("k", "ab"), ("l", "c"), ("m", ""), ("n", "12345678")];
    learn(&spellings, &learnt);
    assert!(finds(&spellings, &learnt));
    assert!(!finds(&spellings, &learnt[..3]));
    assert!(!finds(&spellings, &[("k", "a"), ("l", "bc"), ("m", ""), ("n", "12345678")]));
    for at in 0..learnt.len() {
        for other in ["a", "bc", "1234567", "123456789", "\0", "xx"] {
            let mut pairs = learnt;
            pairs[at].1 = other;
            assert!(!finds(&spellings, &pairs));
        }
        let mut pairs = learnt;
        pairs[at].0 = "other";
        assert!(!finds(&spellings, &pairs));
    }
    let mut turned = learnt;
    turned.swap(0, 1);
    assert!(!finds(&spellings, &turned), "another shape");
    learn(&spellings, &turned);
    assert!(finds(&spellings, &turned));
    learn(&spellings, &[("n", 1)]);
    assert!(finds(&spellings, &[("n", 1)]) && finds(&spellings, &[KeyValue::new("n", 1)]));
    assert!(!finds(&spellings, &[("n", 2)]) && !finds(&spellings, &[("n", true)]));
}

#[test]
fn no_more_is_learnt_than_there_is_room_for() {
    let spellings = Spellings::new(1);
    let learnt: Vec<bool> = (0..100)
        .map(|n| {
            let pairs = [("k", n), ("l", n), ("m", n)];
            learn(&spellings, &pairs);
            finds(&spellings, &pairs)
        })
        .collect();
    assert!(learnt.is_sorted_by(|before, after| before >= after), "once there is no room there is none");
    // Room for 64 spellings and for four of the one series, if they take eight words each, as these do.
    assert_eq!(learnt.into_iter().filter(|learnt| *learnt).count(), 68);
}

/// Learns, and says whether it could: now and then too many are under one hash already.
fn is_learnt<A: Attributes + ?Sized>(spellings: &Spellings, attributes: &A) -> bool {
    learn(spellings, attributes);
    finds(spellings, attributes)
}

#[test]
fn whatever_is_learnt_is_found_when_much_more_has_been_learnt() {
    // Each at one address, for that is what keys are told by.
    static TEXT: &str = "text";
    static OTHER: &str = "other";
    static NUMBER: &str = "number";
    static PLACE: &str = "place";
    macro_rules! each {
        ($call:ident, $spellings:expr, $n:expr, $text:expr) => {
            [
                $call($spellings, &[(TEXT, $text)]),
                $call($spellings, &[(TEXT, &$text[30..]), (OTHER, "short")]),
                $call($spellings, &[(TEXT, &$text[40..]), (OTHER, "short")]),
                $call($spellings, &[(NUMBER, $n as i64)]),
                $call($spellings, &[KeyValue::new(PLACE, &long()[..$n])]),
                $call($spellings, &[KeyValue::new(PLACE, &long()[$n..]), KeyValue::new(NUMBER, 1.5)]),
            ]
        };
    }
    let spellings = Spellings::new(1_000);
    let texts: Vec<String> = (0..200).map(|n| format!("{n:050}")).collect();
    let learnt: Vec<[bool; 6]> =
        texts.iter().enumerate().map(|(n, text)| each!(is_learnt, &spellings, n, text.as_str())).collect();
    let missed = learnt.as_flattened().iter().filter(|learnt| !**learnt).count();
    assert!(missed <= 12, "{missed} of 1,200");
    for (n, text) in texts.iter().enumerate() {
        let found = each!(finds, &spellings, n, text.as_str());
        assert!(learnt[n].iter().zip(found).all(|(learnt, found)| !learnt || found), "{n}: {found:?}");
    }
}

#[test]
fn after_enough_failures_nobody_tries_to_learn() {
    let spellings = Spellings::new(100);
    for n in 0..=MOST_FAILURES {
        assert!(spellings.wants(&[("k", "v")], &AttributeSet::new(&())));
        learn(&spellings, &[KeyValue::new(format!("key {n}"), "v")]);
    }
    assert!(!spellings.wants(&[("k", "v")], &AttributeSet::new(&())));
}
