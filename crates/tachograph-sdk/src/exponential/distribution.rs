use super::buckets::{ExponentialBuckets, range, steps_to_fit, trimmed};

/// How measurements are distributed: all of an exponential histogram's point but the scalars.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) scale: i32,
    pub(crate) zero_count: u64,
    pub(crate) positive: ExponentialBuckets,
    pub(crate) negative: ExponentialBuckets,
}

/// A part to be added to a distribution: the counts of each side, from an index on.
pub(crate) struct Part<'a> {
    pub(crate) scale: i32,
    pub(crate) zero_count: u64,
    pub(crate) positive: (i32, &'a [u64]),
    pub(crate) negative: (i32, &'a [u64]),
}

impl Distribution {
    /// Empties it; `scale` is that of a distribution without measurements.
    pub(crate) fn clear(&mut self, scale: i32) {
        self.scale = scale;
        self.zero_count = 0;
        self.positive.clear();
        self.negative.clear();
    }

    /// How many measurements there are.
    pub(crate) fn count(&self) -> u64 {
        self.zero_count.wrapping_add(self.positive.total()).wrapping_add(self.negative.total())
    }

    /// Adds a part. The scale becomes the largest at which neither side needs more than `size` buckets,
    /// if it was so for this and for the part: what has no range at a scale has none below it.
    pub(crate) fn merge(&mut self, part: &Part<'_>, size: u32) {
        self.zero_count = self.zero_count.wrapping_add(part.zero_count);
        let [positive, negative] = [part.positive, part.negative].map(|(first, counts)| {
            let (empty, counts) = trimmed(counts);
            (first + empty as i32, counts)
        });
        if positive.1.is_empty() && negative.1.is_empty() {
            return;
        }
        let is_empty = self.positive.range().is_none() && self.negative.range().is_none();
        let scale = if is_empty { part.scale } else { self.scale.min(part.scale) };
        let (own, others) = ((self.scale - scale) as u32, (part.scale - scale) as u32);
        let steps = |buckets: &ExponentialBuckets, (first, counts): (i32, &[u64])| {
            let at_scale = |range: Option<(i32, i32)>, by: u32| range.map(|(a, b)| (a >> by, b >> by));
            let own = if is_empty { None } else { at_scale(buckets.range(), own) };
            let all = match (own, at_scale(range(first, counts.len()), others)) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (a, b) => a.or(b),
            };
            all.map_or(0, |(first, last)| steps_to_fit(first, last, size))
        };
        let steps = steps(&self.positive, positive).max(steps(&self.negative, negative));
        if is_empty {
            self.scale = scale - steps as i32;
        } else {
            self.lower(own + steps);
        }
        self.positive.add(positive.0, positive.1, others + steps);
        self.negative.add(negative.0, negative.1, others + steps);
    }

    /// Takes away what was there before: of the same measurements, without those made since. Both are brought to the smaller
    /// of their scales.
    pub(crate) fn subtract(&mut self, before: &mut Distribution) {
        if before.count() > 0 {
            // Scales only fall; should this one's not have, it does now.
            before.lower(u32::try_from(before.scale - self.scale).unwrap_or(0));
            self.lower(u32::try_from(self.scale - before.scale).unwrap_or(0));
        }
        self.zero_count = self.zero_count.wrapping_sub(before.zero_count);
        self.positive.subtract(&before.positive);
        self.negative.subtract(&before.negative);
    }

    /// Becomes as another, in the memory that there is.
    pub(crate) fn copy_from(&mut self, other: &Distribution) {
        let Distribution { scale, zero_count, positive, negative } = other;
        (self.scale, self.zero_count) = (*scale, *zero_count);
        self.positive.copy_from(positive);
        self.negative.copy_from(negative);
    }

    fn lower(&mut self, steps: u32) {
        self.positive.lower(steps);
        self.negative.lower(steps);
        self.scale -= steps as i32;
    }
}
