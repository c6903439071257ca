//! The crate's path must be one, and is used even when something else is wrong.

use tachograph_sdk::{AttributeValue, Attributes};

#[derive(Attributes)]
#[attribute(crate = "not a path")] //~
struct Words {
    a: bool,
}

#[derive(Attributes)]
#[attribute(crate = 5)] //~
struct Number {
    a: bool,
}

#[derive(AttributeValue)]
#[attribute(crate)] //~
enum Nothing {
    A,
}

#[derive(AttributeValue)]
#[attribute(crat = "x", crate = "tachograph_sdk")] //~
enum Typo {
    A,
}

fn record(_: &impl AttributeValue) {}

fn main() {
    record(&Typo::A);
}
