//! Writes the implementations.
//!
//! Every path is absolute and every name of the macro's own begins with two underscores, so that nothing
//! in the user's scope gets in the way. A field's type is named at the user's own place, so that what the
//! compiler has to say about it is said there.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Fields, GenericParam, Generics, Ident, Type, parse_quote};

use crate::ast::{AttributeStruct, Field, ValueEnum, Variant};
use crate::attr::{Attrs, Literal, Place};
use crate::error::Errors;

/// `#[derive(Attributes)]`.
pub(crate) fn attributes(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let container = Attrs::read(&input.attrs, Place::Struct, &mut errors);
    let set = AttributeStruct::read(input, &container, &mut errors);
    // What an attribute that could not be read would have said is unknown: more messages would guess.
    let result = errors.into_result().and_then(|()| set.validate());
    match result {
        Ok(()) => implement_attributes(input, &container, &set),
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
    let values = ValueEnum::read(input, &container, &mut errors);
    let result = errors.into_result().and_then(|()| values.validate());
    match result {
        Ok(()) => implement_value(input, &container, &values),
        Err(error) => with_stub(error, &container, |krate| {
            let name = &input.ident;
            let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
            let from = values.other().map(|_| implement_from(input, None, &quote!(::core::todo!())));
            quote! {
                #[automatically_derived]
                impl #impl_generics #krate::AttributeValue for #name #ty_generics #where_clause {
                    fn value(&self) -> #krate::ValueRef<'_> {
                        #krate::ValueRef::Bool(false)
                    }
                }
                #from
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

fn implement_attributes(input: &DeriveInput, container: &Attrs, set: &AttributeStruct<'_>) -> TokenStream {
    let krate = container.krate();
    let name = &input.ident;
    let types: Vec<_> = set.recorded().map(|field| field.ty).collect();
    let generics = bounded(&input.generics, &types, &krate);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();

    // What is asked of each field, asked at the user's own place.
    let ask = |question: fn(&Ident, Span) -> TokenStream| -> Vec<TokenStream> {
        set.recorded()
            .map(|field| {
                let Field { ident, ty, .. } = field;
                let place = at(ty);
                let question = question(ident, place);
                quote_spanned!(place=> <#ty as #krate::AttributeValue>::#question)
            })
            .collect()
    };
    let cardinalities = ask(|_, place| quote_spanned!(place=> CARDINALITY));
    let indexes = ask(|field, place| quote_spanned!(place=> index(&self.#field)));
    let values = ask(|field, place| quote_spanned!(place=> value(&self.#field)));
    let keys = set.recorded().map(|field| &field.key);

    let index = if types.is_empty() {
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
    let visitor = if types.is_empty() { quote!(_) } else { quote!(mut __visitor) };

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

            #[inline]
            fn index(&self) -> ::core::primitive::usize {
                #index
            }

            #[inline]
            fn visit<'__visit>(
                &'__visit self,
                #visitor: impl ::core::ops::FnMut(#krate::KeyRef<'__visit>, #krate::ValueRef<'__visit>),
            ) {
                #(__visitor(#krate::KeyRef::from_static(#keys), #values);)*
            }
        }
    }
}

fn implement_value(input: &DeriveInput, container: &Attrs, values: &ValueEnum<'_>) -> TokenStream {
    let krate = container.krate();
    let name = &input.ident;
    let carried = values.other().and_then(Variant::carried);
    let types: Vec<_> = carried.iter().map(|(_, ty)| *ty).collect();
    let generics = bounded(&input.generics, &types, &krate);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();

    // Where a variant carries any text at all, nobody knows how many values there are.
    let count = values.variants.len();
    let cardinality = carried.is_none().then(|| {
        let patterns = values.variants.iter().map(Variant::unit);
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
        let pattern = variant.unit();
        let value = match &variant.literal {
            Literal::Str(text) => quote!(Str(#text)),
            Literal::I64(number) => quote!(I64(#number)),
            Literal::Bool(truth) => quote!(Bool(#truth)),
        };
        quote!(#pattern => #krate::ValueRef::#value,)
    });
    let from = values.other().map(|other| {
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

            #[inline]
            fn value(&self) -> #krate::ValueRef<'_> {
                match self {
                    #(#arms)*
                }
            }
        }
        #from
    }
}

/// `impl From<&str>`, for an enum that has a variant for everything else.
fn implement_from(input: &DeriveInput, carried: Option<&Type>, body: &TokenStream) -> TokenStream {
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

/// A span at the type that is known as generated: messages point at the type, lints leave it alone.
fn at(ty: &Type) -> Span {
    Span::call_site().located_at(ty.span())
}

/// The generics, and of each type that depends on a type parameter that it can be an attribute's value.
fn bounded(generics: &Generics, types: &[&Type], krate: &TokenStream) -> Generics {
    let parameters: Vec<&Ident> = generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Const(parameter) => Some(&parameter.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    let mut generics = generics.clone();
    for ty in types {
        if mentions(ty.to_token_stream(), &parameters) {
            let predicates = &mut generics.make_where_clause().predicates;
            predicates.push(parse_quote!(#ty: #krate::AttributeValue));
        }
    }
    generics
}

fn mentions(tokens: TokenStream, parameters: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => parameters.contains(&&ident),
        TokenTree::Group(group) => mentions(group.stream(), parameters),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
