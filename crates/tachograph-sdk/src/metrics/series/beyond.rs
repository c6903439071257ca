//! What becomes of attributes for which there is no room: under the limit, or in the process's cells.

use std::sync::atomic::Ordering;

use super::{Found, Full, MOST_SERIES, OVERFLOW_ATTRIBUTE, Overflow, SeriesTable, hash_of_meant};
use crate::attributes::{AttributeSet, Attributes, AttributesHash};
use crate::cells::{self, Row};
use crate::metrics::cardinality::{LOOKED_AT, Widest};
use crate::metrics::fold::Fold;
use crate::metrics::options::CardinalityOverflow;
use crate::sync::lock;

impl SeriesTable {
    /// Where attributes go that have no series, while there is no room for one.
    pub(super) fn find_beyond<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<Found<'_>> {
        let Some(fold) = self.fold() else {
            return self.overflow_series(Overflow::Yes);
        };
        let hash = self.folded_hash(fold, attributes);
        if let Some(found) = self.find_folded(fold, hash, attributes) {
            return Some(found);
        }
        if fold.is_full() {
            return self.overflow_series(Overflow::Yes);
        }
        let _one_at_a_time = lock(&self.insert);
        self.find_or_insert_folded(fold, hash, attributes)
    }

    /// Where attributes go that have no series and are the first for which there is no room. The caller holds `insert`.
    pub(super) fn find_without_room<A: Attributes + ?Sized>(
        &self,
        why: Full,
        attributes: &A,
    ) -> Option<Found<'_>> {
        let fold = match why {
            Full::Limit => self.make_fold(attributes),
            // It is the limit at which that is decided.
            Full::Rows => self.fold(),
        };
        let set_full = || self.full.swap(true, Ordering::AcqRel);
        match fold {
            Some(fold) => {
                set_full();
                self.find_or_insert_folded(fold, self.folded_hash(fold, attributes), attributes)
            }
            None => self.make_overflow_series(why, set_full),
        }
    }

    /// What is folded, once that is decided.
    pub(crate) fn fold(&self) -> Option<&Fold> {
        self.rare.get()?.fold.get()?.as_deref()
    }

    /// Decides what is folded, if anything is: the attribute with the most values, with those that there is no room for. The caller
    /// holds `insert`.
    fn make_fold<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<&Fold> {
        if self.options().overflow != CardinalityOverflow::FoldAttribute {
            return None;
        }
        let decide = || {
            let newest = AttributeSet::new(attributes);
            let widest = Widest::of(self.seed, self.newest_sets().chain([&newest]))?;
            Some(Box::new(Fold::new(widest, self.limit())))
        };
        self.rare.make().fold.get_or_init(decide).as_deref()
    }

    fn folded_hash<A: Attributes + ?Sized>(&self, fold: &Fold, attributes: &A) -> u32 {
        let folded = fold.of(attributes);
        hash_of_meant(self.seed, &folded).unwrap_or_else(|| AttributesHash::of(self.seed, &folded))
    }

    fn find_folded<A: Attributes + ?Sized>(
        &self,
        fold: &Fold,
        hash: u32,
        attributes: &A,
    ) -> Option<Found<'_>> {
        let found = self.by_meaning(hash, &fold.of(attributes))?;
        Some(Found { overflow: overflow_of(fold, attributes), ..found })
    }

    /// The caller holds `insert`.
    fn find_or_insert_folded<A: Attributes + ?Sized>(
        &self,
        fold: &Fold,
        hash: u32,
        attributes: &A,
    ) -> Option<Found<'_>> {
        if let Some(found) = self.find_folded(fold, hash, attributes) {
            return Some(found);
        }
        let row = if fold.taken() < fold.most() { self.new_row() } else { Err(Full::Limit) };
        let made = row.and_then(|row| {
            let mut set = AttributeSet::new(attributes);
            fold.apply(&mut set);
            self.push(hash, set, row, self.most_places())
        });
        match made {
            Ok(id) => {
                fold.take(id);
                Some(Found { id, series: self.series.get(id)?, overflow: overflow_of(fold, attributes) })
            }
            Err(why) => self.make_overflow_series(why, || fold.set_full(true)),
        }
    }

    /// The number of the series in which attributes are recorded that have none of their own, if one has been made for them. The
    /// caller holds `insert`.
    pub(super) fn folded_id_of<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<usize> {
        let fold = self.fold()?;
        let hash = self.folded_hash(fold, attributes);
        self.by_meaning(hash, &fold.of(attributes)).map(|found| found.id)
    }

    /// Which of the attributes that a measurement was made with the series has in whose row it was recorded.
    pub(crate) fn kept<A: Attributes + ?Sized>(&self, row: Row, attributes: &A) -> Kept<'_> {
        if self.overflow_row() == Some(row) {
            return Kept::None;
        }
        let Some(fold) = self.fold().filter(|fold| fold.changes(attributes)) else {
            return Kept::All;
        };
        let _section = cells::section();
        let folded = self.by_meaning(self.folded_hash(fold, attributes), &fold.of(attributes));
        if folded.is_some_and(|folded| folded.series.row == Some(row)) {
            Kept::AllBut(fold.key())
        } else {
            Kept::All
        }
    }

    /// Whether several attribute sets are recorded in a series, or may be.
    pub(crate) fn is_shared(&self, found: &Found<'_>) -> bool {
        self.is_overflow(found.id) || self.fold().is_some_and(|fold| fold.leads_to(&found.series.attributes))
    }

    /// Whether there are fewer series than the limit allows, without those beyond it.
    pub(super) fn has_room(&self) -> bool {
        let beyond = usize::from(self.overflows()) + self.fold().map_or(0, Fold::taken);
        self.live() < self.limit() + beyond
    }

    /// How many places there may be, those included that are vacant or about to be: a collection may be under way for long.
    pub(super) fn most_places(&self) -> usize {
        let beyond = self.fold().map_or(0, Fold::most);
        (2 * (self.limit() + beyond) + 64).min(MOST_SERIES)
    }

    /// Whether unknown attributes are refused for want of places or of rows, which there may be again, and not for the limit.
    pub(super) fn may_have_room_again(&self) -> bool {
        let is_for_fold = |fold: &Fold| fold.is_full() && fold.taken() < fold.most();
        self.full.load(Ordering::Acquire)
            && (self.has_room() || !self.overflows() || self.fold().is_some_and(is_for_fold))
    }

    /// Has unknown attributes looked at again, for a series is gone. The caller holds `insert`.
    pub(super) fn make_room(&self, gone: Option<u32>) {
        if let Some(fold) = self.fold() {
            gone.into_iter().for_each(|id| fold.give_back(id));
            fold.set_full(false);
        }
        self.full.store(false, Ordering::Release);
    }

    /// The attribute that has the most different values among the newest series.
    pub(crate) fn widest_attribute(&self) -> Option<Widest> {
        // Meanwhile no place becomes another's.
        let _nobody_comes_or_goes = lock(&self.insert);
        Widest::of(self.seed, self.newest_sets())
    }

    /// The caller holds `insert`.
    fn newest_sets(&self) -> impl Iterator<Item = &AttributeSet> {
        let first = self.len().saturating_sub(LOOKED_AT);
        self.iter_from(first).filter(|(id, _)| !self.is_overflow(*id)).map(|(_, series)| &series.attributes)
    }

    pub(crate) fn is_overflow(&self, id: usize) -> bool {
        self.overflow.load(Ordering::Relaxed) as usize == id + 1
    }

    /// The row of the overflow series, if there is one.
    pub(crate) fn overflow_row(&self) -> Option<Row> {
        self.overflow_series(Overflow::Yes)?.series.row
    }

    /// The overflow series, made if need be and if there is a row for it; then `set_full` notes that unknown attributes go there,
    /// and says whether that was known. The caller holds `insert`.
    fn make_overflow_series(&self, why: Full, set_full: impl FnOnce() -> bool) -> Option<Found<'_>> {
        if !self.overflows() {
            let pairs = [(OVERFLOW_ATTRIBUTE, true)];
            let hash = AttributesHash::of(self.seed, &pairs);
            // Someone may have recorded with that very attribute: then it is the series.
            let id = match self.by_meaning(hash, &pairs) {
                Some(found) => Ok(found.id),
                None => {
                    self.new_row().and_then(|row| self.push(hash, AttributeSet::new(&pairs), row, usize::MAX))
                }
            };
            if let Ok(id) = id {
                // Numbers of series are payloads of the index: far below.
                self.overflow.store(id as u32 + 1, Ordering::Release);
            }
        }
        self.overflow_series(match (set_full(), why) {
            (true, _) => Overflow::Yes,
            (false, Full::Limit) => Overflow::First,
            (false, Full::Rows) => Overflow::FirstWithoutRow,
        })
    }

    fn overflow_series(&self, overflow: Overflow) -> Option<Found<'_>> {
        let id = self.overflow.load(Ordering::Acquire).checked_sub(1)? as usize;
        Some(Found { id, series: self.series.get(id)?, overflow })
    }
}

/// Which of its attributes a measurement's series has.
pub(crate) enum Kept<'a> {
    All,
    AllBut(&'a str),
    None,
}

impl Kept<'_> {
    pub(crate) fn has(&self, key: &str) -> bool {
        match *self {
            Kept::All => true,
            Kept::AllBut(folded) => key != folded,
            Kept::None => false,
        }
    }
}

/// What is said of attributes that are recorded in the series of what is left of them: if nothing was taken away, it is theirs.
fn overflow_of<A: Attributes + ?Sized>(fold: &Fold, attributes: &A) -> Overflow {
    match fold.changes(attributes) {
        false => Overflow::No,
        true if fold.is_news() => Overflow::FirstFolded,
        true => Overflow::Yes,
    }
}
