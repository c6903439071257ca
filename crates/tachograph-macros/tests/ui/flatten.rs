//! Sets within a set that cannot be.

extern crate tachograph_sdk as tachograph;

use tachograph::Attributes;

#[derive(Attributes)]
struct Place {
    zone: bool,
}

struct Opaque;

#[derive(Attributes)]
struct NotASet {
    #[attribute(flatten)]
    opaque: Opaque, //~
}

#[derive(Attributes)]
struct NotFlattened {
    place: Place, //~
}

#[derive(Attributes)]
struct Misused {
    #[attribute(flatten, rename = "place")] //~
    renamed: Place,
    #[attribute(flatten, skip)] //~
    skipped: Place,
    #[attribute(prefix = "place.")] //~
    prefixed: bool,
}

#[derive(Attributes)]
struct Valued {
    #[attribute(flatten = true)] //~
    valued: Place,
}

fn main() {}
