//! What cannot be an enum of errors.

extern crate tachograph_sdk as tachograph;

use tachograph::ErrorType;

#[derive(ErrorType)]
struct Failure; //~

#[derive(ErrorType)]
enum Never {} //~

#[derive(ErrorType)]
enum Twice {
    NotFound(u8),
    #[attribute(rename = "not_found")] //~
    Missing,
}

#[derive(ErrorType)]
enum Others {
    #[attribute(other)]
    A,
    #[attribute(other)] //~
    B(String),
}

#[derive(ErrorType)]
enum Numbered {
    #[attribute(value = 404)] //~
    NotFound,
}

fn main() {}
