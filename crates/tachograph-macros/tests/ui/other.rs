//! At most one variant is `other`, in an enum whose values are text.

extern crate tachograph_sdk as tachograph;

use tachograph::AttributeValue;

#[derive(AttributeValue)]
enum Two {
    #[attribute(other)]
    Other,
    #[attribute(other)] //~
    Rest,
}

#[derive(AttributeValue)]
enum Numbers {
    #[attribute(value = 404)] //~
    NotFound,
    #[attribute(other)]
    Other,
}

#[derive(AttributeValue)]
enum NumberedOther {
    Known,
    #[attribute(other, value = -1)] //~
    Other,
}

#[derive(AttributeValue)]
enum RenamedText {
    Known,
    #[attribute(other, rename = "x")] //~
    Other(String),
}

#[derive(AttributeValue)]
enum Both {
    #[attribute(rename = "x", value = 1)] //~
    Known,
}

fn record(_: &impl AttributeValue) {}

fn main() {
    record(&Two::from("text"));
    record(&Numbers::from("text"));
    record(&NumberedOther::from("text"));
    record(&RenamedText::from("text"));
    record(&Both::Known);
}
