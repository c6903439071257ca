//! A field whose type is no attribute's value is reported at that type.

extern crate tachograph_sdk as tachograph;

use tachograph::{AttributeValue, Attributes};

struct Opaque;

#[derive(Attributes)]
struct Set {
    opaque: Opaque, //~
    channel: bool,
}

#[derive(Attributes)]
struct Big<'a> {
    size: &'a u64, //~
}

#[derive(AttributeValue)]
enum Open {
    #[attribute(other)]
    Other(Opaque), //~
}

fn main() {
    let _ = Open::Other(Opaque);
}
