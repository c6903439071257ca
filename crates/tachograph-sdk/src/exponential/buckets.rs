use super::{MAX_SCALE, MIN_SCALE};

/// Consecutive buckets of an exponential histogram.
///
/// Bucket `i` of [`counts`](Self::counts) has the measurements whose distance from zero is above
/// `base^(offset + i)` and at most `base^(offset + i + 1)`, where `base` is 2^(2^-scale). The first and the
/// last bucket are not empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExponentialBuckets {
    offset: i32,
    counts: Vec<u64>,
}

impl ExponentialBuckets {
    /// The index of the first bucket; 0 when there are none.
    pub fn offset(&self) -> i32 {
        self.offset
    }

    /// How many measurements each bucket has; empty when there are none.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    pub(super) fn clear(&mut self) {
        self.offset = 0;
        self.counts.clear();
    }

    /// The first and the last index.
    pub(super) fn range(&self) -> Option<(i32, i32)> {
        range(self.offset, self.counts.len())
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// Lowers the scale by some steps.
    pub(super) fn lower(&mut self, steps: u32) {
        if steps == 0 || self.counts.is_empty() {
            return;
        }
        let offset = self.offset >> steps;
        for old in 0..self.counts.len() {
            let count = std::mem::take(&mut self.counts[old]);
            // Never after `old`, so nothing that is still to be moved is met.
            let new = ((self.offset + old as i32) >> steps) - offset;
            self.counts[new as usize] = self.counts[new as usize].wrapping_add(count);
        }
        let last = (self.offset + self.counts.len() as i32 - 1) >> steps;
        self.counts.truncate((last - offset) as usize + 1);
        self.offset = offset;
    }

    /// Adds counts of buckets from an index on, whose scale is some steps above this one's.
    pub(super) fn add(&mut self, first: i32, counts: &[u64], steps: u32) {
        let Some((first_index, last_index)) = range(first, counts.len()) else {
            return;
        };
        self.cover(first_index >> steps, last_index >> steps);
        for (n, count) in counts.iter().enumerate() {
            let bucket = &mut self.counts[(((first + n as i32) >> steps) - self.offset) as usize];
            *bucket = bucket.wrapping_add(*count);
        }
    }

    /// Takes away counts of buckets at the same scale, none of which is larger than its own.
    pub(super) fn subtract(&mut self, other: &ExponentialBuckets) {
        for (n, count) in other.counts.iter().enumerate() {
            let place = i64::from(other.offset) + n as i64 - i64::from(self.offset);
            if let Some(own) = usize::try_from(place).ok().and_then(|place| self.counts.get_mut(place)) {
                *own = own.wrapping_sub(*count);
            }
        }
        let (empty, left) = trimmed(&self.counts);
        let left = left.len();
        self.counts.drain(..empty);
        self.counts.truncate(left);
        self.offset = if left == 0 { 0 } else { self.offset + empty as i32 };
    }

    /// Becomes as another, in the memory that there is.
    pub(super) fn copy_from(&mut self, other: &ExponentialBuckets) {
        self.offset = other.offset;
        self.counts.clone_from(&other.counts);
    }

    /// Makes room from one index to another.
    fn cover(&mut self, first: i32, last: i32) {
        let Some((own_first, own_last)) = self.range() else {
            self.offset = first;
            self.counts.resize((last - first) as usize + 1, 0);
            return;
        };
        let before = own_first.saturating_sub(first).max(0) as usize;
        let after = last.saturating_sub(own_last).max(0) as usize;
        self.counts.resize(self.counts.len() + before + after, 0);
        self.counts.rotate_right(before);
        self.offset = own_first.min(first);
    }
}

/// Counts without the empty buckets at both ends, and how many there were at the front.
pub(super) fn trimmed(counts: &[u64]) -> (usize, &[u64]) {
    let Some(first) = counts.iter().position(|count| *count != 0) else {
        return (0, &[]);
    };
    let last = counts.iter().rposition(|count| *count != 0).unwrap_or(first);
    (first, &counts[first..=last])
}

pub(super) fn range(first: i32, len: usize) -> Option<(i32, i32)> {
    let last = first + (len as i32).checked_sub(1).filter(|more| *more >= 0)?;
    Some((first, last))
}

/// By how many steps the scale must be lowered, so that no more than `size` buckets reach from the first
/// index to the last.
pub(crate) fn steps_to_fit(first: i32, last: i32, size: u32) -> u32 {
    let steps = 0..(MAX_SCALE - MIN_SCALE) as u32;
    let fits = |steps: &u32| i64::from(last >> steps) - i64::from(first >> steps) < i64::from(size);
    steps.clone().find(fits).unwrap_or(steps.end)
}
