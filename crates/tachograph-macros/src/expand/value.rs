//! The implementation for a value, and for an error as one.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Fields, Type, parse_quote};

use super::{at, bounded};
use crate::ast::{ValueEnum, Variant};
use crate::attr::{Attrs, Literal};

pub(super) fn implement(input: &DeriveInput, container: &Attrs, values: &ValueEnum<'_>) -> TokenStream {
    let krate = container.krate();
    let name = &input.ident;
    let carried = values.other().and_then(Variant::carried);
    let types: Vec<_> = carried.iter().map(|(_, ty)| *ty).collect();
    let generics =
        bounded(&input.generics, types.iter().copied(), |ty| parse_quote!(#ty: #krate::AttributeValue));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();

    // Where a variant carries any text at all, nobody knows how many values there are.
    let count = values.variants.len();
    let cardinality = carried.is_none().then(|| {
        let patterns = values.variants.iter().map(Variant::pattern);
        let positions = 0..count;
        quote! {
            const CARDINALITY: ::core::option::Option<::core::primitive::usize> =
                ::core::option::Option::Some(#count);

            #[inline]
            fn index(&self) -> ::core::primitive::usize {
                match self {
                    #(#patterns => #positions,)*
                }
            }
        }
    });
    let arms = values.variants.iter().map(|variant| {
        let ident = variant.ident;
        if let Some((member, ty)) = variant.carried() {
            let value = quote_spanned!(at(ty)=> <#ty as #krate::AttributeValue>::value(__carried));
            return quote!(Self::#ident { #member: __carried } => #value,);
        }
        let pattern = variant.pattern();
        let value = variant.value(&krate);
        quote!(#pattern => ::core::option::Option::Some(#value),)
    });
    let known = values.variants.iter().filter(|variant| variant.carried().is_none());
    let known = known.map(|variant| variant.value(&krate));
    let others = carried.is_some().then(|| quote!(.and_others()));
    let from = values.convertible().map(|other| {
        let known = values.variants.iter().filter(|variant| variant.attrs.other.is_none());
        let arms: Vec<_> = known
            .filter_map(|variant| {
                let Literal::Str(text) = &variant.literal else { return None };
                let value = variant.unit();
                Some(quote!(#text => #value,))
            })
            .collect();
        let ident = other.ident;
        let fallback = match other.carried() {
            Some((member, ty)) => {
                let from = quote_spanned!(at(ty)=> <#ty as ::core::convert::From<&'__text ::core::primitive::str>>::from(__text));
                quote!(Self::#ident { #member: #from })
            }
            None => other.unit(),
        };
        let body = if arms.is_empty() {
            quote!(#fallback)
        } else {
            quote!(match __text { #(#arms)* _ => #fallback, })
        };
        implement_from(input, other.carried().map(|(_, ty)| ty), &body)
    });

    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::AttributeValue for #name #ty_generics #where_clause {
            #cardinality

            const SCHEMA: #krate::attributes::ValueSchema =
                #krate::attributes::ValueSchema::one_of(&[#(#known),*])#others;

            #[inline]
            fn value(&self) -> ::core::option::Option<#krate::ValueRef<'_>> {
                match self {
                    #(#arms)*
                }
            }
        }
        #from
    }
}

/// `impl From<&str>`, for an enum that has a variant for everything else.
pub(super) fn implement_from(input: &DeriveInput, carried: Option<&Type>, body: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let mut generics = input.generics.clone();
    generics.params.insert(0, parse_quote!('__text));
    if let Some(ty) = carried {
        // A `String` can be made from any text, a `&'static str` from none but static ones.
        generics
            .make_where_clause()
            .predicates
            .push(parse_quote!(#ty: ::core::convert::From<&'__text ::core::primitive::str>));
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics ::core::convert::From<&'__text ::core::primitive::str> for #name #ty_generics
        #where_clause
        {
            #[inline]
            fn from(__text: &'__text ::core::primitive::str) -> Self {
                #body
            }
        }
    }
}

impl Variant<'_> {
    /// The value that is recorded, where the variant does not carry it.
    fn value(&self, krate: &TokenStream) -> TokenStream {
        match &self.literal {
            Literal::Str(text) => quote!(#krate::ValueRef::Str(#text)),
            Literal::I64(number) => quote!(#krate::ValueRef::I64(#number)),
            Literal::Bool(truth) => quote!(#krate::ValueRef::Bool(#truth)),
        }
    }

    /// The variant as a pattern, whatever its fields.
    fn pattern(&self) -> TokenStream {
        if self.fields.is_empty() {
            return self.unit();
        }
        let ident = self.ident;
        quote!(Self::#ident { .. })
    }

    /// The variant without fields, as a pattern and as a value.
    fn unit(&self) -> TokenStream {
        let ident = self.ident;
        match self.fields {
            Fields::Unit => quote!(Self::#ident),
            Fields::Named(_) => quote!(Self::#ident {}),
            Fields::Unnamed(_) => quote!(Self::#ident()),
        }
    }
}
