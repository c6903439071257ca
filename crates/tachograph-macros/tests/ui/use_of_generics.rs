//! A parameter that is no attribute's value is reported where it is given.

extern crate tachograph_sdk as tachograph;

use tachograph::Attributes;

struct Opaque;

#[derive(Attributes)]
struct Set<T> {
    value: T,
}

fn record(_: &impl Attributes) {}

fn main() {
    record(&Set { value: true });
    record(&Set { value: Opaque }); //~
}
