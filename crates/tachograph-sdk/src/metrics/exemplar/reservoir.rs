//! Which of the measurements that are offered stay.

use std::ops::Range;

use super::Exemplar;
use crate::number::NumberValue;

/// The most exemplars of a series that can be asked for.
const MOST: usize = 1_024;

/// Which measurements of a series become exemplars, of those that the [filter](super::ExemplarFilter) lets by.
///
/// By default a histogram with explicit boundaries has [`AlignedHistogramBucket`](Self::AlignedHistogramBucket), an exponential one
/// [`SimpleFixedSize`](Self::SimpleFixedSize) of 20 or as many as it has buckets, and everything else
/// [`SimpleFixedSize`](Self::SimpleFixedSize) of 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExemplarReservoir {
    /// The latest measurement of each bucket of a histogram with explicit boundaries.
    AlignedHistogramBucket,
    /// So many, each measurement between two collections as likely as the others to be among them. At most 1,024; memory is taken as
    /// they come.
    SimpleFixedSize(usize),
    /// None.
    None,
}

impl ExemplarReservoir {
    pub(crate) fn kind(self) -> ReservoirKind {
        match self {
            ExemplarReservoir::AlignedHistogramBucket => ReservoirKind::Aligned,
            ExemplarReservoir::SimpleFixedSize(size) => ReservoirKind::Fixed(size.min(MOST)),
            ExemplarReservoir::None => ReservoirKind::Fixed(0),
        }
    }
}

/// How a stream's reservoirs work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReservoirKind {
    /// One exemplar for each bucket of a histogram with explicit boundaries: the latest.
    Aligned,
    /// So many, each measurement of a window as likely as the others to be among them.
    Fixed(usize),
}

impl ReservoirKind {
    /// Whether there is room for any.
    pub(crate) fn holds_any(self) -> bool {
        self != ReservoirKind::Fixed(0)
    }
}

/// One series' exemplars.
///
/// A *window* is the time between two collections, of whichever readers; exemplars have the number of theirs. An exemplar
/// stays until another takes its place: a cumulative reader shows what there is, a delta reader what is of the windows
/// since its last collection.
///
/// Where traces are kept because of their exemplars, an exemplar whose trace was kept is not replaced in its window: or
/// each measurement would have its trace kept, and tail sampling would be none.
pub(super) struct Reservoir {
    kind: ReservoirKind,
    /// In the order of the buckets where it is aligned.
    slots: Vec<Slot>,
    /// Of a fixed one: how many were offered in the window.
    seen: u64,
    window: u64,
    random: u64,
}

struct Slot {
    exemplar: Exemplar,
    window: u64,
    pinned: bool,
}

impl Reservoir {
    pub(super) fn new(kind: ReservoirKind, seed: u64) -> Self {
        Reservoir { kind, slots: Vec::new(), seen: 0, window: 0, random: seed | 1 }
    }

    /// Whether a measurement that is offered in a window stays, and where; to be said to [`put`](Self::put).
    pub(super) fn admit(&mut self, window: u64, bucket: Option<u32>) -> Option<Place> {
        let at = match self.kind {
            ReservoirKind::Aligned => self.find(bucket).unwrap_or(usize::MAX),
            ReservoirKind::Fixed(size) => {
                if self.window != window {
                    (self.window, self.seen) = (window, 0);
                }
                self.seen += 1;
                // Algorithm R (Vitter, "Random sampling with a reservoir", 1985).
                let at = if self.seen <= size as u64 { self.seen - 1 } else { self.random() % self.seen };
                usize::try_from(at).ok().filter(|at| *at < size)?
            }
        };
        let stays = self.slots.get(at).is_some_and(|slot| slot.pinned && slot.window == window);
        (!stays).then_some(Place { at, window, bucket })
    }

    /// Has the exemplar at a place written. Others may have been put meanwhile.
    pub(super) fn put(&mut self, place: Place, pinned: bool, write: impl FnOnce(&mut Exemplar)) {
        let Place { at, window, bucket } = place;
        let (at, is_free) = match self.kind {
            ReservoirKind::Aligned => match self.find(bucket) {
                Ok(taken) => (taken, false),
                Err(free) => (free, true),
            },
            ReservoirKind::Fixed(_) => (at.min(self.slots.len()), at >= self.slots.len()),
        };
        if is_free {
            let exemplar = Exemplar::new(NumberValue::U64(0), 0, None);
            self.slots.insert(at, Slot { exemplar, window, pinned });
        }
        let slot = &mut self.slots[at];
        (slot.window, slot.pinned) = (window, pinned);
        write(&mut slot.exemplar);
        slot.exemplar.bucket = bucket;
    }

    fn find(&self, bucket: Option<u32>) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&bucket, |slot| slot.exemplar.bucket)
    }

    /// The exemplars of some windows.
    pub(super) fn of(&self, windows: &Range<u64>) -> impl Iterator<Item = &Exemplar> {
        self.slots.iter().filter(|slot| windows.contains(&slot.window)).map(|slot| &slot.exemplar)
    }

    /// Xorshift: nobody gains by guessing it.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

/// Where an exemplar goes, and when it was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: usize,
    window: u64,
    bucket: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(reservoir: &mut Reservoir, window: u64, value: u64, bucket: Option<u32>, pinned: bool) -> bool {
        let Some(place) = reservoir.admit(window, bucket) else { return false };
        reservoir.put(place, pinned, |exemplar| exemplar.value = NumberValue::U64(value));
        true
    }

    fn values(reservoir: &Reservoir, windows: Range<u64>) -> Vec<u64> {
        let value = |exemplar: &Exemplar| match exemplar.value {
            NumberValue::U64(value) => value,
            _ => unreachable!(),
        };
        reservoir.of(&windows).map(value).collect()
    }

    #[test]
    fn an_aligned_reservoir_has_the_latest_of_each_bucket_in_their_order() {
        let mut reservoir = Reservoir::new(ReservoirKind::Aligned, 1);
        for (value, bucket) in [(30, 3), (10, 1), (31, 3), (20, 2)] {
            assert!(offer(&mut reservoir, 7, value, Some(bucket), false));
        }
        assert_eq!(values(&reservoir, 0..u64::MAX), [10, 20, 31]);
    }

    #[test]
    fn what_is_older_than_a_window_stays_for_who_looks_at_all() {
        let mut reservoir = Reservoir::new(ReservoirKind::Aligned, 1);
        offer(&mut reservoir, 1, 10, Some(1), false);
        offer(&mut reservoir, 2, 20, Some(2), false);
        assert_eq!(values(&reservoir, 0..3), [10, 20]);
        assert_eq!(values(&reservoir, 2..3), [20]);
        assert_eq!(values(&reservoir, 0..1), [0; 0]);
    }

    #[test]
    fn an_exemplar_whose_trace_is_kept_stays_for_its_window() {
        let mut reservoir = Reservoir::new(ReservoirKind::Fixed(1), 1);
        assert!(offer(&mut reservoir, 1, 1, None, true));
        assert!(!(2..100).any(|value| offer(&mut reservoir, 1, value, None, true)));
        assert!(offer(&mut reservoir, 2, 100, None, true));
        assert_eq!(values(&reservoir, 0..3), [100]);
    }

    #[test]
    fn each_measurement_of_a_window_is_as_likely_as_the_others_to_stay() {
        const OFFERED: usize = 40;
        const SIZE: usize = 4;
        const ROUNDS: u64 = 20_000;
        let mut stayed = [0_u32; OFFERED];
        let mut reservoir = Reservoir::new(ReservoirKind::Fixed(SIZE), 0x1234_5678_9abc_def1);
        for window in 1..=ROUNDS {
            for value in 0..OFFERED as u64 {
                offer(&mut reservoir, window, value, None, false);
            }
            let values = values(&reservoir, window..window + 1);
            assert_eq!(values.len(), SIZE);
            values.iter().for_each(|value| stayed[*value as usize] += 1);
        }
        let expected = ROUNDS as f64 * SIZE as f64 / OFFERED as f64;
        // Five standard deviations.
        let tolerance = 5.0 * (expected * (1.0 - SIZE as f64 / OFFERED as f64)).sqrt();
        for (value, times) in stayed.iter().enumerate() {
            assert!(
                (f64::from(*times) - expected).abs() < tolerance,
                "{value} stayed {times} times of {expected}"
            );
        }
    }
}
