#![allow(unsafe_code)]

use std::ptr;

use super::SUM_WIDTH;
use super::row::{MOST_BLOCK_WORDS, MOST_BLOCKS, Row, SHORT_BLOCKS, Word};
use super::short_cuts::ShortCuts;
use super::slab::Slab;
use crate::sync::{AppendVec, AtomicUsize, Mutex, Ordering, lock};

/// Words in a block of narrow rows: one page.
const BLOCK_WORDS: usize = if cfg!(loom) { 8 } else { MOST_BLOCK_WORDS };

/// All cells of a process (or of a test): who may write what, and where it is.
///
/// A *row* is a few consecutive words: one for a sum, several for a histogram. Rows of one width are
/// dealt from *blocks*. A *slab* is one writer's copy of the blocks it has recorded in; the sum over
/// all slabs is what was recorded. Each thread has a slab to itself and writes it by plain relaxed
/// loads and stores. When a thread ends, its slab, with everything in it, is adopted by the next
/// thread that needs one: nothing is folded or freed, so nothing can be lost or counted twice.
///
/// The `shared` slab is written by anyone, with read-modify-write operations. It serves threads
/// that are being destroyed, threads that come when the slabs' memory has reached its limit, and
/// last values, of which there is only one.
pub(crate) struct Arena {
    rows: Mutex<Rows>,
    /// The words of each block, by block number; there is no block 0, and those after it are kept for sums.
    widths: AppendVec<usize>,
    /// How many of them there may be.
    most_blocks: usize,
    pub(super) slabs: AppendVec<Slab>,
    /// Slabs whose threads have ended. Also serialises installations into `shared`.
    idle: Mutex<Vec<usize>>,
    pub(super) shared: Slab,
    /// Histograms' rows in the shared slab have one writer at a time: who holds their stripe.
    stripes: [Mutex<()>; 16],
    /// How many threads without a slab are within a section.
    pub(super) outsiders: AtomicUsize,
    /// Bytes of blocks and of extents in threads' slabs (`shared` is bounded by the number of series).
    bytes: AtomicUsize,
    limit: AtomicUsize,
    /// Whether threads may have short cuts: whoever opens or closes one holds it.
    may_cut_short: Mutex<bool>,
}

struct Rows {
    /// The first block that is kept for sums and has not been dealt from.
    next_short: usize,
    /// Few: those of sums, last values and exponential histograms, and of histograms one for each number of buckets.
    classes: Vec<Class>,
}

impl Rows {
    fn of(&mut self, width: usize) -> &mut Class {
        let at = self.classes.iter().position(|class| class.width == width).unwrap_or_else(|| {
            self.classes.push(Class { width, free: Vec::new(), current: None });
            self.classes.len() - 1
        });
        &mut self.classes[at]
    }
}

/// The rows of one width.
struct Class {
    width: usize,
    free: Vec<Row>,
    /// The block being dealt from, the next word in it and its size.
    current: Option<(usize, usize, usize)>,
}

impl Arena {
    pub(crate) fn new(limit: usize) -> Self {
        Arena::of_blocks(MOST_BLOCKS, limit)
    }

    fn of_blocks(most_blocks: usize, limit: usize) -> Self {
        let widths = AppendVec::new();
        let _ = widths.push(0);
        for _ in 1..SHORT_BLOCKS {
            let _ = widths.push(BLOCK_WORDS);
        }
        Arena {
            rows: Mutex::new(Rows { next_short: 1, classes: Vec::new() }),
            widths,
            most_blocks,
            slabs: AppendVec::new(),
            idle: Mutex::new(Vec::new()),
            shared: Slab::new(),
            stripes: std::array::from_fn(|_| Mutex::new(())),
            outsiders: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            may_cut_short: Mutex::new(true),
        }
    }

    /// Sets how many bytes of cells threads may have to themselves, all together.
    pub(crate) fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of cells that threads have to themselves now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A zeroed row of `width` words; `None` when eight million blocks have been dealt, and none of that width has a row left. Rows
    /// that are given back serve others of their width.
    pub(crate) fn allocate(&self, width: usize) -> Option<Row> {
        debug_assert!(width > 0, "a row has at least one word");
        let mut rows = lock(&self.rows);
        let class = rows.of(width);
        if let Some(row) = class.free.pop() {
            return Some(row);
        }
        if let Some((block, next, size)) = &mut class.current
            && *next + width <= *size
        {
            let offset = *next;
            *next += width;
            return Row::new(*block, offset);
        }
        let size = (BLOCK_WORDS / width).max(1) * width;
        let block = match rows.next_short {
            short if width == SUM_WIDTH && short < SHORT_BLOCKS => {
                rows.next_short += 1;
                short
            }
            _ if self.widths.len() < self.most_blocks => self.widths.push(size).ok()?,
            _ => return None,
        };
        rows.of(width).current = Some((block, width, size));
        Row::new(block, 0)
    }

    /// Zeroes rows of `width` words in every slab and gives them back.
    ///
    /// The caller is the rows' last owner: nobody else can write or read them any more, and
    /// whatever was written happened before this call (the count of an `Arc` says so).
    pub(crate) fn free(&self, width: usize, freed: impl Iterator<Item = Row>) {
        let mut rows = lock(&self.rows);
        let class = rows.of(width);
        for row in freed {
            for slab in self.all_slabs() {
                if let Some(words) = slab.words(row) {
                    for word in 0..width {
                        // SAFETY: `row` was allocated with this width.
                        unsafe { &*words.add(word) }.store(0, Ordering::Relaxed);
                    }
                }
            }
            class.free.push(row);
        }
    }

    /// Every slab, the shared one last.
    pub(super) fn all_slabs(&self) -> impl Iterator<Item = &Slab> {
        self.slabs.iter().chain([&self.shared])
    }

    /// The row's words in every slab that has them, the shared one last.
    #[inline]
    pub(super) fn each_slab(&self, row: Row, mut visit: impl FnMut(&Slab, *const Word, bool)) {
        for slab in self.slabs.iter() {
            if let Some(words) = slab.words(row) {
                visit(slab, words, false);
            }
        }
        if let Some(words) = self.shared.words(row) {
            visit(&self.shared, words, true);
        }
    }

    /// A slab for a thread: one whose thread has ended, else a new one.
    pub(super) fn adopt_slab(&self) -> Option<usize> {
        let idle = lock(&self.idle).pop();
        idle.or_else(|| self.slabs.push(Slab::new()).ok())
    }

    /// Takes back the slab of a thread that ends.
    pub(super) fn release_slab(&self, slab: usize) {
        lock(&self.idle).push(slab);
    }

    /// The row's words in the thread's own slab, made if need be; `None` at the limit.
    ///
    /// The caller owns the slab.
    pub(super) fn own_words(&self, slab: &Slab, row: Row) -> Option<*const Word> {
        if let Some(words) = slab.words(row) {
            return Some(words);
        }
        let size = *self.widths.get(row.block())?;
        let bytes = size * size_of::<Word>() + slab.growth_bytes(row.block());
        if !self.may_take(bytes) {
            return None;
        }
        slab.install_block(row.block(), size);
        self.open_short_cut(slab, row.block());
        slab.words(row)
    }

    /// Lets the slab's owner take the short cut to a block of sums, which it has just installed.
    fn open_short_cut(&self, slab: &Slab, block: usize) {
        if block < SHORT_BLOCKS
            && let may_open = lock(&self.may_cut_short)
            && *may_open
            && let Some(words) = Row::new(block, 0).and_then(|row| slab.words(row))
        {
            slab.short_cuts.get_or_init(ShortCuts::new).open(block, words);
        }
    }

    /// Closes the short cuts of all threads, for good.
    pub(super) fn close_short_cuts(&self) {
        let mut may_open = lock(&self.may_cut_short);
        *may_open = false;
        self.slabs.iter().filter_map(|slab| slab.short_cuts.get()).for_each(ShortCuts::close);
    }

    /// Counts bytes that a thread is to have to itself, unless the limit forbids them.
    pub(super) fn may_take(&self, bytes: usize) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        let take = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= limit);
        // Beyond the limit this is a load, for every record that comes here.
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// What the writer of a histogram's row in the shared slab holds.
    pub(super) fn stripe(&self, words: *const Word) -> &Mutex<()> {
        &self.stripes[(words.addr() >> 6) % self.stripes.len()]
    }

    /// The row's words in the slab that anyone may write.
    #[inline]
    pub(super) fn shared_words(&self, row: Row) -> *const Word {
        self.shared.words(row).unwrap_or_else(|| self.make_shared_words(row))
    }

    #[cold]
    fn make_shared_words(&self, row: Row) -> *const Word {
        let _one_at_a_time = lock(&self.idle);
        if let Some(words) = self.shared.words(row) {
            return words;
        }
        // A row's block is always in `widths`: it was put there before the row was dealt.
        let size = self.widths.get(row.block()).copied().unwrap_or(BLOCK_WORDS);
        self.shared.install_block(row.block(), size);
        self.shared.words(row).unwrap_or(ptr::null())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_width_do_not_overlap_and_freed_rows_come_back_zeroed() {
        let arena = Arena::new(usize::MAX);
        let slab = Slab::new();
        for width in [1, 20, 700] {
            let rows: Vec<Row> = (0..100).map(|_| arena.allocate(width).unwrap()).collect();
            for (n, row) in rows.iter().enumerate() {
                let words = arena.own_words(&slab, *row).unwrap();
                for word in 0..width {
                    // SAFETY: the row has `width` words.
                    let word = unsafe { &*words.add(word) };
                    assert_eq!(word.load(Ordering::Relaxed), 0);
                    word.store(n as u64 + 1, Ordering::Relaxed);
                }
            }
            let freed = rows[7];
            arena.shared_words(freed);
            arena.free(width, [freed].into_iter());
            assert_eq!(arena.allocate(width), Some(freed));
        }
    }

    #[test]
    fn when_all_blocks_are_dealt_rows_of_a_width_are_only_those_that_were_given_back() {
        let arena = Arena::of_blocks(SHORT_BLOCKS + 2, usize::MAX);
        let width = BLOCK_WORDS / 2 - 1;
        let rows: Vec<Row> = std::iter::from_fn(|| arena.allocate(width)).collect();
        assert_eq!(rows.len(), 2 * 2, "two blocks of two");
        for _ in 0..100 {
            assert_eq!((arena.allocate(width), arena.allocate(2)), (None, None));
        }
        assert_eq!(arena.widths.len(), SHORT_BLOCKS + 2, "to ask in vain leaves nothing behind");
        arena.free(width, [rows[3]].into_iter());
        assert_eq!(arena.allocate(2), None, "a row has one width");
        assert_eq!((arena.allocate(width), arena.allocate(width)), (Some(rows[3]), None));
        // There are blocks for sums alone.
        assert!(arena.allocate(SUM_WIDTH).is_some());
    }

    #[test]
    fn at_the_limit_a_thread_gets_no_more_blocks_of_its_own() {
        let arena = Arena::new(3 * 4096);
        let slab = Slab::new();
        let rows: Vec<Row> = (0..10 * BLOCK_WORDS).map(|_| arena.allocate(1).unwrap()).collect();
        let own = rows.iter().filter(|row| arena.own_words(&slab, **row).is_some()).count();
        assert_eq!(own % BLOCK_WORDS, 0);
        assert!((1..3).contains(&(own / BLOCK_WORDS)), "{own}");
        assert!(arena.bytes() <= 3 * 4096);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::explore;
    use loom::sync::Arc;

    fn sum(arena: &Arena, row: Row) -> u64 {
        let mut sum = 0;
        // SAFETY: a row has at least one word.
        arena.each_slab(row, |_, words, _| sum += unsafe { &*words }.load(Ordering::Relaxed));
        sum
    }

    fn add_one(arena: &Arena, row: Row) {
        let id = arena.adopt_slab().unwrap();
        let words = arena.own_words(arena.slabs.get(id).unwrap(), row).unwrap();
        // SAFETY: a row has at least one word; whoever adopted the slab is its only writer.
        let cell = unsafe { &*words };
        cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        arena.release_slab(id);
    }

    #[test]
    fn what_happens_after_short_cuts_were_closed_finds_none_whoever_opens_one_meanwhile() {
        explore(3, || {
            let arena = Arc::new(Arena::new(usize::MAX));
            let row = arena.allocate(SUM_WIDTH).unwrap();
            let are_closed = Arc::new(AtomicUsize::new(0));
            let recorder = {
                let (arena, are_closed) = (Arc::clone(&arena), Arc::clone(&are_closed));
                loom::thread::spawn(move || {
                    let slab = arena.slabs.get(arena.adopt_slab().unwrap()).unwrap();
                    for _ in 0..2 {
                        let is_after = are_closed.load(Ordering::Acquire) == 1;
                        let words = slab.short_cuts.get().and_then(|short| short.words(row.spot()));
                        assert!(!(is_after && words.is_some()), "the short way, too late");
                        // The long way, on which a short cut may be opened.
                        let own = arena.own_words(slab, row).unwrap();
                        assert!(words.is_none_or(|words| words == own));
                    }
                    let is_after = are_closed.load(Ordering::Acquire) == 1;
                    let words = slab.short_cuts.get().and_then(|short| short.words(row.spot()));
                    assert!(!(is_after && words.is_some()), "the short way, too late");
                })
            };
            arena.close_short_cuts();
            are_closed.store(1, Ordering::Release);
            recorder.join().unwrap();
        });
    }

    #[test]
    fn a_slab_that_is_handed_on_loses_nothing_and_readers_see_blocks_whole() {
        explore(2, || {
            let arena = Arc::new(Arena::new(usize::MAX));
            let row = arena.allocate(1).unwrap();
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let arena = Arc::clone(&arena);
                    loom::thread::spawn(move || add_one(&arena, row))
                })
                .collect();
            let reader = {
                let arena = Arc::clone(&arena);
                loom::thread::spawn(move || {
                    let first = sum(&arena, row);
                    assert!(first <= 2);
                    assert!(sum(&arena, row) >= first, "a sum never goes back");
                })
            };
            for thread in threads {
                thread.join().unwrap();
            }
            reader.join().unwrap();
            assert_eq!(sum(&arena, row), 2);
        });
    }

    #[test]
    fn the_shared_block_is_made_once() {
        explore(2, || {
            let arena = Arc::new(Arena::new(0));
            let row = arena.allocate(1).unwrap();
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let arena = Arc::clone(&arena);
                    loom::thread::spawn(move || {
                        // SAFETY: a row has at least one word.
                        unsafe { &*arena.shared_words(row) }.fetch_add(1, Ordering::Relaxed);
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(sum(&arena, row), 2);
        });
    }
}
