#![allow(unsafe_code)]

/// Text out of a record.
#[inline(always)]
pub(super) fn text(bytes: &[u8]) -> &str {
    debug_assert!(std::str::from_utf8(bytes).is_ok(), "records hold what was a str");
    // SAFETY: `bytes` are a section of a record that a length in the record delimits. Records are written by this
    // folder alone, which takes all text as `&str`, cuts it at the boundaries of characters only, and stores its
    // length beside it; nobody else can make or change a record's bytes.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}
