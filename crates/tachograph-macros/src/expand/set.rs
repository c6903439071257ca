//! The implementation for a set, and for an error as one.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, GenericParam, Ident, parse_quote};

use super::{at, bounded, parameters};
use crate::ast::{AttributeStruct, Field};
use crate::attr::Attrs;

pub(super) fn implement(input: &DeriveInput, container: &Attrs, set: &AttributeStruct<'_>) -> TokenStream {
    let krate = container.krate();
    let name = &input.ident;
    let is_set = |field: &&Field<'_>| field.attrs.flatten.is_some();
    let sets = set.recorded().filter(is_set).map(|field| field.ty);
    let values = set.recorded().filter(|field| !is_set(field)).map(|field| field.ty);
    let generics = bounded(&input.generics, values, |ty| parse_quote!(#ty: #krate::AttributeValue));
    let generics = bounded(&generics, sets, |ty| parse_quote!(#ty: #krate::Attributes));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();

    // What is asked of each field, asked at the user's own place.
    let ask = |question: fn(&Ident, Span) -> TokenStream| -> Vec<TokenStream> {
        set.recorded()
            .map(|field| {
                let Field { ident, ty, .. } = field;
                let place = at(ty);
                let question = question(ident, place);
                let role = field.role(&krate);
                quote_spanned!(place=> <#ty as #role>::#question)
            })
            .collect()
    };
    let cardinalities = ask(|_, place| quote_spanned!(place=> CARDINALITY));
    let indexes = ask(|field, place| quote_spanned!(place=> index(&self.#field)));
    let visits = set.recorded().map(|field| field.visit(&krate));
    let schema = set.recorded().map(|field| field.schema(&krate));
    let checks = check_keys(input, &krate, set);
    let late_check = match (&checks, set.recorded().find(is_set)) {
        (None, Some(field)) => {
            let check = check(&krate, &quote!(&<Self as #krate::Attributes>::SCHEMA), at(field.ty));
            Some(quote!(const { #check }))
        }
        _ => None,
    };

    let index = if indexes.is_empty() {
        quote!(0)
    } else {
        quote! {
            let mut __index = 0_usize;
            #(
                // A digit out of range would be another value's index: it is made nobody's.
                match #cardinalities {
                    ::core::option::Option::Some(__cardinality) => {
                        let __digit = #indexes;
                        if __digit >= __cardinality {
                            return ::core::primitive::usize::MAX;
                        }
                        __index = __index.wrapping_mul(__cardinality).wrapping_add(__digit);
                    }
                    ::core::option::Option::None => return ::core::primitive::usize::MAX,
                }
            )*
            __index
        }
    };
    let visitor = if indexes.is_empty() { quote!(_) } else { quote!(mut __visitor) };

    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Attributes for #name #ty_generics #where_clause {
            const CARDINALITY: ::core::option::Option<::core::primitive::usize> = {
                let __product = ::core::option::Option::Some(1_usize);
                #(
                    let __product = match (__product, #cardinalities) {
                        (
                            ::core::option::Option::Some(__product),
                            ::core::option::Option::Some(__cardinality),
                        ) => __product.checked_mul(__cardinality),
                        _ => ::core::option::Option::None,
                    };
                )*
                __product
            };

            const SCHEMA: #krate::attributes::AttributesSchema =
                #krate::attributes::AttributesSchema::new(const { &[#(#schema),*] });

            #[inline]
            fn index(&self) -> ::core::primitive::usize {
                #index
            }

            #[inline]
            fn visit<'__visit>(
                &'__visit self,
                #visitor: impl ::core::ops::FnMut(#krate::KeyRef<'__visit>, #krate::ValueRef<'__visit>),
            ) {
                #late_check
                #(#visits)*
            }
        }
        #checks
    }
}

impl Field<'_> {
    /// The trait that the field's type is asked by.
    fn role(&self, krate: &TokenStream) -> TokenStream {
        match self.attrs.flatten {
            Some(_) => quote!(#krate::Attributes),
            None => quote!(#krate::AttributeValue),
        }
    }

    /// What is put before the keys of the field's own attributes.
    fn prefix(&self) -> Option<String> {
        self.attrs.prefix.as_ref().map(syn::LitStr::value).filter(|prefix| !prefix.is_empty())
    }

    /// The keys of the field's own attributes behind its prefix, as a constant.
    fn texts(&self, krate: &TokenStream, prefix: &str) -> TokenStream {
        let ty = self.ty;
        let place = at(ty);
        quote_spanned! {place=>
            #krate::attributes::KeyTexts::new(#prefix, &<#ty as #krate::Attributes>::SCHEMA)
        }
    }

    fn visit(&self, krate: &TokenStream) -> TokenStream {
        let Field { ident, ty, key, .. } = self;
        let place = at(ty);
        if self.attrs.flatten.is_none() {
            let value = quote_spanned!(place=> <#ty as #krate::AttributeValue>::value(&self.#ident));
            return quote! {
                if let ::core::option::Option::Some(__value) = #value {
                    __visitor(#krate::KeyRef::from_static(#key), __value);
                }
            };
        }
        let visitor = self.prefix().map_or_else(
            || quote!(&mut __visitor),
            |prefix| {
                let texts = self.texts(krate, &prefix);
                quote! {
                    const { &#krate::attributes::PrefixedKeys::new(const { &#texts }) }.visitor(&mut __visitor)
                }
            },
        );
        quote_spanned!(place=> <#ty as #krate::Attributes>::visit(&self.#ident, #visitor);)
    }

    fn schema(&self, krate: &TokenStream) -> TokenStream {
        let Field { ty, key, .. } = self;
        let role = self.role(krate);
        let schema = quote_spanned!(at(ty)=> <#ty as #role>::SCHEMA);
        if self.attrs.flatten.is_none() {
            return quote!(#krate::attributes::AttributeField::new(#key, #schema));
        }
        let prefix = self.prefix().unwrap_or_default();
        quote!(#krate::attributes::AttributeField::flatten(#prefix, &#schema))
    }
}

/// Has the compiler look at the keys of the sets within, where there are any: which they are is not
/// known here. Types whose parameters decide are looked at where they are used.
fn check_keys(input: &DeriveInput, krate: &TokenStream, set: &AttributeStruct<'_>) -> Option<TokenStream> {
    let mut sets = set.recorded().filter(|field| field.attrs.flatten.is_some()).peekable();
    let first = at(sets.peek()?.ty);
    if !parameters(&input.generics).is_empty() {
        return None;
    }
    let name = &input.ident;
    let lifetimes: Vec<_> = input
        .generics
        .params
        .iter()
        .filter(|parameter| matches!(parameter, GenericParam::Lifetime(_)))
        .map(|_| quote!('static))
        .collect();
    let ty = if lifetimes.is_empty() { quote!(#name) } else { quote!(#name<#(#lifetimes),*>) };
    let schema = quote!(&<#ty as #krate::Attributes>::SCHEMA);
    let check = check(krate, &schema, first);
    Some(quote!(const _: () = #check;))
}

/// An expression that does not compile where the keys of a set cannot be.
fn check(krate: &TokenStream, schema: &TokenStream, place: Span) -> TokenStream {
    // Of the user's place is the panic alone: that is what the compiler points at.
    let panic = quote_spanned!(place=> ::core::panic!("{}", __mistake));
    quote! {
        match #krate::attributes::KeyTexts::new("", #schema).mistake() {
            ::core::option::Option::Some(__mistake) => #panic,
            ::core::option::Option::None => {}
        }
    }
}

/// An error's set: its type, by the key of the semantic conventions.
pub(super) fn implement_of_error(input: &DeriveInput, container: &Attrs) -> TokenStream {
    let krate = container.krate();
    let name = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Attributes for #name #ty_generics #where_clause {
            const CARDINALITY: ::core::option::Option<::core::primitive::usize> =
                <Self as #krate::AttributeValue>::CARDINALITY;

            const SCHEMA: #krate::attributes::AttributesSchema =
                #krate::attributes::AttributesSchema::new(const {
                    &[#krate::attributes::AttributeField::new(
                        "error.type",
                        <Self as #krate::AttributeValue>::SCHEMA,
                    )]
                });

            #[inline]
            fn index(&self) -> ::core::primitive::usize {
                <Self as #krate::AttributeValue>::index(self)
            }

            #[inline]
            fn visit<'__visit>(
                &'__visit self,
                mut __visitor: impl ::core::ops::FnMut(#krate::KeyRef<'__visit>, #krate::ValueRef<'__visit>),
            ) {
                if let ::core::option::Option::Some(__value) = <Self as #krate::AttributeValue>::value(self) {
                    __visitor(#krate::KeyRef::from_static("error.type"), __value);
                }
            }
        }
    }
}
