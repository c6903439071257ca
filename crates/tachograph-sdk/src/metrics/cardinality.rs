//! Which attribute has too many values.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::attributes::{AttributeSet, AttributesHash, Seed};

/// So many series are looked at: the last ones, for it is they who filled the limit.
pub(super) const LOOKED_AT: usize = 1_000;

/// The attribute with the most different values among some sets.
#[derive(Debug, PartialEq)]
pub(crate) struct Widest {
    key: String,
    values: usize,
    sets: usize,
}

impl Widest {
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// `None` if no attribute has two values.
    pub(super) fn of<'a>(seed: Seed, sets: impl Iterator<Item = &'a AttributeSet>) -> Option<Self> {
        let mut values: HashMap<&str, HashSet<u32>> = HashMap::new();
        let mut looked_at = 0;
        for set in sets {
            looked_at += 1;
            for (key, value) in set.iter() {
                // By their hashes: two that share one hardly make a difference.
                let hash = AttributesHash::of(seed, &[("", value)]);
                values.entry(key.as_str()).or_default().insert(hash);
            }
        }
        let (key, values) = values
            .into_iter()
            .map(|(key, values)| (key, values.len()))
            .max_by(|(a, of_a), (b, of_b)| of_a.cmp(of_b).then_with(|| b.cmp(a)))?;
        (values > 1).then(|| Widest { key: key.to_owned(), values, sets: looked_at })
    }
}

impl fmt::Display for Widest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Widest { key, values, sets } = self;
        write!(f, "attribute {key:?} has {values} different values in the last {sets} sets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widest(sets: &[&[(&'static str, i64)]]) -> Option<String> {
        let sets: Vec<AttributeSet> = sets.iter().map(|set| AttributeSet::new(*set)).collect();
        Widest::of(Seed::of_process(), sets.iter()).map(|widest| widest.to_string())
    }

    #[test]
    fn the_attribute_with_the_most_values_is_named_and_the_first_of_equal_ones() {
        assert_eq!(widest(&[]), None);
        assert_eq!(widest(&[&[("a", 1)]]), None);
        assert_eq!(
            widest(&[&[("a", 1), ("b", 1)], &[("a", 1), ("b", 2)], &[("a", 2), ("b", 3)], &[("c", 1)]]),
            Some(r#"attribute "b" has 3 different values in the last 4 sets"#.to_owned())
        );
        assert_eq!(
            widest(&[&[("b", 1), ("a", 1)], &[("b", 2), ("a", 2)]]),
            Some(r#"attribute "a" has 2 different values in the last 2 sets"#.to_owned())
        );
    }
}
