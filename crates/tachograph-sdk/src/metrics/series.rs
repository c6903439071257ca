//! From attributes to a series: which cell a measurement goes to.

mod beyond;
mod going;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::options::Options;
use super::rare::Rare;
use super::settings::Settings;
use super::spellings::{Known, Spellings};
use crate::attributes::{AttributeSet, Attributes, AttributesHash, LastOrder, PairStore, Seed};
use crate::cells::{self, Row, exponential, histogram};
use crate::sync::{AppendVec, Index, Mutex, Payload, capacity, lock};

/// The attribute of the series that takes what exceeds a stream's cardinality limit.
pub const OVERFLOW_ATTRIBUTE: &str = "otel.metric.overflow";

/// The highest limit: so that there is room for the overflow series beyond it.
pub(crate) const MOST_SERIES: usize = capacity(SEGMENTS as u32) - 1;
const SEGMENTS: usize = 21;

/// What a stream's rows are, and so how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowKind {
    /// No row: an observable instrument's values belong to one collection.
    None,
    Sum,
    LastValue,
    Histogram {
        buckets: u32,
    },
    Exponential,
}

impl RowKind {
    fn width(self) -> Option<usize> {
        match self {
            RowKind::None => None,
            RowKind::Sum => Some(cells::SUM_WIDTH),
            RowKind::LastValue => Some(cells::LAST_VALUE_WIDTH),
            RowKind::Histogram { buckets } => Some(histogram::width(buckets as usize)),
            RowKind::Exponential => Some(exponential::WIDTH),
        }
    }

    /// Gives back rows of this kind that nobody can write or read any more.
    fn free(self, rows: impl Iterator<Item = Row>) {
        match (self, self.width()) {
            (RowKind::Exponential, _) => exponential::free(rows),
            (_, Some(width)) => cells::free(width, rows),
            (_, None) => {}
        }
    }
}

/// One series of a stream.
pub(crate) struct Series {
    pub(crate) attributes: AttributeSet,
    pub(crate) start_unix_nanos: u64,
    /// `None` for an observable instrument's.
    pub(crate) row: Option<Row>,
    /// Of its attributes, by content.
    hash: u32,
}

impl Series {
    fn new(attributes: AttributeSet, start_unix_nanos: u64, row: Option<Row>, hash: u32) -> Self {
        Series { attributes, start_unix_nanos, row, hash }
    }

    fn hash(&self) -> u32 {
        self.hash
    }
}

/// A stream's series, found by their attributes.
///
/// Finding a series that exists takes no lock and allocates nothing: an [`Index`] by content, the
/// same for every spelling of a set, leads into an append-only vector. For what a caller
/// spells the same way again there is a short cut, [`Spellings`].
pub(crate) struct SeriesTable {
    series: AppendVec<Series, SEGMENTS>,
    by_content: Index,
    /// In which order the attributes of the newest series were named: most come in that order.
    order: LastOrder,
    spellings: Spellings,
    seed: Seed,
    kind: RowKind,
    limit: u32,
    /// Set once the limit is reached, or cells are used up; from then on unknown attributes need no lock to be refused.
    full: AtomicBool,
    /// The overflow series' number plus one.
    overflow: AtomicU32,
    /// Taken by whoever adds or takes away. The memory of the series' attributes is made with the first.
    insert: Mutex<Option<Box<PairStore>>>,
    /// How often numbers of series became free for others.
    generation: AtomicU32,
    pub(crate) rare: Rare,
    pub(crate) settings: Arc<Settings>,
}

/// What a look-up found.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) id: usize,
    pub(crate) series: &'a Series,
    pub(crate) overflow: Overflow,
}

/// Whether what was found stands for a series that would exceed the limit: the overflow series, or that of a set with one
/// attribute folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    No,
    /// It is the look-up that first met the limit, and the overflow series.
    First,
    /// It is the look-up that first met the limit, and the series of a set with one attribute folded.
    FirstFolded,
    /// It is the look-up that first found no row left for a series, and the overflow series.
    FirstWithoutRow,
    Yes,
}

/// Why there is no new series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    /// There are as many as may be.
    Limit,
    /// The process's cells are used up.
    Rows,
}

impl SeriesTable {
    pub(crate) fn new(kind: RowKind, limit: usize, settings: Arc<Settings>, options: Options) -> Self {
        SeriesTable {
            series: AppendVec::new(),
            by_content: Index::new(),
            order: LastOrder::default(),
            spellings: Spellings::new(limit),
            seed: Seed::of_process(),
            kind,
            limit: limit.min(MOST_SERIES) as u32,
            full: AtomicBool::new(false),
            overflow: AtomicU32::new(0),
            insert: Mutex::new(None),
            generation: AtomicU32::new(0),
            rare: if options == settings.options { Rare::default() } else { Rare::with(options) },
            settings,
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// A view's, or the provider's.
    pub(crate) fn options(&self) -> Options {
        self.rare.get().and_then(|rare| rare.options).unwrap_or(self.settings.options)
    }

    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// The series from a number on, each with its number.
    pub(crate) fn iter_from(&self, first: usize) -> impl Iterator<Item = (usize, &Series)> {
        self.series.iter_from(first)
    }

    /// Some of the series from a number on, each with its own: `most` at most, and none if there are no more.
    #[inline]
    pub(super) fn piece_from(&self, first: usize, most: usize) -> impl Iterator<Item = (usize, &Series)> {
        self.series.piece_from(first, most)
    }

    /// The attributes of the series that has a row, which the caller has pinned: found one by one.
    pub(crate) fn attributes_of(&self, row: Row) -> Option<&AttributeSet> {
        // Meanwhile no other place becomes another's.
        let _nobody_comes_or_goes = lock(&self.insert);
        self.iter_from(0).find_map(|(_, series)| (series.row == Some(row)).then_some(&series.attributes))
    }

    pub(crate) fn get(&self, id: usize) -> Option<&Series> {
        self.series.get(id)
    }

    /// Whether measurements go to the overflow series.
    pub(crate) fn overflows(&self) -> bool {
        self.overflow.load(Ordering::Acquire) != 0
    }

    /// The row that some attributes are known to lead to by their spelling.
    #[inline(always)]
    pub(super) fn known<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<Known> {
        self.spellings.find(self.seed, attributes)
    }

    /// The row of some attributes' series, made if need be. `None` if there is none to be had, not even for an overflow series.
    #[inline]
    pub(crate) fn row<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<(Row, Overflow)> {
        self.row_if(self.known(attributes), attributes)
    }

    /// The row of some attributes' series, made if need be; it may be known already.
    #[inline]
    pub(super) fn row_if<A: Attributes + ?Sized>(
        &self,
        known: Option<Known>,
        attributes: &A,
    ) -> Option<(Row, Overflow)> {
        match known {
            Some(Known { row, overflow: false }) => Some((row, Overflow::No)),
            Some(Known { row, overflow: true }) => Some((row, Overflow::Yes)),
            None => self.row_by_content(attributes),
        }
    }

    #[inline(never)]
    fn row_by_content<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<(Row, Overflow)> {
        let known = self.series.len();
        let found = self.find(attributes)?;
        let row = found.series.row?;
        let set = &found.series.attributes;
        // A series that was made just now may never be met again. And nobody waits for a short cut: it can
        // be learnt another time.
        if found.id < known
            && self.spellings.wants(attributes, set)
            && let Ok(_one_at_a_time) = self.insert.try_lock()
            && self.rare.get().is_none_or(|rare| rare.vacancies.allow_learning())
        {
            let known = Known { row, overflow: found.overflow != Overflow::No };
            if self.spellings.learn(self.seed, attributes, set, known) {
                self.have_swept();
            }
        }
        Some((row, found.overflow))
    }

    /// The series of some attributes, by content, made if need be.
    #[inline]
    pub(crate) fn find<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<Found<'_>> {
        let hash = AttributesHash::of(self.seed, attributes);
        let order = self.order.get();
        let found = self.by_content.candidates(hash).find_map(|payload| {
            let id = payload as usize;
            let series = self.series.get(id)?;
            let same = series.attributes.is_spelled_by(order, attributes);
            same.then_some(Found { id, series, overflow: Overflow::No })
        });
        match found {
            Some(found) => Some(found),
            None => self.find_or_insert(hash, attributes),
        }
    }

    /// For attributes that no series is spelled by as they are: duplicates, or a new series.
    #[inline(never)]
    fn find_or_insert<A: Attributes + ?Sized>(&self, spelled: u32, attributes: &A) -> Option<Found<'_>> {
        let plain = has_few_different_keys(attributes);
        let hash = if plain { spelled } else { hash_of_meant(self.seed, attributes).unwrap_or(spelled) };
        // What is plain was looked for just now.
        if !plain && let Some(found) = self.by_meaning(hash, attributes) {
            return Some(found);
        }
        if self.full.load(Ordering::Acquire) {
            return self.find_beyond(attributes);
        }
        let mut store = lock(&self.insert);
        if let Some(found) = self.by_meaning(hash, attributes) {
            return Some(found);
        }
        let row = if self.has_room() { self.new_row() } else { Err(Full::Limit) };
        let made = row.and_then(|row| {
            let (set, order) = AttributeSet::within(store.get_or_insert_default(), attributes);
            self.order.set(order);
            self.push(hash, set, row, self.most_places())
        });
        match made {
            Ok(id) => Some(Found { id, series: self.series.get(id)?, overflow: Overflow::No }),
            Err(why) => self.find_without_room(why, attributes),
        }
    }

    fn by_meaning<A: Attributes + ?Sized>(&self, hash: u32, attributes: &A) -> Option<Found<'_>> {
        self.by_content.candidates(hash).find_map(|payload| {
            let id = payload as usize;
            let series = self.series.get(id)?;
            let same = series.attributes.is_meant_by(attributes);
            same.then_some(Found { id, series, overflow: Overflow::No })
        })
    }

    /// A row for a series, if it is to have one.
    fn new_row(&self) -> Result<Option<Row>, Full> {
        let Some(width) = self.kind.width() else {
            return Ok(None);
        };
        cells::allocate(width).map(Some).ok_or_else(|| self.give_up(None, Full::Rows))
    }

    /// Adds a series and makes it findable by content, if there are not that many places already; else its row is given back. The
    /// caller holds `insert`.
    fn push(
        &self,
        hash: u32,
        attributes: AttributeSet,
        row: Option<Row>,
        most_places: usize,
    ) -> Result<usize, Full> {
        let start_unix_nanos = match self.kind {
            // It was not observed before, and so began after that.
            RowKind::None => self.settings.collected_unix_nanos.load(Ordering::Relaxed),
            _ => self.settings.clock.unix_nanos(),
        };
        let series = Series::new(attributes, start_unix_nanos, row, hash);
        let id = match self.fill_vacancy(series) {
            Ok(filled) => filled,
            Err(series) if self.len() < most_places => {
                self.push_place(series).map_err(|_| self.give_up(row, Full::Limit))?
            }
            Err(_) => return Err(self.give_up(row, Full::Limit)),
        };
        self.insert_in_index(hash, id as Payload);
        Ok(id)
    }

    /// Makes a place. The limit leaves room for one more, the overflow series.
    fn push_place(&self, series: Series) -> Result<usize, Series> {
        #[cfg(all(test, not(loom)))]
        if !cells::scarce::take_place() {
            return Err(series);
        }
        self.series.push(series)
    }

    /// What is done where there is no series, for want of a place, or of a row: there may be one when the next collection has ended.
    #[cold]
    fn give_up(&self, row: Option<Row>, why: Full) -> Full {
        self.free_rows(row.into_iter());
        self.have_swept();
        why
    }

    /// Makes a series findable by content. The caller holds `insert`.
    fn insert_in_index(&self, hash: u32, id: Payload) {
        let hash_of = |id: Payload| self.series.get(id as usize).map_or(0, |series| series.hash);
        if self.by_content.insert(hash, id, hash_of) {
            self.have_swept();
        }
    }

    /// Has this table swept at the end of the next collection.
    fn have_swept(&self) {
        self.settings.departures.store(true, Ordering::Release);
    }

    /// How many series there are that have not gone.
    pub(crate) fn live(&self) -> usize {
        self.len().saturating_sub(self.rare.get().map_or(0, |rare| rare.vacancies.gone()))
    }

    /// The number of some attributes' series, if there is one. The caller holds `insert`.
    fn id_of<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<usize> {
        let spelled = AttributesHash::of(self.seed, attributes);
        let hash = hash_of_meant(self.seed, attributes).unwrap_or(spelled);
        self.by_meaning(hash, attributes).map(|found| found.id)
    }

    /// Whether it is an observable instrument's.
    fn is_observed(&self) -> bool {
        self.kind == RowKind::None
    }

    fn is_of_last_values(&self) -> bool {
        self.kind == RowKind::LastValue
    }

    /// Gives back rows that nobody can write or read any more.
    fn free_rows(&self, rows: impl Iterator<Item = Row>) {
        self.kind.free(rows);
    }

    /// How often numbers of series became free for others.
    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    fn count_generation(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }
}

impl Drop for SeriesTable {
    fn drop(&mut self) {
        self.free_rows(self.series.iter().filter_map(|series| series.row));
    }
}

/// Whether no key comes twice; `false`, too, where there are more keys than are looked at so quickly.
fn has_few_different_keys<A: Attributes + ?Sized>(attributes: &A) -> bool {
    const FEW: usize = 16;
    let (mut keys, mut count, mut differ) = ([""; FEW], 0, true);
    attributes.visit(|key, _| {
        let key = key.as_str();
        if differ && let Some(place) = keys.get_mut(count) {
            *place = key;
            differ = !keys[..count].contains(&key);
        }
        count += 1;
    });
    differ && count <= FEW
}

/// The hash of attributes in which the last value of a key wins, or `None` if no key is repeated.
fn hash_of_meant<A: Attributes + ?Sized>(seed: Seed, attributes: &A) -> Option<u32> {
    let comes_again = |key: &str, at: usize| {
        let mut other = 0;
        let mut again = false;
        attributes.visit(|later, _| {
            again |= other > at && later.as_str() == key;
            other += 1;
        });
        again
    };
    let (mut at, mut repeated) = (0, false);
    attributes.visit(|key, _| {
        repeated = repeated || comes_again(key.as_str(), at);
        at += 1;
    });
    if !repeated {
        return None;
    }
    let (mut at, mut hash) = (0, AttributesHash::new(seed));
    attributes.visit(|key, value| {
        if !comes_again(key.as_str(), at) {
            hash.add(key.as_str(), value);
        }
        at += 1;
    });
    Some(hash.finish())
}
