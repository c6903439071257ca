//! The helper attribute is called `attribute` on sets as on values.

extern crate tachograph_sdk as tachograph;

use tachograph::Attributes;

#[derive(Attributes)]
#[attributes(prefix = "x.")] //~
struct Set {
    a: bool,
}

fn main() {}
