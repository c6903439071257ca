use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

/// Shorter ones are no secrets, and would be found everywhere.
const SHORTEST: usize = 6;

/// What must not be shown, even where a receiver repeats it. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<[String]>);

impl Secrets {
    pub(crate) fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let mut texts: Vec<_> = texts.into_iter().filter(|text| text.len() >= SHORTEST).collect();
        // One that another is part of, after that.
        texts.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        texts.dedup();
        Secrets(texts.into())
    }

    /// A text of foreign origin without them. It must be whole: of one that was cut, a part would remain.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "(redacted)"))
    }
}

/// A header's value, and what comes after the scheme, as in `Bearer …`, which receivers repeat alone.
pub(super) fn of_header(value: &HeaderValue) -> Vec<String> {
    let Ok(value) = str::from_utf8(value.as_bytes()) else {
        return Vec::new();
    };
    let credentials = value.split_once(' ').map(|(_, credentials)| credentials.trim().to_owned());
    credentials.into_iter().chain([value.to_owned()]).collect()
}

/// Shows how many there are.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.0.len()).finish()
    }
}
