use std::sync::Arc;

use opentelemetry::{Key, StringValue, Value};

use super::*;

/// A pair that shows in the count of `witness` whether it was dropped.
fn pair(witness: &Arc<str>) -> KeyValue {
    KeyValue::new("k", StringValue::from(Arc::clone(witness)))
}

fn filled(store: &mut PairStore, room: usize, len: usize, witness: &Arc<str>) -> Pairs {
    let mut run = store.run(room);
    (0..len).for_each(|_| run.push(pair(witness)));
    run.finish()
}

fn chunks(sets: &[Pairs]) -> usize {
    let mut chunks: Vec<_> = sets.iter().filter_map(Pairs::chunk).collect();
    chunks.dedup();
    chunks.len()
}

#[test]
fn sets_lie_one_after_the_other_in_few_chunks_and_are_dropped_once() {
    let witness: Arc<str> = Arc::from("v");
    let mut store = PairStore::default();
    let sets: Vec<Pairs> = (0..1_000).map(|_| filled(&mut store, 3, 3, &witness)).collect();
    assert_eq!(Arc::strong_count(&witness), 1 + 3_000);
    assert!(chunks(&sets) < 70, "{}", chunks(&sets));
    assert!(store.dealt < 3_000 + MOST_ROOM, "{}", store.dealt);
    assert!(sets.iter().all(|set| set.len() == 3 && set[2].value == Value::from(Arc::clone(&witness))));
    // Whichever goes first.
    let (kept, gone): (Vec<_>, Vec<_>) =
        sets.into_iter().enumerate().partition(|(number, _)| number % 7 == 0);
    drop(gone);
    drop(store);
    assert_eq!(Arc::strong_count(&witness), 1 + 3 * kept.len());
    assert!(kept.iter().all(|(_, set)| set[0].key == Key::from("k")));
    drop(kept);
    assert_eq!(Arc::strong_count(&witness), 1);
}

#[test]
fn what_is_taken_back_is_dropped_and_its_places_are_dealt_again_however_long_sets_are() {
    let witness: Arc<str> = Arc::from("v");
    let mut store = PairStore::default();
    let mut most = 0;
    for round in 0..100 {
        let len = [3, 1, 8, 2][round % 4];
        let sets: Vec<Pairs> = (0..50).map(|_| filled(&mut store, len, len, &witness)).collect();
        assert_eq!(Arc::strong_count(&witness), 1 + 50 * len);
        sets.into_iter().for_each(|set| store.take_back(set));
        assert_eq!(Arc::strong_count(&witness), 1);
        if round < 8 {
            most = store.dealt;
        }
    }
    assert_eq!(store.dealt, most, "nothing is added once there was room for each kind");
}

#[test]
fn a_run_takes_no_more_than_it_was_made_for_and_gives_back_what_it_does_not_need() {
    let witness: Arc<str> = Arc::from("v");
    let mut store = PairStore::default();
    let full = filled(&mut store, 2, 5, &witness);
    assert_eq!((full.len(), Arc::strong_count(&witness)), (2, 3));
    let dealt = store.dealt;
    let mut run = store.run(4);
    (0..4).for_each(|_| run.push(pair(&witness)));
    run.truncate(1);
    let cut = run.finish();
    assert_eq!((cut.len(), Arc::strong_count(&witness)), (1, 4));
    let rest = filled(&mut store, 3, 3, &witness);
    assert_eq!(store.dealt, dealt + 4, "the three places that were left over");
    let none = filled(&mut store, 1, 0, &witness);
    assert!(none.is_empty());
    store.take_back(none);
    drop((full, cut, rest, store));
    assert_eq!(Arc::strong_count(&witness), 1);
}

#[test]
fn a_run_that_is_given_up_leaves_nothing_and_its_places_are_dealt_again() {
    let witness: Arc<str> = Arc::from("v");
    let mut store = PairStore::default();
    let mut run = store.run(3);
    run.push(pair(&witness));
    drop(run);
    assert_eq!(Arc::strong_count(&witness), 1);
    let dealt = store.dealt;
    let set = filled(&mut store, 3, 3, &witness);
    assert_eq!(store.dealt, dealt);
    let copy = set.clone();
    assert!(copy == set && copy.chunk().is_none());
    store.take_back(copy);
    drop(store);
    drop(set);
    assert_eq!(Arc::strong_count(&witness), 1);
}
