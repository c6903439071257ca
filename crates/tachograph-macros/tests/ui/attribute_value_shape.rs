//! `AttributeValue` is for enums of variants that are one value each.

extern crate tachograph_sdk as tachograph;

use tachograph::AttributeValue;

#[derive(AttributeValue)]
struct Set { //~
    a: bool,
}

#[derive(AttributeValue)]
union Bits { //~
    a: u8,
    b: i8,
}

#[derive(AttributeValue)]
enum Never {} //~

#[derive(AttributeValue)]
enum Carrying {
    Unit,
    Tuple(String), //~
    Named { text: String }, //~
}

#[derive(AttributeValue)]
enum Overfull {
    #[attribute(other)]
    Other(String, String), //~
}

fn record(_: &impl AttributeValue) {}

fn main() {
    record(&Set { a: true });
    record(&Bits { a: 1 });
    let never: Option<Never> = None;
    never.iter().for_each(record);
    record(&Carrying::Unit);
    record(&Carrying::Tuple(String::new()));
    record(&Carrying::Named { text: String::new() });
    record(&Overfull::from("text"));
}
