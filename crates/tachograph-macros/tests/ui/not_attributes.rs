//! What is no set of attributes, and what is no value, says what to do about it.

extern crate tachograph_sdk as tachograph;

use tachograph::{AttributeValue, Attributes};

struct Forgotten {
    _channel: bool,
}

enum Channel {
    Web,
}

fn record(_: &impl Attributes) {}

fn value(_: &impl AttributeValue) {}

fn main() {
    record(&Forgotten { _channel: true }); //~
    record(&[("channel", Channel::Web)]); //~
    value(&Channel::Web); //~
    value(&1_u64); //~
    value(&Some(1_u64)); //~
}
