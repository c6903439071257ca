//! What a derive was given, with its attributes read and its names made.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Fields, Ident, Member, Token, Type};

use crate::attr::{Attrs, Literal, Place};
use crate::case::Case;
use crate::error::Errors;

/// A struct that derives `Attributes`.
pub(crate) struct AttributeStruct<'a> {
    pub(crate) fields: Vec<Field<'a>>,
}

/// One attribute of the set, or a set within it.
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) attrs: Attrs,
    /// The attribute's key; nothing reads it where the field is a set within the set.
    pub(crate) key: String,
    /// Where the user wrote the key.
    pub(crate) key_span: Span,
}

/// An enum that derives `AttributeValue`.
pub(crate) struct ValueEnum<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) variants: Vec<Variant<'a>>,
}

/// One value of the enum.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) fields: &'a Fields,
    /// What the variants of this enum are.
    of: Place,
    pub(crate) attrs: Attrs,
    /// What is recorded; nothing reads it where the variant carries its text.
    pub(crate) literal: Literal,
    /// Where the user wrote the value.
    pub(crate) literal_span: Span,
}

impl<'a> AttributeStruct<'a> {
    /// `container` are the attributes of the struct itself.
    pub(crate) fn read(input: &'a DeriveInput, container: &Attrs, errors: &mut Errors) -> Self {
        let fields = named_fields(&input.data).map_err(|error| errors.push(error)).ok();
        let read = |field: &'a syn::Field| {
            let ident = field.ident.as_ref()?;
            let attrs = Attrs::read(&field.attrs, Place::Field, errors);
            let (key, key_span) = match &attrs.rename {
                Some(name) => (name.value(), name.span()),
                None => (derived_key(ident, container), ident.span()),
            };
            let ty = &field.ty;
            Some(Field { ident, ty, attrs, key, key_span })
        };
        let fields = fields.flatten().into_iter().flatten().filter_map(read).collect();
        AttributeStruct { fields }
    }

    /// The fields that become attributes, or sets of them.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(|field| field.attrs.skip.is_none())
    }
}

/// The fields of a struct that can be a set of attributes; `None` for a unit struct.
fn named_fields(data: &Data) -> syn::Result<Option<&Punctuated<syn::Field, Token![,]>>> {
    match data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(Some(&fields.named)),
            Fields::Unit => Ok(None),
            Fields::Unnamed(fields) => Err(syn::Error::new(
                fields.span(),
                "`Attributes` needs a struct with named fields: a field's name is its attribute's key",
            )),
        },
        Data::Enum(data) => Err(syn::Error::new(
            data.enum_token.span,
            "`Attributes` is derived for structs; an enum is one value: derive `AttributeValue` for it \
             and make it a field",
        )),
        Data::Union(data) => {
            Err(syn::Error::new(data.union_token.span, "`Attributes` is derived for structs, not for unions"))
        }
    }
}

fn derived_key(ident: &Ident, container: &Attrs) -> String {
    let name = ident.unraw().to_string();
    let prefix = container.prefix.as_ref().map(syn::LitStr::value).unwrap_or_default();
    match container.rename_all {
        Some(case) => prefix + &case.apply(&name),
        None => prefix + &name,
    }
}

impl<'a> ValueEnum<'a> {
    /// `container` are the attributes of the enum itself; `of` is what its variants are.
    pub(crate) fn read(input: &'a DeriveInput, container: &Attrs, of: Place, errors: &mut Errors) -> Self {
        let variants = variants(input, of).map_err(|error| errors.push(error)).ok();
        let case = container.rename_all.unwrap_or(Case::Snake);
        let read = |variant: &'a syn::Variant| {
            let attrs = Attrs::read(&variant.attrs, of, errors);
            for field in &variant.fields {
                Attrs::read(&field.attrs, Place::VariantField, errors);
            }
            let ident = &variant.ident;
            let (literal, literal_span) = match (&attrs.rename, &attrs.value) {
                (Some(text), _) => (Literal::Str(text.value()), text.span()),
                (None, Some((literal, span))) => (literal.clone(), *span),
                // What the semantic conventions have for errors that are no other.
                (None, None) if matches!(of, Place::ErrorVariant) && attrs.other.is_some() => {
                    (Literal::Str("_OTHER".to_owned()), ident.span())
                }
                (None, None) => (Literal::Str(case.apply(&ident.unraw().to_string())), ident.span()),
            };
            Variant { ident, fields: &variant.fields, of, attrs, literal, literal_span }
        };
        let variants = variants.into_iter().flatten().map(read).collect();
        ValueEnum { ident: &input.ident, variants }
    }

    /// The variant that any text can become; an error is not made from text.
    pub(crate) fn convertible(&self) -> Option<&Variant<'a>> {
        self.other().filter(|variant| matches!(variant.of, Place::Variant))
    }

    /// The variant that stands for everything else.
    pub(crate) fn other(&self) -> Option<&Variant<'a>> {
        self.variants.iter().find(|variant| variant.attrs.other.is_some())
    }
}

/// The variants of an enum that can be a value.
fn variants(input: &DeriveInput, of: Place) -> syn::Result<&Punctuated<syn::Variant, Token![,]>> {
    if matches!(of, Place::ErrorVariant) && !matches!(input.data, Data::Enum(_)) {
        return Err(syn::Error::new(
            input.ident.span(),
            "`ErrorType` is derived for enums: each variant is a type of error",
        ));
    }
    match &input.data {
        Data::Enum(data) if data.variants.is_empty() => {
            Err(syn::Error::new(input.ident.span(), "an enum without variants has no value to record"))
        }
        Data::Enum(data) => Ok(&data.variants),
        Data::Struct(data) => Err(syn::Error::new(
            data.struct_token.span,
            "`AttributeValue` is derived for enums; a struct is a set of attributes: derive \
             `Attributes` for it",
        )),
        Data::Union(data) => Err(syn::Error::new(
            data.union_token.span,
            "`AttributeValue` is derived for enums, not for unions",
        )),
    }
}

impl Variant<'_> {
    /// The field in which the variant for everything else carries its text, and the field's type.
    pub(crate) fn carried(&self) -> Option<(Member, &Type)> {
        // Of an error nothing but its type is recorded.
        if matches!(self.of, Place::ErrorVariant) || self.attrs.other.is_none() {
            return None;
        }
        let member = self.fields.members().next()?;
        let field = self.fields.iter().next()?;
        Some((member, &field.ty))
    }
}
