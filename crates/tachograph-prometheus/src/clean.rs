//! Characters that names on a page cannot have, and the underscores that stand for them.

use std::borrow::Cow;

/// Replaces what a metric's name cannot have; the result may be empty or begin with a digit.
pub(crate) fn clean_metric_chars(name: &str) -> Cow<'_, str> {
    clean(name, |byte| byte.is_ascii_alphanumeric() || byte == b':')
}

/// Replaces what a label's name cannot have; the result may be empty or begin with a digit.
pub(crate) fn clean_label_chars(name: &str) -> Cow<'_, str> {
    clean(name, |byte| byte.is_ascii_alphanumeric())
}

/// Makes every run of underscores and of characters that are not `legal` one underscore.
fn clean(name: &str, legal: impl Fn(u8) -> bool) -> Cow<'_, str> {
    let mut after_underscore = false;
    let is_clean = name.bytes().all(|byte| {
        let collapses = byte == b'_' && after_underscore;
        after_underscore = byte == b'_';
        !collapses && (byte == b'_' || legal(byte))
    });
    if is_clean {
        return Cow::Borrowed(name);
    }
    let mut cleaned = String::with_capacity(name.len());
    for byte in name.bytes() {
        // Bytes of a longer UTF-8 sequence are never legal, and collapse into one underscore.
        if legal(byte) {
            cleaned.push(char::from(byte));
        } else if !cleaned.ends_with('_') {
            cleaned.push('_');
        }
    }
    Cow::Owned(cleaned)
}
