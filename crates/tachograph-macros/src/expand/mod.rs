//! Writes the implementations.
//!
//! Every path is absolute and every name of the macro's own begins with two underscores, so that nothing
//! in the user's scope gets in the way. A field's type is named at the user's own place, so that what the
//! compiler has to say about it is said there.

mod set;
mod value;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, GenericParam, Generics, Ident, Type, WherePredicate};

use crate::ast::{AttributeStruct, ValueEnum};
use crate::attr::{Attrs, Place};
use crate::error::Errors;

/// `#[derive(Attributes)]`.
pub(crate) fn attributes(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let container = Attrs::read(&input.attrs, Place::Struct, &mut errors);
    let set = AttributeStruct::read(input, &container, &mut errors);
    // What an attribute that could not be read would have said is unknown: more messages would guess.
    let result = errors.into_result().and_then(|()| set.validate());
    match result {
        Ok(()) => set::implement(input, &container, &set),
        Err(error) => with_stub(error, &container, |krate| {
            let name = &input.ident;
            let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
            quote! {
                #[automatically_derived]
                impl #impl_generics #krate::Attributes for #name #ty_generics #where_clause {
                    fn visit<'__visit>(
                        &'__visit self,
                        _: impl ::core::ops::FnMut(#krate::KeyRef<'__visit>, #krate::ValueRef<'__visit>),
                    ) {}
                }
            }
        }),
    }
}

/// `#[derive(AttributeValue)]`.
pub(crate) fn attribute_value(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let container = Attrs::read(&input.attrs, Place::Enum, &mut errors);
    let values = ValueEnum::read(input, &container, Place::Variant, &mut errors);
    let result = errors.into_result().and_then(|()| values.validate());
    match result {
        Ok(()) => value::implement(input, &container, &values),
        Err(error) => with_stub(error, &container, |krate| {
            let name = &input.ident;
            let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
            let from = values.other().map(|_| value::implement_from(input, None, &quote!(::core::todo!())));
            quote! {
                #[automatically_derived]
                impl #impl_generics #krate::AttributeValue for #name #ty_generics #where_clause {
                    fn value(&self) -> ::core::option::Option<#krate::ValueRef<'_>> {
                        ::core::option::Option::None
                    }
                }
                #from
            }
        }),
    }
}

/// `#[derive(ErrorType)]`.
pub(crate) fn error_type(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let container = Attrs::read(&input.attrs, Place::Enum, &mut errors);
    let values = ValueEnum::read(input, &container, Place::ErrorVariant, &mut errors);
    let result = errors.into_result().and_then(|()| values.validate_errors());
    match result {
        Ok(()) => {
            let value = value::implement(input, &container, &values);
            let set = set::implement_of_error(input, &container);
            quote!(#value #set)
        }
        Err(error) => with_stub(error, &container, |krate| {
            let name = &input.ident;
            let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
            quote! {
                #[automatically_derived]
                impl #impl_generics #krate::AttributeValue for #name #ty_generics #where_clause {
                    fn value(&self) -> ::core::option::Option<#krate::ValueRef<'_>> {
                        ::core::option::Option::None
                    }
                }
                #[automatically_derived]
                impl #impl_generics #krate::Attributes for #name #ty_generics #where_clause {
                    fn visit<'__visit>(
                        &'__visit self,
                        _: impl ::core::ops::FnMut(#krate::KeyRef<'__visit>, #krate::ValueRef<'__visit>),
                    ) {}
                }
            }
        }),
    }
}

/// The message, and an implementation that keeps the rest of the user's program from complaining that
/// there is none. It never runs.
fn with_stub(
    error: syn::Error,
    container: &Attrs,
    stub: impl FnOnce(&TokenStream) -> TokenStream,
) -> TokenStream {
    let message = error.into_compile_error();
    let stub = stub(&container.krate());
    quote!(#message #stub)
}

impl Attrs {
    /// The path of the crate that holds the traits.
    fn krate(&self) -> TokenStream {
        self.crate_path.as_ref().map_or_else(|| quote!(::tachograph), |path| path.to_token_stream())
    }
}

/// A span at the type that is known as generated: messages point at the type, lints leave it alone.
fn at(ty: &Type) -> Span {
    Span::call_site().located_at(ty.span())
}

/// The generics, and of each type that depends on a type parameter the bound that it needs.
fn bounded<'a>(
    generics: &Generics,
    types: impl IntoIterator<Item = &'a Type>,
    bound: impl Fn(&Type) -> WherePredicate,
) -> Generics {
    let parameters = parameters(generics);
    let mut bounded = generics.clone();
    for ty in types {
        if mentions(ty.to_token_stream(), &parameters) {
            bounded.make_where_clause().predicates.push(bound(ty));
        }
    }
    bounded
}

/// The parameters that are types or constants.
fn parameters(generics: &Generics) -> Vec<&Ident> {
    let parameters = generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(&parameter.ident),
        GenericParam::Const(parameter) => Some(&parameter.ident),
        GenericParam::Lifetime(_) => None,
    });
    parameters.collect()
}

fn mentions(tokens: TokenStream, parameters: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => parameters.contains(&&ident),
        TokenTree::Group(group) => mentions(group.stream(), parameters),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
