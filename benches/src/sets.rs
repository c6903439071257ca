//! The attribute sets that every contender records: three strings each.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::OnceLock;

use opentelemetry::Value;

/// The attributes' names: valid as labels everywhere, so that no contender has to rename.
pub(crate) const KEYS: [&str; 3] = ["channel", "region", "route"];

/// How many series live while an operation is measured.
pub(crate) const SERIES: usize = 1_000;

/// How many resolved handles are used in turn, so that no figure is of one hot cell alone.
pub(crate) const HANDLES: usize = 16;

/// The fourteen bounds of every histogram: the conventions' second boundaries.
pub(crate) const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// A set's values.
pub(crate) type Values = [&'static str; 3];

const CHANNELS: [&str; 10] =
    ["web", "app", "partner", "store", "phone", "kiosk", "batch", "market", "social", "terminal"];
const REGIONS: [&str; 10] = [
    "eu-central-1",
    "eu-west-1",
    "eu-north-1",
    "us-east-1",
    "us-west-2",
    "ap-south-1",
    "ap-east-1",
    "sa-east-1",
    "af-south-1",
    "me-south-1",
];
const ROUTES: [&str; 10] = [
    "/orders",
    "/orders/{id}",
    "/orders/{id}/pay",
    "/orders/{id}/ship",
    "/orders/{id}/cancel",
    "/stock",
    "/stock/{sku}",
    "/customers/{id}",
    "/customers/{id}/orders",
    "/health",
];

/// Routes made up for the groups that need more series: kept for the life of the process, so that
/// they are `'static` for every contender.
fn route(index: usize) -> &'static str {
    const MORE: usize = 10_000;
    static ROUTES_MADE: OnceLock<Vec<&'static str>> = OnceLock::new();
    match ROUTES.get(index) {
        Some(route) => route,
        None => {
            let made = ROUTES_MADE.get_or_init(|| {
                (0..MORE)
                    .map(|index| &*Box::leak(format!("/orders/{{id}}/items/{index}").into_boxed_str()))
                    .collect()
            });
            made[index % MORE]
        }
    }
}

/// The values of set `index`; distinct below 1,000,000, and the first [`SERIES`] only of the short routes.
pub(crate) fn values(index: usize) -> Values {
    [CHANNELS[index % 10], REGIONS[index / 10 % 10], route(index / 100)]
}

/// The measured order of the first [`SERIES`] sets: shuffled, but the same in every run.
pub(crate) struct Order {
    indices: Vec<[u8; 3]>,
}

impl Order {
    pub(crate) fn new() -> Self {
        let mut indices: Vec<[u8; 3]> = (0..SERIES)
            .map(|index| [index % 10, index / 10 % 10, index / 100].map(|index| index as u8))
            .collect();
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for last in (1..indices.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            indices.swap(last, (state >> 33) as usize % (last + 1));
        }
        Self { indices }
    }

    /// The three positions, below ten each, of every set in turn.
    pub(crate) fn indices(&self) -> &[[u8; 3]] {
        &self.indices
    }

    /// Calls `run` with the values of `n` sets in turn, going on where the last call stopped.
    #[inline(always)]
    pub(crate) fn each(&self, position: &mut usize, n: usize, mut run: impl FnMut(Values)) {
        in_turn(&self.indices, position, n, |[channel, region, route]| {
            run([
                CHANNELS[usize::from(*channel)],
                REGIONS[usize::from(*region)],
                ROUTES[usize::from(*route)],
            ]);
        });
    }
}

/// Calls `run` with `n` of the items in turn, going on where the last call stopped.
///
/// Whole stretches at a time: counting in the loop would be part of the figure.
#[inline(always)]
pub(crate) fn in_turn<T>(items: &[T], position: &mut usize, n: usize, mut run: impl FnMut(&T)) {
    let mut left = n;
    while left > 0 {
        let stretch = left.min(items.len() - *position);
        items[*position..*position + stretch].iter().for_each(&mut run);
        *position = (*position + stretch) % items.len();
        left -= stretch;
    }
}

/// A value as the caller has it: a string literal, or a string made for the call.
pub(crate) trait Label:
    AsRef<str> + Into<Value> + Clone + Eq + Hash + Debug + Send + Sync + 'static
{
    fn make(text: &'static str) -> Self;
}

impl Label for &'static str {
    #[inline(always)]
    fn make(text: &'static str) -> Self {
        text
    }
}

impl Label for String {
    #[inline(always)]
    fn make(text: &'static str) -> Self {
        text.to_owned()
    }
}

/// Durations spread evenly over the buckets (and the one above them all), in an order without a pattern.
pub(crate) fn durations() -> [f64; 256] {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    std::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bucket = (state >> 32) as usize % (BOUNDS.len() + 1);
        let low = if bucket == 0 { 0.0 } else { BOUNDS[bucket - 1] };
        let high = BOUNDS.get(bucket).copied().unwrap_or(20.0);
        low + (high - low) * ((state & 0xFFFF) as f64 + 1.0) / 65_537.0
    })
}
