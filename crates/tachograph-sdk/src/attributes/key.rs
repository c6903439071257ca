use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use opentelemetry::Key;

/// A borrowed attribute key; it knows whether it is `'static`.
#[derive(Clone, Copy)]
pub struct KeyRef<'a>(Text<'a>);

#[derive(Clone, Copy)]
enum Text<'a> {
    Static(&'static str),
    Borrowed(&'a str),
}

impl<'a> KeyRef<'a> {
    /// A key that lives as long as the program: a literal. It is neither copied nor, when it is the
    /// same literal again, compared.
    #[inline(always)]
    pub const fn from_static(text: &'static str) -> Self {
        KeyRef(Text::Static(text))
    }

    /// A key that lives somewhere else; it is copied when a series is made.
    #[inline(always)]
    pub const fn borrowed(text: &'a str) -> Self {
        KeyRef(Text::Borrowed(text))
    }

    /// The key's text.
    #[inline(always)]
    pub const fn as_str(&self) -> &'a str {
        match self.0 {
            Text::Static(text) | Text::Borrowed(text) => text,
        }
    }

    /// Whether the key is known to live as long as the program.
    #[inline(always)]
    pub(crate) const fn is_static(&self) -> bool {
        matches!(self.0, Text::Static(_))
    }

    /// The key as the API's own [`Key`].
    pub fn to_key(&self) -> Key {
        match self.0 {
            Text::Static(text) => Key::from_static_str(text),
            Text::Borrowed(text) => Key::from(Arc::<str>::from(text)),
        }
    }
}

impl fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
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
