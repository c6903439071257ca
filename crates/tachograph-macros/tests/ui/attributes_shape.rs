//! `Attributes` is for structs with named fields.

extern crate tachograph_sdk as tachograph;

use tachograph::Attributes;

#[derive(Attributes)]
struct Tuple(bool, bool); //~

#[derive(Attributes)]
enum Channel { //~
    Web,
}

#[derive(Attributes)]
union Bits { //~
    a: u8,
    b: i8,
}

fn record(_: &impl Attributes) {}

fn main() {
    // The derive that failed does not make its uses fail as well.
    record(&Tuple(true, true));
    record(&Channel::Web);
    record(&Bits { a: 1 });
}
