//! Text that comes again and again in a table's sets, kept once.

use std::sync::Arc;

use opentelemetry::{StringValue, Value};

use super::{Seed, ValueRef};

/// Before so many, text is copied without a thought: streams of few series have nothing to gain.
const FIRST: u32 = 64;
/// How many texts are remembered, each in the one place that its hash says.
const PLACES: usize = 256;
/// Longer text is copied.
const LONGEST: usize = 255;

/// The texts of values that came last, so that sets that have the same share it: as nearly all do, or there would be too many of them.
///
/// Text is shared from its third time on. What comes once costs a look at one place.
#[derive(Default)]
pub(super) struct Texts {
    copied: u32,
    recent: Option<Box<Recent>>,
}

struct Recent {
    seed: Seed,
    places: [Place; PLACES],
}

#[derive(Clone, Default)]
struct Place {
    /// Of the text that was here last.
    hash: u32,
    /// It, if it came twice.
    text: Option<Arc<str>>,
}

impl Texts {
    /// A value to keep.
    pub(super) fn value(&mut self, value: ValueRef<'_>) -> Value {
        match value {
            ValueRef::Str(text) => Value::String(self.text(text)),
            other => other.to_value(),
        }
    }

    fn text(&mut self, text: &str) -> StringValue {
        let copy = || StringValue::from(text.to_owned());
        if self.copied < FIRST {
            self.copied += 1;
            return copy();
        }
        if text.len() > LONGEST {
            return copy();
        }
        let recent = self.recent.get_or_insert_with(Recent::new);
        let place = recent.place(text);
        match place {
            Some(Place { text: Some(own), .. }) if **own == *text => StringValue::from(Arc::clone(own)),
            Some(Place { text: Some(_), .. }) | None => copy(),
            Some(Place { text: own, .. }) => StringValue::from(Arc::clone(own.insert(Arc::from(text)))),
        }
    }
}

impl Recent {
    fn new() -> Box<Self> {
        Box::new(Recent { seed: Seed::of_process(), places: std::array::from_fn(|_| Place::default()) })
    }

    /// The text's place, if that is what was there last; from now on it is.
    fn place(&mut self, text: &str) -> Option<&mut Place> {
        let (a, b) = self.seed.words(text.as_bytes());
        let mixed = self.seed.mix(a, b);
        let place = &mut self.places[mixed as usize % PLACES];
        let hash = (mixed >> 32) as u32;
        if place.hash == hash {
            return Some(place);
        }
        *place = Place { hash, text: None };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts_that_share() -> Texts {
        let mut texts = Texts::default();
        (0..FIRST).for_each(|_| drop(texts.text("few")));
        texts
    }

    fn address(value: &StringValue) -> usize {
        value.as_str().as_ptr().addr()
    }

    #[test]
    fn text_is_shared_once_it_has_come_twice() {
        let mut texts = texts_that_share();
        assert!(texts.recent.is_none(), "few texts need no memory");
        for (text, other) in
            [("web", "app"), ("", "x"), ("/customers/{id}/orders", "/customers/{id}/parcels")]
        {
            let [first, second, third] = std::array::from_fn(|_| texts.text(text));
            let other = [texts.text(other), texts.text(other)];
            assert_eq!([first.as_str(), second.as_str(), third.as_str()], [text; 3]);
            if !text.is_empty() {
                assert_ne!(address(&first), address(&second));
            }
            assert_eq!(address(&second), address(&third));
            assert!(other.iter().all(|other| other.as_str() != text));
        }
    }

    #[test]
    fn text_that_does_not_come_again_or_is_long_is_not_kept() {
        let mut texts = texts_that_share();
        let long = "x".repeat(LONGEST + 1);
        for number in 0..10_000 {
            let text = number.to_string();
            assert_eq!(texts.text(&text).as_str(), text);
            assert_eq!(texts.text(&long).as_str(), long);
        }
        let recent = texts.recent.unwrap();
        assert!(recent.places.iter().all(|place| place.text.is_none()));
    }

    #[test]
    fn whatever_comes_in_whatever_order_is_what_is_given() {
        let mut texts = texts_that_share();
        let mut state = 1_u64;
        for _ in 0..100_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let text = format!("value-{}", (state >> 33) % 700);
            assert_eq!(texts.text(&text).as_str(), text);
        }
    }

    #[test]
    fn texts_of_one_hash_are_told_apart() {
        let mut texts = texts_that_share();
        drop((texts.text("one"), texts.text("one")));
        let recent = texts.recent.as_mut().unwrap();
        let (place, hash) = recent
            .places
            .iter()
            .position(|place| place.text.is_some())
            .map(|at| (at, recent.places[at].hash))
            .unwrap();
        recent.places[place] = Place { hash, text: Some(Arc::from("two")) };
        assert_eq!(texts.text("one").as_str(), "one");
        assert_eq!(texts.text("one").as_str(), "one");
    }
}
