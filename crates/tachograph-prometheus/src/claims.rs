//! Which family every name on the page belongs to.
//!
//! OpenMetrics asks that the name of a sample tells its family: no family may be called what a sample
//! of another is, or could be, called (a histogram `a` has `a_bucket`, `a_count`, `a_sum` and might have
//! `a_created`). Names that samples do have are *held*; the second family that wants one is dropped.
//! Names that only OpenMetrics knows are *lent*: a counter `a_total` is the family `a` there and might
//! have `a_created`, `target_info` is the family `target`. When a family needs such a name, or has it
//! already, the counter is called `a_total` of type `unknown` in OpenMetrics (and `target_info` a
//! gauge), and nothing is lost.

use std::collections::HashMap;

use crate::name::FamilyKind;

/// Whom a name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    TargetInfo,
    /// By its place in the order of families.
    Family(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Claims {
    held: HashMap<Box<str>, Owner>,
    lent: HashMap<Box<str>, Owner>,
}

impl Claims {
    /// Who holds a name.
    pub(crate) fn holder(&self, name: &str) -> Option<Owner> {
        self.held.get(name).copied()
    }

    /// Takes the names of a new family, or returns one that another holds and takes none. Passes to
    /// `give_up` whoever a taken name was lent to.
    pub(crate) fn hold(
        &mut self,
        owner: Owner,
        names: &[String],
        mut give_up: impl FnMut(Owner),
    ) -> Result<(), (String, Owner)> {
        if let Some((name, holder)) = names.iter().find_map(|name| Some((name.clone(), self.holder(name)?))) {
            return Err((name, holder));
        }
        for name in names {
            if let Some(borrower) = self.lent.get(&**name).copied() {
                self.lent.retain(|_, other| *other != borrower);
                give_up(borrower);
            }
            self.held.insert(name.as_str().into(), owner);
        }
        Ok(())
    }

    /// Lends names to a family, all or none of them. Returns whether it has them.
    pub(crate) fn lend(&mut self, owner: Owner, names: &[String]) -> bool {
        let is_free = |name: &String| !self.held.contains_key(&**name) && !self.lent.contains_key(&**name);
        let all = names.iter().all(is_free);
        if all {
            self.lent.extend(names.iter().map(|name| (name.as_str().into(), owner)));
        }
        all
    }
}

/// The names that a family's samples have, its own first, in any format.
pub(crate) fn held_names(name: &str, kind: FamilyKind) -> Vec<String> {
    let suffixes: &[&str] = match kind {
        FamilyKind::Counter | FamilyKind::Gauge => &[""],
        FamilyKind::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
    };
    suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_held_name_is_refused_and_nothing_is_taken() {
        let mut claims = Claims::default();
        claims.hold(Owner::Family(0), &held_names("a", FamilyKind::Histogram), |_| unreachable!()).unwrap();
        let refused = claims.hold(Owner::Family(1), &names(&["b", "a_count"]), |_| unreachable!());
        assert_eq!(refused, Err(("a_count".to_owned(), Owner::Family(0))));
        assert_eq!(claims.holder("b"), None);
        assert_eq!(claims.holder("a_created"), Some(Owner::Family(0)));
    }

    #[test]
    fn a_lent_name_is_given_up_to_whoever_needs_it() {
        let mut claims = Claims::default();
        assert!(claims.lend(Owner::Family(0), &names(&["a", "a_created"])));
        assert!(!claims.lend(Owner::Family(1), &names(&["a_created", "x"])), "lent already");
        let mut gave_up = Vec::new();
        claims.hold(Owner::Family(2), &names(&["a_created"]), |owner| gave_up.push(owner)).unwrap();
        assert_eq!(gave_up, [Owner::Family(0)]);
        // With one name it gave up the other.
        claims.hold(Owner::Family(3), &names(&["a"]), |_| unreachable!()).unwrap();
        assert!(!claims.lend(Owner::Family(4), &names(&["a"])), "held");
    }
}
