//! Unknown, misplaced, repeated and malformed keys of `#[attribute(...)]`.

extern crate tachograph_sdk as tachograph;

use tachograph::{AttributeValue, Attributes};

#[derive(Attributes)]
#[attribute(skip)] //~
#[attribute(renam_all = "lowercase", prefix = 5)] //~ 2
struct Set {
    #[attribute(other)] //~
    a: bool,
    #[attribute(rename = "b", rename = "c")] //~
    b: bool,
    #[attribute(skip)]
    #[attribute(skip)] //~
    c: bool,
    #[attribute(rename)] //~
    d: bool,
    #[attribute(rename("e"))] //~
    e: bool,
    #[attribute(rename = )] //~
    f: bool,
    #[attribute(rename = concat!("g", "h"))] //~
    g: bool,
    #[attribute(skip = true)] //~
    h: bool,
    #[attribute] //~
    i: bool,
    #[attribute = "j"] //~
    j: bool,
    #[attribute("k")] //~
    k: bool,
    #[attribute(rename = "l" skip)] //~
    l: bool,
    #[attribute(some::path)] //~
    m: bool,
}

#[derive(AttributeValue)]
#[attribute(rename_all = "Snake_Case")] //~
#[attribute(prefix = "x.")] //~
enum Value {
    #[attribute(skip)] //~
    A,
    #[attribute(value)] //~
    B,
    #[attribute(value = "text")] //~
    C,
    #[attribute(value = 1.5)] //~
    D,
    #[attribute(value = -x)] //~
    E,
    #[attribute(value = 9_223_372_036_854_775_808)] //~
    F,
    #[attribute(other)]
    G(
        #[attribute(rename = "x")] //~
        String,
    ),
}

#[derive(Attributes)]
struct Empty {
    #[attribute(rename = "")] //~
    a: bool,
}

#[derive(Attributes)]
struct Contradiction {
    #[attribute(skip, rename = "b")] //~
    a: bool,
}

fn record(_: &impl Attributes) {}

fn value(_: &impl AttributeValue) {}

fn main() {
    let set: Option<Set> = None;
    set.iter().for_each(record);
    value(&Value::A);
    value(&Value::from("text"));
    record(&Empty { a: true });
    record(&Contradiction { a: true });
}
