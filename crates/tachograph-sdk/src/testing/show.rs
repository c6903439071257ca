//! Attributes and numbers as a failed assertion prints them.

use std::fmt;

use opentelemetry::Value;

use crate::attributes::AttributeSet;
use crate::number::NumberValue;

/// Attributes as in `{channel="web", n=1}`.
pub(super) struct Set<'a>(pub(super) &'a AttributeSet);

impl fmt::Display for Set<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (key, value)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            match value {
                Value::String(text) => write!(f, "{comma}{key}={:?}", text.as_str())?,
                other => write!(f, "{comma}{key}={other}")?,
            }
        }
        f.write_str("}")
    }
}

/// A number without its kind; floats show that they are.
pub(super) struct Plain(pub(super) NumberValue);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            NumberValue::U64(value) => value.fmt(f),
            NumberValue::I64(value) => value.fmt(f),
            NumberValue::F64(value) => write!(f, "{value:?}"),
        }
    }
}

/// What is printed is the same for people who debug.
macro_rules! debug_as_display {
    ($type:ty) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(super) use debug_as_display;
