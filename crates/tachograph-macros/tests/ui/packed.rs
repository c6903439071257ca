//! A value is lent by its struct, and a packed struct cannot lend every field.

extern crate tachograph_sdk as tachograph;

use tachograph::Attributes;

#[derive(Attributes)]
#[repr(C, packed)]
struct Packed {
    express: bool,
    status: u32, //~
}

fn main() {}
