//! Reads `#[attribute(...)]`: which keys there are, where each belongs and what it takes.

use std::fmt;

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Attribute, Ident, LitBool, LitInt, LitStr, Path, Token};

use crate::case::Case;
use crate::error::Errors;

/// Where an attribute stands; each place knows other keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Struct,
    Field,
    Enum,
    Variant,
    VariantField,
    /// A variant of an enum of errors.
    ErrorVariant,
}

impl Place {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Place::Struct => &["crate", "prefix", "rename_all"],
            Place::Field => &["flatten", "prefix", "rename", "skip"],
            Place::Enum => &["crate", "rename_all"],
            Place::Variant => &["other", "rename", "value"],
            Place::VariantField => &[],
            Place::ErrorVariant => &["other", "rename"],
        }
    }

    /// The keys of this place, for a message.
    fn known_here(self) -> String {
        if self.keys().is_empty() {
            return "no key is known here".to_owned();
        }
        let keys: Vec<_> = self.keys().iter().map(|key| format!("`{key}`")).collect();
        format!("known here: {}", keys.join(", "))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Struct => "a struct",
            Place::Field => "a field",
            Place::Enum => "an enum",
            Place::Variant => "a variant",
            Place::ErrorVariant => "a variant of an enum of errors",
            Place::VariantField => "a variant's field",
        })
    }
}

/// What the user said in one place. Only the keys of that place are ever filled in.
#[derive(Default)]
pub(crate) struct Attrs {
    /// Where the traits are, if not in the facade.
    pub(crate) crate_path: Option<Path>,
    /// Put before every key that comes from a field's name, or before the keys of a set within the set.
    pub(crate) prefix: Option<LitStr>,
    /// How fields' or variants' names are written.
    pub(crate) rename_all: Option<Case>,
    /// The name itself.
    pub(crate) rename: Option<LitStr>,
    /// A variant's value, where it is not text.
    pub(crate) value: Option<(Literal, Span)>,
    /// Makes a field's own attributes those of the set; the user's token.
    pub(crate) flatten: Option<Ident>,
    /// Leaves a field out; the user's token.
    pub(crate) skip: Option<Ident>,
    /// Marks the variant for everything else; the user's token.
    pub(crate) other: Option<Ident>,
}

/// A variant's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Literal {
    Str(String),
    I64(i64),
    Bool(bool),
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Str(value) => write!(f, "{value:?}"),
            Literal::I64(value) => write!(f, "{value}"),
            Literal::Bool(value) => write!(f, "{value}"),
        }
    }
}

impl Attrs {
    /// Reads every `#[attribute(...)]` of one place; what cannot be read goes to `errors`.
    pub(crate) fn read(attributes: &[Attribute], place: Place, errors: &mut Errors) -> Self {
        let mut reader = Reader { place, attrs: Attrs::default(), seen: Vec::new(), errors };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("attribute")) {
            let syn::Meta::List(list) = &attribute.meta else {
                let message = format!("expected `#[attribute(...)]`; {}", place.known_here());
                reader.errors.push(syn::Error::new_spanned(&attribute.meta, message));
                continue;
            };
            // The parser is handed the tokens with the list's end, so that an error there has a place.
            let parser = |input: ParseStream<'_>| reader.list(input);
            let result = list.parse_args_with(parser);
            if let Err(error) = result {
                reader.errors.push(error);
            }
        }
        reader.attrs
    }
}

struct Reader<'a> {
    place: Place,
    attrs: Attrs,
    seen: Vec<String>,
    errors: &'a mut Errors,
}

impl Reader<'_> {
    /// Reads what stands between the parentheses. After a mistake it goes on behind the next comma:
    /// the other keys (above all `crate`, which the stub needs) are understood all the same.
    fn list(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        while !input.is_empty() {
            if let Err(error) = self.entry(input) {
                self.errors.push(error);
                while !input.is_empty() && !input.peek(Token![,]) {
                    input.parse::<TokenTree>()?;
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }

    /// Reads one `key` or `key = value`.
    fn entry(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error(format!("expected a key; {}", self.place.known_here())));
        }
        let key = input.call(Ident::parse_any)?;
        let name = key.to_string();
        if !self.place.keys().contains(&name.as_str()) {
            return Err(syn::Error::new(
                key.span(),
                format!("`{name}` means nothing on {}; {}", self.place, self.place.known_here()),
            ));
        }
        if self.seen.contains(&name) {
            return Err(syn::Error::new(key.span(), format!("`{name}` is given twice")));
        }
        match name.as_str() {
            "crate" => self.attrs.crate_path = Some(crate_path(&key, input)?),
            "prefix" => self.attrs.prefix = Some(text(&key, input)?),
            "rename" => self.attrs.rename = Some(text(&key, input)?),
            "rename_all" => self.attrs.rename_all = Some(case(&key, input)?),
            "value" => self.attrs.value = Some(value(&key, input)?),
            "flatten" => self.attrs.flatten = Some(key),
            "skip" => self.attrs.skip = Some(key),
            "other" => self.attrs.other = Some(key),
            _ => {}
        }
        self.seen.push(name.clone());
        if !input.is_empty() && !input.peek(Token![,]) {
            let what = match name.as_str() {
                "flatten" | "skip" | "other" => format!("`{name}` takes no value"),
                _ => "expected a comma".to_owned(),
            };
            return Err(input.error(what));
        }
        Ok(())
    }
}

/// Goes past the `=` behind a key that takes a value, which `example` shows.
fn equals(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return Ok(());
    }
    Err(syn::Error::new(key.span(), format!("`{key}` takes a value: `{key} = {example}`")))
}

fn text(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    equals(key, input, "\"...\"")?;
    if !input.peek(LitStr) {
        return Err(input.error(format!("expected text in quotes: `{key} = \"...\"`")));
    }
    input.parse()
}

fn case(key: &Ident, input: ParseStream<'_>) -> syn::Result<Case> {
    let name = text(key, input)?;
    Case::by_name(&name.value()).ok_or_else(|| {
        let message = format!("unknown case {:?}; known: {}", name.value(), Case::names());
        syn::Error::new(name.span(), message)
    })
}

/// A path in quotes, as serde has it, or bare: the only form in which `$crate` can be written.
fn crate_path(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    const EXAMPLE: &str = "\"tachograph_sdk\"";
    equals(key, input, EXAMPLE)?;
    let expected = || format!("expected the path of a crate or a module: `{key} = {EXAMPLE}`");
    if input.peek(LitStr) {
        let quoted: LitStr = input.parse()?;
        return quoted
            .parse_with(Path::parse_mod_style)
            .map_err(|_| syn::Error::new(quoted.span(), expected()));
    }
    let begin = input.span();
    input.call(Path::parse_mod_style).map_err(|_| syn::Error::new(begin, expected()))
}

fn value(key: &Ident, input: ParseStream<'_>) -> syn::Result<(Literal, Span)> {
    equals(key, input, "404")?;
    let begin = input.span();
    if input.peek(LitBool) {
        return Ok((Literal::Bool(input.parse::<LitBool>()?.value), begin));
    }
    if input.peek(LitStr) {
        return Err(input.error("for text say `rename`; `value` takes an integer or a boolean"));
    }
    let negative = input.peek(Token![-]);
    if negative {
        input.parse::<Token![-]>()?;
    }
    if !input.peek(LitInt) {
        return Err(syn::Error::new(begin, "expected an integer or a boolean"));
    }
    let digits: LitInt = input.parse()?;
    let sign = if negative { "-" } else { "" };
    match format!("{sign}{}", digits.base10_digits()).parse() {
        Ok(number) => Ok((Literal::I64(number), digits.span())),
        Err(_) => Err(syn::Error::new(digits.span(), "out of range: an attribute's integer is an `i64`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(place: Place, attributes: &[Attribute]) -> (Attrs, Vec<String>) {
        let mut errors = Errors::default();
        let attrs = Attrs::read(attributes, place, &mut errors);
        let messages = match errors.into_result() {
            Ok(()) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.to_string()).collect(),
        };
        (attrs, messages)
    }

    #[test]
    fn attributes_of_others_are_left_alone() {
        let (attrs, messages) = read(
            Place::Field,
            &[syn::parse_quote!(#[serde(rename = "a", skip)]), syn::parse_quote!(#[some::attribute(skip)])],
        );
        assert!(messages.is_empty() && attrs.skip.is_none() && attrs.rename.is_none());
    }

    #[test]
    fn what_follows_a_mistake_is_understood_all_the_same() {
        let (attrs, messages) = read(
            Place::Struct,
            &[syn::parse_quote!(#[attribute(no, = [1, 2] x, prefix = "a", crate = b::c, prefix = "d")])],
        );
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages[0].starts_with("`no` means nothing on a struct"), "{messages:?}");
        assert!(messages[1].starts_with("expected a key"), "{messages:?}");
        assert_eq!(messages[2], "`prefix` is given twice");
        assert_eq!(attrs.prefix.map(|text| text.value()).as_deref(), Some("a"));
        assert!(attrs.crate_path.is_some());
    }

    #[test]
    fn a_path_may_be_quoted_or_bare_or_begin_at_the_root() {
        for list in [
            syn::parse_quote!(#[attribute(crate = "::a::b")]),
            syn::parse_quote!(#[attribute(crate = ::a::b)]),
            syn::parse_quote!(#[attribute(crate = "self::a")]),
            syn::parse_quote!(#[attribute(crate = crate)]),
        ] {
            let (attrs, messages) = read(Place::Struct, &[list]);
            assert!(messages.is_empty(), "{messages:?}");
            assert!(attrs.crate_path.is_some());
        }
    }

    #[test]
    fn integers_are_read_in_every_notation_up_to_the_bounds() {
        let value = |list| read(Place::Variant, &[list]).0.value.map(|(literal, _)| literal);
        let number = |number| Some(Literal::I64(number));
        assert_eq!(value(syn::parse_quote!(#[attribute(value = 1_000)])), number(1_000));
        assert_eq!(value(syn::parse_quote!(#[attribute(value = 0xff_u16)])), number(255));
        assert_eq!(value(syn::parse_quote!(#[attribute(value = -0b11)])), number(-3));
        assert_eq!(value(syn::parse_quote!(#[attribute(value = 9223372036854775807)])), number(i64::MAX));
        assert_eq!(value(syn::parse_quote!(#[attribute(value = -9223372036854775808)])), number(i64::MIN));
        assert_eq!(value(syn::parse_quote!(#[attribute(value = 9223372036854775808)])), None);
        assert_eq!(value(syn::parse_quote!(#[attribute(value = false)])), Some(Literal::Bool(false)));
    }
}
