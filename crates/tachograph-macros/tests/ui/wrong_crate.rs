//! A path that leads nowhere is reported where it is written.

use tachograph_sdk::{AttributeValue, Attributes};

#[derive(Attributes)]
#[attribute(crate = "nowhere")] //~
struct Set {
    a: bool,
    b: bool,
}

#[derive(AttributeValue)]
#[attribute(crate = nowhere)] //~
enum Value {
    A,
    B,
}

fn main() {}
