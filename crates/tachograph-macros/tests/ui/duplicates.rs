//! Two fields cannot have one key, nor two variants one value.

extern crate tachograph_sdk as tachograph;

use tachograph::{AttributeValue, Attributes};

#[derive(Attributes)]
struct Renamed {
    channel: bool,
    #[attribute(rename = "channel")] //~
    source: bool,
}

#[derive(Attributes)]
struct RenamedFirst {
    #[attribute(rename = "channel")]
    source: bool,
    channel: bool, //~
}

#[derive(Attributes)]
#[attribute(rename_all = "lowercase", prefix = "x.")]
struct Cased {
    order_id: bool,
    orderid: bool, //~
    #[attribute(rename = "x.orderid")] //~
    third: bool,
}

#[derive(AttributeValue)]
enum Variants {
    Web,
    #[attribute(rename = "web")] //~
    Site,
    WEB, //~
}

#[derive(AttributeValue)]
enum Numbers {
    #[attribute(value = 16)]
    Decimal,
    #[attribute(value = 0x10)] //~
    Hexadecimal,
    #[attribute(value = true)]
    Yes,
    #[attribute(value = true)] //~
    Indeed,
}

#[derive(AttributeValue)]
enum Folded {
    Other,
    #[attribute(other, rename = "other")] //~
    Rest,
}

fn record(_: &impl Attributes) {}

fn value(_: &impl AttributeValue) {}

fn main() {
    record(&Renamed { channel: true, source: true });
    record(&RenamedFirst { channel: true, source: true });
    record(&Cased { order_id: true, orderid: true, third: true });
    value(&Variants::Web);
    value(&Numbers::Decimal);
    value(&Folded::from("text"));
}
