//! Keys that sets within a set have in common, or that nobody knows.

extern crate tachograph_sdk as tachograph;

use tachograph::Attributes;

#[derive(Attributes)]
struct Place {
    zone: bool,
}

#[derive(Attributes)]
struct SameKeys {
    zone: bool,
    #[attribute(flatten)]
    place: Place, //~
}

#[derive(Attributes)]
struct SamePrefix {
    #[attribute(flatten, prefix = "a.")]
    from: Place, //~
    #[attribute(flatten, prefix = "a.")]
    to: Option<Place>,
}

#[derive(Attributes)]
struct Unknown<'a> {
    #[attribute(flatten, prefix = "extra.")]
    extra: [(&'static str, &'a str); 2], //~
}

fn main() {}
