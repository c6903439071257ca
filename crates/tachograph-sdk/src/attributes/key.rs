use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use opentelemetry::Key;

/// A borrowed attribute key; it knows whether it is `'static`.
#[derive(Clone, Copy)]
pub struct KeyRef<'a> {
    text: &'a str,
    /// The same text, if it is static.
    known: Option<&'static str>,
}

impl<'a> KeyRef<'a> {
    /// A key that lives as long as the program: a literal. It is neither copied nor, when it is the
    /// same literal again, compared.
    #[inline]
    pub const fn from_static(text: &'static str) -> Self {
        KeyRef { text, known: Some(text) }
    }

    /// A key that lives somewhere else; it is copied when a series is made.
    #[inline]
    pub const fn borrowed(text: &'a str) -> Self {
        KeyRef { text, known: None }
    }

    /// The key's text.
    #[inline]
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// The key as the API's own [`Key`].
    pub fn to_key(&self) -> Key {
        match self.known {
            Some(text) => Key::from_static_str(text),
            None => Key::from(Arc::<str>::from(self.text)),
        }
    }
}

impl fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// A type that can be the key of an attribute in an array or slice of pairs.
///
/// A plain `&str` has to be `'static`, as keys nearly always are; for others there is
/// [`KeyRef::borrowed`].
pub trait AttributeKey {
    /// The key.
    fn key(&self) -> KeyRef<'_>;
}

impl AttributeKey for &'static str {
    #[inline]
    fn key(&self) -> KeyRef<'_> {
        KeyRef::from_static(self)
    }
}

impl AttributeKey for KeyRef<'_> {
    #[inline]
    fn key(&self) -> KeyRef<'_> {
        *self
    }
}

impl AttributeKey for String {
    #[inline]
    fn key(&self) -> KeyRef<'_> {
        KeyRef::borrowed(self)
    }
}

impl AttributeKey for Cow<'static, str> {
    #[inline]
    fn key(&self) -> KeyRef<'_> {
        match self {
            Cow::Borrowed(text) => KeyRef::from_static(text),
            Cow::Owned(text) => KeyRef::borrowed(text),
        }
    }
}

impl AttributeKey for Key {
    #[inline]
    fn key(&self) -> KeyRef<'_> {
        KeyRef::borrowed(self.as_str())
    }
}
