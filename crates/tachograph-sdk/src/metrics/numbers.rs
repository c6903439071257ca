//! Reading sums and last values, some at a time: so that neither what reads them nor what they are read for is in the way of
//! the other.

use std::fmt;

use super::aggregator::Aggregator;
use super::point::{Point, PointValue};
use super::presence::Presence;
use super::series::Series;
use super::stream::Stream;
use crate::cells::{self, Row, Sums};
use crate::number::{Number, NumberKind};

/// As many as pay for looking up where they are, and few enough to be close at hand.
const AT_A_TIME: usize = 32;

/// The points of a metric whose values are numbers, some at a time: see [`Metric::numbers_from`](super::Metric::numbers_from).
pub struct Numbers<'a> {
    stream: &'a Stream,
    presence: Presence<'a>,
    sums: Sums<'static>,
    /// The series that is looked at next, and where they end: those that come meanwhile are for others, so that there is an end.
    next: usize,
    end: usize,
    read: [Option<Reading<'a>>; AT_A_TIME],
    len: usize,
}

/// The number of a series that is shown.
#[derive(Clone, Copy)]
struct Reading<'a> {
    id: usize,
    series: &'a Series,
    bits: u64,
}

impl<'a> Numbers<'a> {
    /// Those of a stream of sums or last values, from a series on.
    pub(super) fn new(stream: &'a Stream, presence: Presence<'a>, first: usize) -> Self {
        let read = [None; AT_A_TIME];
        let end = stream.series.len();
        Numbers { stream, presence, sums: cells::sums(), next: first, end, read, len: 0 }
    }

    /// Reads the next values; `false` if there are no more series. That may be those of a few series, and if none of them has a
    /// point, there are no [`points`](Self::points) although there are more.
    pub fn advance(&mut self) -> bool {
        match (&self.stream.aggregator, self.stream.descriptor.number) {
            (Aggregator::Sum { monotonic }, NumberKind::U64) => self.read_sums::<u64>(*monotonic),
            (Aggregator::Sum { monotonic }, NumberKind::I64) => self.read_sums::<i64>(*monotonic),
            (Aggregator::Sum { monotonic }, NumberKind::F64) => self.read_sums::<f64>(*monotonic),
            _ => self.read_last_values(),
        }
    }

    /// The points whose values were read last, in the order of their series.
    #[inline]
    pub fn points(&self) -> impl Iterator<Item = Point<'a>> {
        self.points_and_rows().map(|(point, _)| point)
    }

    #[inline(always)]
    pub(super) fn points_and_rows(&self) -> impl Iterator<Item = (Point<'a>, Option<Row>)> {
        let kind = self.stream.descriptor.number;
        self.read.iter().take(self.len).map_while(move |reading| {
            let Reading { id, series, bits } = (*reading)?;
            let value = PointValue::of(kind, bits);
            Some((Point::new(id, &series.attributes, series.start_unix_nanos, value), series.row))
        })
    }

    fn read_sums<N: Number>(&mut self, is_monotonic: bool) -> bool {
        self.read_next(|sums, presence, id, row| {
            let bits = sums.read::<N>(row);
            presence.is_shown(id, row, is_monotonic || bits == N::ZERO_BITS).then_some(bits)
        })
    }

    fn read_last_values(&mut self) -> bool {
        self.read_next(
            |_, presence, id, row| {
                if presence.is_shown(id, row, true) { cells::last_value(row) } else { None }
            },
        )
    }

    /// Reads the next ones; `read` says what is shown of a series.
    #[inline(always)]
    fn read_next(&mut self, read: impl Fn(&mut Sums<'_>, &Presence<'a>, usize, Row) -> Option<u64>) -> bool {
        let Numbers { stream, presence, sums, .. } = self;
        let (mut next, mut places) = (self.next, self.read.iter_mut());
        let most = self.end.saturating_sub(next).min(AT_A_TIME);
        for (id, series) in stream.series.piece_from(next, most) {
            next = id + 1;
            if let Some(row) = series.row
                && let Some(bits) = read(sums, presence, id, row)
                && let Some(place) = places.next()
            {
                *place = Some(Reading { id, series, bits });
            }
        }
        self.len = AT_A_TIME - places.len();
        std::mem::replace(&mut self.next, next) < next
    }
}

impl fmt::Debug for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").field("next", &self.next).finish_non_exhaustive()
    }
}
