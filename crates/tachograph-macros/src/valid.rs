//! What the grammar allows and the derive does not.

use std::collections::HashMap;

use syn::spanned::Spanned as _;

use crate::ast::{AttributeStruct, Field, ValueEnum, Variant};
use crate::attr::Attrs;
use crate::error::Errors;

impl AttributeStruct<'_> {
    pub(crate) fn validate(&self) -> syn::Result<()> {
        let mut errors = Errors::default();
        for field in &self.fields {
            if let (Some(skip), Some(_)) = (&field.attrs.skip, &field.attrs.rename) {
                errors.at(skip.span(), "a skipped field has no key: say `skip` or `rename`, not both");
            }
            field.validate_set(&mut errors);
        }
        let mut owners = HashMap::new();
        for field in self.recorded().filter(|field| field.attrs.flatten.is_none()) {
            if field.key.is_empty() {
                errors.at(field.key_span, "an attribute's key cannot be empty");
                continue;
            }
            match owners.get(field.key.as_str()) {
                Some(owner) => errors.at(
                    field.key_span,
                    format!("the key {:?} is taken by the field `{owner}`: rename one of the two", field.key),
                ),
                None => {
                    owners.insert(field.key.as_str(), field.ident);
                }
            }
        }
        errors.into_result()
    }
}

impl Field<'_> {
    fn validate_set(&self, errors: &mut Errors) {
        let Attrs { flatten, skip, rename, prefix, .. } = &self.attrs;
        match flatten {
            Some(flatten) if skip.is_some() => {
                errors.at(
                    flatten.span(),
                    "a skipped field has no attributes: say `skip` or `flatten`, not both",
                );
            }
            Some(flatten) if rename.is_some() => errors.at(
                flatten.span(),
                "a set within the set has the keys of its own fields: `rename` those, or give all of them a \
                 `prefix`",
            ),
            None => {
                if let Some(prefix) = prefix {
                    errors.at(
                        prefix.span(),
                        "`prefix` is for the keys of a set within the set, beside `flatten`; for one key say \
                         `rename`",
                    );
                }
            }
            Some(_) => {}
        }
    }
}

impl ValueEnum<'_> {
    /// As `validate`, for an enum of errors, whose variants may carry anything.
    pub(crate) fn validate_errors(&self) -> syn::Result<()> {
        let mut errors = Errors::default();
        self.validate_other(&mut errors);
        // All that are `other` have one value, which is not worth a second message.
        errors.into_result()?;
        let mut errors = Errors::default();
        self.validate_values(&mut errors);
        errors.into_result()
    }

    pub(crate) fn validate(&self) -> syn::Result<()> {
        let mut errors = Errors::default();
        for variant in &self.variants {
            variant.validate(&mut errors);
        }
        self.validate_other(&mut errors);
        if self.other().is_some() {
            for (_, span) in self.variants.iter().filter_map(|variant| variant.attrs.value.as_ref()) {
                errors.at(
                    *span,
                    format!(
                        "`{}` has an `other` variant, which is made from text: all its values are text",
                        self.ident
                    ),
                );
            }
        }
        self.validate_values(&mut errors);
        errors.into_result()
    }

    fn validate_other(&self, errors: &mut Errors) {
        let mut other: Option<&Variant<'_>> = None;
        for variant in &self.variants {
            if let Some(token) = &variant.attrs.other {
                match other {
                    Some(first) => errors.at(
                        token.span(),
                        format!("only one variant can be `other`, and `{}` is", first.ident),
                    ),
                    None => other = Some(variant),
                }
            }
        }
    }

    fn validate_values(&self, errors: &mut Errors) {
        // An index stands for one value: were two variants to share theirs, one series would become two.
        let mut owners = HashMap::new();
        for variant in self.variants.iter().filter(|variant| variant.carried().is_none()) {
            let literal = &variant.literal;
            match owners.get(literal) {
                Some(owner) => errors.at(
                    variant.literal_span,
                    format!("the value {literal} is taken by the variant `{owner}`: rename one of the two"),
                ),
                None => {
                    owners.insert(literal, variant.ident);
                }
            }
        }
    }
}

impl Variant<'_> {
    fn validate(&self, errors: &mut Errors) {
        if let (Some(_), Some((_, span))) = (&self.attrs.rename, &self.attrs.value) {
            errors.at(*span, "a variant has one value: say `rename` or `value`, not both");
        }
        if self.fields.is_empty() {
            return;
        }
        if self.attrs.other.is_none() {
            errors.at(
                self.fields.span(),
                "a variant with fields is not one value; only the variant marked `#[attribute(other)]` may \
                 carry a field: the text that it stands for",
            );
        } else if self.fields.len() > 1 {
            errors
                .at(self.fields.span(), "the `other` variant carries one field: the text that it stands for");
        } else if let Some(text) = &self.attrs.rename {
            errors.at(text.span(), "this variant's value is the text that it carries: it cannot be renamed");
        }
    }
}
