//! Reading a row of several words whole, while its owner writes it without pause.
#![allow(unsafe_code)]

use std::ptr;

use super::row::Word;
use crate::sync::{AtomicPtr, AtomicU64, Mutex, Ordering, fence, lock, pause};

/// The words before a row's own: its sequence number, and the ticket of a waiting reader.
///
/// # Protocol
///
/// The owner adds one to the sequence number before it writes the row and one after, so that it is
/// odd meanwhile. A reader takes the number, the words and the number again; when both are equal and
/// even, the words belong together (a sequence lock, as in Boehm, "Can seqlocks get along with
/// programming language memory models?", 2012).
///
/// An owner that records without pause would starve such a reader. So after a few attempts the
/// reader puts a ticket into the row's second word. The owner, who looks there after every record,
/// copies the row to its slab's [`CopyDesk`] and stores the ticket in `done` (release). The reader,
/// waiting for that (acquire), goes on trying by itself meanwhile, for the owner may never record
/// again. A ticket is served once, tickets are never used twice in a slab, and only readers clear
/// them: so while a reader reads the desk, nobody writes there.
pub(super) const HEADER: usize = 2;
const SEQUENCE: usize = 0;
const TICKET: usize = 1;

const UNAIDED_ATTEMPTS: u32 = 4;

/// What of a row is copied, word by word.
pub(super) trait Image {
    /// How many words there are at most.
    fn room(&self) -> usize;

    /// Loads each word, and gives it to `put` with its place in the copy, which is below [`room`](Self::room).
    /// What a reader gets while the row changes may be torn, but is a word of this slab's cells.
    ///
    /// # Safety
    ///
    /// `words` are those of a row after its header, of the kind that the image is for.
    unsafe fn each(&self, words: *const Word, put: impl FnMut(usize, u64));
}

/// All words of a row that has this many after its header.
pub(super) struct Whole(pub(super) usize);

impl Image for Whole {
    fn room(&self) -> usize {
        self.0
    }

    #[inline]
    unsafe fn each(&self, words: *const Word, mut put: impl FnMut(usize, u64)) {
        for word in 0..self.0 {
            // SAFETY: the row has that many words, says the caller.
            put(word, unsafe { &*words.add(word) }.load(Ordering::Relaxed));
        }
    }
}

/// A slab's place for copies of its rows.
pub(super) struct CopyDesk {
    /// Room for the widest row asked for so far. Replaced under the lock, never freed before `Drop`.
    buffer: AtomicPtr<Word>,
    /// The last ticket the owner has served.
    done: AtomicU64,
    readers: Mutex<Readers>,
}

struct Readers {
    last_ticket: u64,
    /// All buffers made; the last is the current one. An owner may still be writing to an older one
    /// for a reader that has long helped itself.
    buffers: Vec<*mut [Word]>,
}

// SAFETY: the raw pointers are to buffers of atomics that the desk owns and frees only in `Drop`.
unsafe impl Send for CopyDesk {}
// SAFETY: as above.
unsafe impl Sync for CopyDesk {}

impl CopyDesk {
    pub(super) fn new() -> Self {
        CopyDesk {
            buffer: AtomicPtr::new(ptr::null_mut()),
            done: AtomicU64::new(0),
            readers: Mutex::new(Readers { last_ticket: 0, buffers: Vec::new() }),
        }
    }
}

/// Writes a row: `change` gets its words after the header. Says whether a reader waits for a copy.
///
/// # Safety
///
/// `row` is a row with a header, and this thread is its only writer.
#[inline]
pub(super) unsafe fn write(row: *const Word, change: impl FnOnce(*const Word)) -> bool {
    // SAFETY: the row has a header, says the caller.
    let (sequence, ticket) = unsafe { (&*row.add(SEQUENCE), &*row.add(TICKET)) };
    let number = sequence.load(Ordering::Relaxed);
    sequence.store(number.wrapping_add(1), Ordering::Relaxed);
    // The odd number is visible before anything of the change.
    fence(Ordering::Release);
    // SAFETY: as above.
    change(unsafe { row.add(HEADER) });
    sequence.store(number.wrapping_add(2), Ordering::Release);
    ticket.load(Ordering::Relaxed) != 0
}

/// Leaves a copy of the row for the reader that asked for it. For the row's owner, after a write.
///
/// # Safety
///
/// As for [`write`]; the row is of the image's kind, and `desk` is its slab's.
#[cold]
pub(super) unsafe fn serve(desk: &CopyDesk, row: *const Word, image: &impl Image) {
    // SAFETY: the row has a header, says the caller.
    let ticket = unsafe { &*row.add(TICKET) }.load(Ordering::Acquire);
    if ticket == 0 || ticket == desk.done.load(Ordering::Relaxed) {
        return;
    }
    let buffer = desk.buffer.load(Ordering::Acquire);
    let put = |word, value| {
        // SAFETY: the reader made the buffer large enough for the image before it left its ticket.
        unsafe { &*buffer.add(word) }.store(value, Ordering::Relaxed);
    };
    // SAFETY: the row is of the image's kind, says the caller.
    unsafe { image.each(row.add(HEADER), put) };
    desk.done.store(ticket, Ordering::Release);
}

/// One attempt to read a row whole.
///
/// # Safety
///
/// The row is of the image's kind, and `into` has room for it.
pub(super) unsafe fn attempt(row: *const Word, image: &impl Image, into: &mut [u64]) -> bool {
    // SAFETY: the row has a header.
    let sequence = unsafe { &*row.add(SEQUENCE) };
    let before = sequence.load(Ordering::Acquire);
    if before % 2 == 1 {
        return false;
    }
    // SAFETY: the row is of the image's kind, says the caller.
    unsafe { image.each(row.add(HEADER), |word, value| into[word] = value) };
    // The second number is read after the words.
    fence(Ordering::Acquire);
    sequence.load(Ordering::Relaxed) == before
}

/// Reads a row that its owner may be writing. Words that the image leaves out are as they were.
///
/// # Safety
///
/// The row is of the image's kind, and `into` has room for it; `desk` is the row's slab's.
pub(super) unsafe fn read(desk: &CopyDesk, row: *const Word, image: &impl Image, into: &mut [u64]) {
    for n in 0..UNAIDED_ATTEMPTS {
        // SAFETY: the caller's promise.
        if unsafe { attempt(row, image, into) } {
            return;
        }
        pause(n);
    }
    // SAFETY: the caller's promise.
    unsafe { read_aided(desk, row, image, into) }
}

/// # Safety
///
/// As for [`read`].
#[cold]
unsafe fn read_aided(desk: &CopyDesk, row: *const Word, image: &impl Image, into: &mut [u64]) {
    let mut readers = lock(&desk.readers);
    let room = readers.buffers.last().map_or(0, |buffer| buffer.len());
    if room < image.room() {
        let buffer: Box<[Word]> = (0..image.room()).map(|_| Word::new(0)).collect();
        let buffer = Box::into_raw(buffer);
        readers.buffers.push(buffer);
        desk.buffer.store(buffer.cast(), Ordering::Release);
    }
    readers.last_ticket += 1;
    let ticket = readers.last_ticket;
    // SAFETY: the row has a header.
    let asked = unsafe { &*row.add(TICKET) };
    asked.store(ticket, Ordering::Release);
    let mut n = 0;
    loop {
        if desk.done.load(Ordering::Acquire) == ticket {
            let buffer = desk.buffer.load(Ordering::Relaxed);
            for (word, value) in into.iter_mut().enumerate().take(image.room()) {
                // SAFETY: the buffer is at least that large.
                *value = unsafe { &*buffer.add(word) }.load(Ordering::Relaxed);
            }
            break;
        }
        // SAFETY: the caller's promise.
        if unsafe { attempt(row, image, into) } {
            break;
        }
        pause(n);
        n += 1;
    }
    asked.store(0, Ordering::Relaxed);
}

impl Drop for CopyDesk {
    fn drop(&mut self) {
        for buffer in lock(&self.readers).buffers.drain(..) {
            // SAFETY: it came from `Box::into_raw`, and `&mut self` means that nobody uses it.
            drop(unsafe { Box::from_raw(buffer) });
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::explore;
    use loom::sync::Arc;

    fn row(width: usize) -> Arc<Vec<Word>> {
        Arc::new((0..HEADER + width).map(|_| Word::new(0)).collect())
    }

    fn bump(words: *const Word) {
        for word in 0..2 {
            // SAFETY: the test's rows have two words.
            let word = unsafe { &*words.add(word) };
            word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    #[test]
    fn an_unaided_read_that_succeeds_is_whole() {
        explore(None, || {
            let words = row(2);
            let reader = {
                let words = Arc::clone(&words);
                loom::thread::spawn(move || {
                    let mut seen = [9, 9];
                    // SAFETY: the row has two words.
                    if unsafe { attempt(words.as_ptr(), &Whole(2), &mut seen) } {
                        assert_eq!(seen[0], seen[1]);
                    }
                })
            };
            for _ in 0..2 {
                // SAFETY: the only writer, of a row with two words.
                unsafe { write(words.as_ptr(), bump) };
            }
            reader.join().unwrap();
        });
    }

    #[test]
    fn an_aided_read_is_whole_and_ends_whether_or_not_the_owner_records_again() {
        explore(3, || {
            let shared = Arc::new((row(2), CopyDesk::new()));
            let reader = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    for _ in 0..2 {
                        let mut seen = [9, 9];
                        // SAFETY: the row has two words.
                        unsafe { read_aided(&shared.1, shared.0.as_ptr(), &Whole(2), &mut seen) };
                        assert_eq!(seen[0], seen[1]);
                    }
                })
            };
            for _ in 0..2 {
                // SAFETY: the only writer, of a row with two words.
                if unsafe { write(shared.0.as_ptr(), bump) } {
                    // SAFETY: as above; the desk is the row's.
                    unsafe { serve(&shared.1, shared.0.as_ptr(), &Whole(2)) };
                }
            }
            reader.join().unwrap();
        });
    }
}
