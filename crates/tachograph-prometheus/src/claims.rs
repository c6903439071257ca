//! Which family every name on the page belongs to.
//!
//! OpenMetrics asks that the name of a sample tells its family: no family may be called what a sample
//! of another is, or could be, called (a histogram `a` has `a_bucket`, `a_count`, `a_sum` and might have
//! `a_created`). Names that samples do have are *held*; the second family that wants one is dropped.
//! Names that only OpenMetrics knows are *lent*: a counter `a_total` is the family `a` there and might
//! have `a_created`, `target_info` is the family `target`. When a family needs such a name, or has it
//! already, the counter is called `a_total` of type `unknown` in OpenMetrics (and `target_info` a
//! gauge), and nothing is lost. Of a producer's summary `a` the samples are `a`, `a_sum` and `a_count`; its info
//! `a_info` is the family `a` in OpenMetrics, as a counter `a_total` is.
//!
//! Only the families' own names are kept; what else they hold or borrow follows from those.

use std::collections::HashMap;

use crate::name::{FamilyKind, TOTAL};

/// Whom a name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    TargetInfo,
    /// By its place in the order of families.
    Family(u32),
    /// A family of a producer's.
    Produced,
}

/// Which names a family has beside its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Plain,
    Counter,
    Histogram,
    Summary,
    Info,
    TargetInfo,
}

impl Shape {
    pub(crate) fn of(kind: FamilyKind) -> Self {
        match kind {
            FamilyKind::Counter => Shape::Counter,
            FamilyKind::Gauge => Shape::Plain,
            FamilyKind::Histogram => Shape::Histogram,
        }
    }

    /// What its samples end in, or might.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Shape::Histogram => &HISTOGRAM_SUFFIXES,
            Shape::Summary => &HISTOGRAM_SUFFIXES[1..],
            Shape::Plain | Shape::Counter | Shape::Info | Shape::TargetInfo => &[],
        }
    }

    /// What its name ends in, where OpenMetrics has a family without that.
    fn lends(self) -> Option<&'static str> {
        match self {
            Shape::Counter => Some(TOTAL),
            Shape::Info | Shape::TargetInfo => Some(INFO),
            Shape::Plain | Shape::Histogram | Shape::Summary => None,
        }
    }
}

/// Why a family cannot have its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The name that is taken.
    pub(crate) name: String,
    /// The own name of the family that has it.
    pub(crate) holder: String,
}

#[derive(Debug, Default)]
pub(crate) struct Claims {
    by_name: HashMap<Box<str>, Claim>,
}

#[derive(Debug)]
struct Claim {
    owner: Owner,
    /// `None` of `target_info`, and of what a producer has.
    kind: Option<FamilyKind>,
    shape: Shape,
    /// Whether it has the names that are lent: a counter or an info with its type in OpenMetrics.
    borrows: bool,
}

/// The name of `target_info`, and of its family in OpenMetrics.
pub(crate) const TARGET_INFO: &str = "target_info";
pub(crate) const TARGET: &str = "target";

/// What infos end in.
pub(crate) const INFO: &str = "_info";

pub(crate) const CREATED: &str = "_created";

/// What samples of a histogram end in, or might.
const HISTOGRAM_SUFFIXES: [&str; 4] = ["_bucket", "_sum", "_count", CREATED];

impl Claims {
    /// Takes the names of `target_info`. Comes before any family.
    pub(crate) fn hold_target_info(&mut self) {
        let claim = Claim { owner: Owner::TargetInfo, kind: None, shape: Shape::TargetInfo, borrows: true };
        self.by_name.insert(TARGET_INFO.into(), claim);
    }

    /// The family that has exactly this name.
    pub(crate) fn family(&self, name: &str) -> Option<(u32, FamilyKind)> {
        let claim = self.by_name.get(name)?;
        match claim.owner {
            Owner::Family(family) => Some((family, claim.kind?)),
            Owner::TargetInfo | Owner::Produced => None,
        }
    }

    /// Whether a counter or an info has its type in OpenMetrics.
    pub(crate) fn has_type(&self, name: &str) -> bool {
        self.by_name.get(name).is_none_or(|claim| claim.borrows || claim.shape.lends().is_none())
    }

    /// Takes the names of a new family, the next one in order. Returns whose names it took that were
    /// lent; or, and then takes nothing, a name that another holds.
    pub(crate) fn hold(&mut self, name: &str, kind: FamilyKind, family: u32) -> Result<Vec<Owner>, Taken> {
        let gave_up = self.hold_shape(name, Shape::of(kind), Owner::Family(family))?;
        if let Some(claim) = self.by_name.get_mut(name) {
            claim.kind = Some(kind);
        }
        Ok(gave_up)
    }

    /// As [`hold`](Self::hold), of a family that may be a producer's.
    pub(crate) fn hold_shape(&mut self, name: &str, shape: Shape, owner: Owner) -> Result<Vec<Owner>, Taken> {
        let mut names = vec![name.to_owned()];
        names.extend(shape.suffixes().iter().map(|suffix| format!("{name}{suffix}")));
        for name in &names {
            if let Some(holder) = self.holder(name) {
                return Err(Taken { name: name.clone(), holder: holder.to_owned() });
            }
        }
        let mut gave_up = Vec::new();
        for name in &names {
            while let Some(borrower) = self.borrower(name).and_then(|key| self.by_name.get_mut(&*key)) {
                borrower.borrows = false;
                gave_up.push(borrower.owner);
            }
        }
        // OpenMetrics knows no counter without `_total`, nor one that is called nothing else.
        let base = shape.lends().and_then(|suffix| name.strip_suffix(suffix)).filter(|base| !base.is_empty());
        let borrows = base.is_some_and(|base| {
            let is_free = |name: &str| self.holder(name).is_none() && self.borrower(name).is_none();
            is_free(base) && (shape != Shape::Counter || is_free(&format!("{base}{CREATED}")))
        });
        self.by_name.insert(name.into(), Claim { owner, kind: None, shape, borrows });
        Ok(gave_up)
    }

    /// The own name of who holds a name: a family that is called so, or one with a sample that is.
    fn holder<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.by_name.contains_key(name) {
            return Some(name);
        }
        HISTOGRAM_SUFFIXES.iter().find_map(|suffix| {
            let base = name.strip_suffix(suffix)?;
            self.by_name.get(base)?.shape.suffixes().contains(suffix).then_some(base)
        })
    }

    /// The own name of whoever a name is lent to.
    fn borrower(&self, name: &str) -> Option<String> {
        let of = |base: &str, suffix: &str| {
            let key = format!("{base}{suffix}");
            let claim = self.by_name.get(&*key)?;
            (claim.borrows && claim.shape.lends() == Some(suffix)).then_some(key)
        };
        of(name, TOTAL).or_else(|| of(name.strip_suffix(CREATED)?, TOTAL)).or_else(|| of(name, INFO))
    }
}

#[cfg(test)]
mod tests {
    use FamilyKind::{Counter, Gauge, Histogram};

    use super::*;

    /// Takes names in turn; gives what came of each.
    fn hold(names: &[(&str, FamilyKind)]) -> (Claims, Vec<Result<Vec<Owner>, Taken>>) {
        let mut claims = Claims::default();
        let held = names.iter().zip(0..).map(|((name, kind), number)| claims.hold(name, *kind, number));
        let held = held.collect();
        (claims, held)
    }

    #[test]
    fn a_held_name_is_refused_whoever_comes_first() {
        let taken =
            |name: &str, holder: &str| Err(Taken { name: name.to_owned(), holder: holder.to_owned() });
        for suffix in ["a_bucket", "a_sum", "a_count", "a_created"] {
            assert_eq!(hold(&[("a", Histogram), (suffix, Gauge)]).1[1], taken(suffix, "a"));
            assert_eq!(hold(&[(suffix, Gauge), ("a", Histogram)]).1[1], taken(suffix, suffix));
        }
        assert_eq!(hold(&[("a", Gauge), ("a", Histogram)]).1[1], taken("a", "a"));
        assert_eq!(hold(&[("a_total", Gauge), ("a_total", Counter)]).1[1], taken("a_total", "a_total"));
        // Who was refused holds nothing.
        let (claims, _) = hold(&[("a_count", Gauge), ("a", Histogram)]);
        assert_eq!(claims.family("a"), None);
        assert_eq!(claims.holder("a_sum"), None);
    }

    #[test]
    fn a_lent_name_is_given_up_to_whoever_needs_it() {
        for needed in ["a", "a_created"] {
            let (claims, held) = hold(&[("a_total", Counter), (needed, Gauge)]);
            assert_eq!(held[1], Ok(vec![Owner::Family(0)]));
            assert!(!claims.has_type("a_total"));
        }
        let (claims, _) = hold(&[("a_total", Counter), ("b_total", Counter), ("c", Gauge)]);
        assert!(claims.has_type("a_total") && claims.has_type("b_total") && claims.has_type("c"));
    }

    #[test]
    fn a_name_is_not_lent_to_two_nor_where_it_is_held() {
        for first in [("a", Gauge), ("a_created", Gauge), ("a_created_total", Counter), ("a", Histogram)] {
            let (claims, held) = hold(&[first, ("a_total", Counter)]);
            assert_eq!(held[1], Ok(vec![]));
            assert!(!claims.has_type("a_total"), "{first:?}");
        }
    }

    #[test]
    fn a_counter_that_does_not_end_in_total_has_no_type() {
        let (claims, held) = hold(&[("a", Counter), ("a_total", Counter), ("_total", Counter), ("b", Gauge)]);
        assert!(held.iter().all(Result::is_ok));
        assert!(!claims.has_type("a") && !claims.has_type("a_total") && !claims.has_type("_total"));
    }

    #[test]
    fn target_info_gives_up_its_type_but_not_its_name() {
        let mut claims = Claims::default();
        claims.hold_target_info();
        assert!(claims.has_type(TARGET_INFO));
        assert!(claims.hold(TARGET_INFO, Gauge, 0).is_err());
        assert_eq!(claims.hold(TARGET, Gauge, 0), Ok(vec![Owner::TargetInfo]));
        assert!(!claims.has_type(TARGET_INFO));
    }
}
