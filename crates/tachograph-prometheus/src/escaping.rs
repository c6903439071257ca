//! The schemes by which names outside the classic grammar are made legal, or left as they are.

use std::borrow::Cow;

/// How names are escaped that are not legal in the classic grammar, `[a-zA-Z_:][a-zA-Z0-9_:]*`; legal ones
/// are left alone.
///
/// Prometheus's `escaping_schemes.md`, as `prometheus/common` does it, with one exception: a colon is legal in
/// the name of a metric but in no label's, so that it is escaped there (`prometheus/common` leaves it, and no
/// server can read that page). A server asks for a scheme by `escaping=`. Which one it gets makes a difference
/// only with a [strategy](crate::TranslationStrategy) that leaves such names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EscapingScheme {
    /// `allow-utf-8`: as they are, in quotes. But for the character of value zero, which ends a page for a Prometheus
    /// server: `_` is in its place.
    AllowUtf8,
    /// `underscores`: a `_` for each illegal character. The default of whoever asks for nothing.
    #[default]
    Underscores,
    /// `dots`: `_dot_` for a dot, `__` for an underscore or another illegal character.
    Dots,
    /// `values`: `U__` before it, `__` for an underscore, `_2e_` (the code point) for an illegal character.
    Values,
}

impl EscapingScheme {
    /// Every scheme.
    pub(crate) const ALL: [EscapingScheme; 4] =
        [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// The scheme of a value of `escaping=`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == name)
    }

    /// Its name in `escaping=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    #[inline]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Escapes a metric's name, which is not empty.
    pub(crate) fn metric(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::AllowUtf8 => without_nul(name),
            _ if is_metric_name(name) => Cow::Borrowed(name),
            _ => Cow::Owned(self.escape(name, true)),
        }
    }

    /// Escapes a label's name; the empty one becomes `_`.
    ///
    /// Names that begin with two underscores are the server's own (`__name__`): one is left.
    pub(crate) fn label(self, name: &str) -> Cow<'_, str> {
        let escaped = match self {
            _ if name.is_empty() => Cow::Borrowed("_"),
            Self::AllowUtf8 => without_nul(name),
            _ if is_label_name(name) => Cow::Borrowed(name),
            _ => Cow::Owned(self.escape(name, false)),
        };
        if !escaped.starts_with("__") {
            return escaped;
        }
        let reserved = escaped.bytes().take_while(|byte| *byte == b'_').count() - 1;
        match escaped {
            Cow::Borrowed(name) => Cow::Borrowed(&name[reserved..]),
            Cow::Owned(mut name) => {
                name.drain(..reserved);
                Cow::Owned(name)
            }
        }
    }

    fn escape(self, name: &str, colon: bool) -> String {
        let mut escaped = String::with_capacity(name.len() + 8);
        if self == Self::Values {
            escaped.push_str("U__");
        }
        for (at, c) in name.chars().enumerate() {
            let is_legal = is_legal(c, at == 0, colon);
            match self {
                Self::AllowUtf8 => escaped.push(c),
                Self::Underscores => escaped.push(if is_legal { c } else { '_' }),
                Self::Dots | Self::Values if c == '_' => escaped.push_str("__"),
                _ if is_legal => escaped.push(c),
                Self::Dots => escaped.push_str(if c == '.' { "_dot_" } else { "__" }),
                Self::Values => escaped.push_str(&format!("_{:x}_", u32::from(c))),
            }
        }
        escaped
    }
}

fn without_nul(name: &str) -> Cow<'_, str> {
    match name.contains('\0') {
        true => Cow::Owned(name.replace('\0', "_")),
        false => Cow::Borrowed(name),
    }
}

fn is_legal(c: char, initial: bool, colon: bool) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (colon && c == ':') || (!initial && c.is_ascii_digit())
}

fn is_name(name: &str, colon: bool) -> bool {
    !name.is_empty() && name.chars().enumerate().all(|(at, c)| is_legal(c, at == 0, colon))
}

/// Whether a metric's name is legal in the classic grammar, and so needs no quotes.
pub(crate) fn is_metric_name(name: &str) -> bool {
    is_name(name, true)
}

/// Whether a label's name is legal in the classic grammar, and so needs no quotes.
pub(crate) fn is_label_name(name: &str) -> bool {
    is_name(name, false)
}

#[cfg(test)]
mod tests {
    use EscapingScheme::{AllowUtf8, Dots, Underscores, Values};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_escaped_as_the_schemes_say() {
        for (name, underscores, dots, values) in [
            // Legal by the rule for metrics: left alone in all of them.
            (
                "mysystem_prod_west_cpu_load",
                "mysystem_prod_west_cpu_load",
                "mysystem_prod_west_cpu_load",
                "mysystem_prod_west_cpu_load",
            ),
            ("a:b", "a:b", "a:b", "a:b"),
            (
                "mysystem.prod.west.cpu.load",
                "mysystem_prod_west_cpu_load",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load",
            ),
            (
                "mysystem.prod.west.cpu.load_total",
                "mysystem_prod_west_cpu_load_total",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total",
            ),
            ("http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"),
            ("label with 😱", "label_with__", "label__with____", "U__label_20_with_20__1f631_"),
            ("花火", "__", "____", "U___82b1__706b_"),
            ("1a", "_a", "__a", "U___31_a"),
            ("a..b", "a__b", "a_dot__dot_b", "U__a_2e__2e_b"),
        ] {
            assert_eq!(Underscores.metric(name), underscores);
            assert_eq!(Dots.metric(name), dots);
            assert_eq!(Values.metric(name), values);
            assert_eq!(AllowUtf8.metric(name), name);
        }
    }

    #[test]
    fn a_colon_is_escaped_in_labels_only() {
        assert_eq!(Underscores.label("a:b"), "a_b");
        assert_eq!(Values.label("a:b"), "U__a_3a_b");
        assert_eq!(AllowUtf8.label("a:b"), "a:b");
        assert_eq!(Underscores.label("0x="), "_x_");
        assert_eq!(Values.label("0x="), "U___30_x_3d_");
        assert_eq!(Dots.label("a_b.c"), "a__b_dot_c");
        assert_eq!(Dots.label("a_b"), "a_b");
    }

    #[test]
    fn no_label_is_empty_or_the_servers_own() {
        for scheme in EscapingScheme::ALL {
            assert_eq!(scheme.label(""), "_");
            assert_eq!(scheme.label("__name__"), "_name__");
            assert!(!scheme.label("..x").starts_with("__"));
            assert!(!scheme.label("日本").starts_with("__"));
        }
    }

    #[test]
    fn the_character_of_value_zero_is_on_no_page() {
        for scheme in EscapingScheme::ALL {
            assert!(!scheme.label("a\0b").contains('\0') && !scheme.metric("a\0.b").contains('\0'));
        }
        assert_eq!(AllowUtf8.label("\0.b"), "_.b");
    }

    #[test]
    fn schemes_are_found_by_their_names() {
        for scheme in EscapingScheme::ALL {
            assert_eq!(EscapingScheme::named(scheme.as_str()), Some(scheme));
        }
        assert_eq!(EscapingScheme::named("Dots"), None);
        assert_eq!(EscapingScheme::named(""), None);
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_legal(name in "\\PC{0,12}|[a_.:0]{0,6}") {
            for scheme in [Underscores, Dots, Values] {
                prop_assert!(is_label_name(&scheme.label(&name)), "{}", scheme.label(&name));
                if !name.is_empty() {
                    prop_assert!(is_metric_name(&scheme.metric(&name)), "{}", scheme.metric(&name));
                }
            }
        }

        #[test]
        fn values_tell_illegal_names_apart(a in "[a._]{1,4}", b in "[a._]{1,4}") {
            prop_assume!(a != b && !is_metric_name(&a) && !is_metric_name(&b));
            prop_assert_ne!(Values.metric(&a), Values.metric(&b));
        }
    }
}
