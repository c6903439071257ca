//! Memory for words.

use super::row::Word;

/// A cache line pair of words, so that two slabs never share a line.
#[cfg_attr(not(loom), repr(align(128)))]
#[cfg_attr(loom, repr(transparent))]
pub(super) struct Lines {
    _words: [Word; 16],
}

/// Room for so many words, in a `Box` that was taken apart.
pub(super) fn zeroed(words: usize) -> *mut [Lines] {
    let lines: Box<[Lines]> =
        (0..words.div_ceil(16)).map(|_| Lines { _words: std::array::from_fn(|_| Word::new(0)) }).collect();
    Box::into_raw(lines)
}
