//! What is known of attributes at compile time, as constants: which keys there are and what values.

use super::value_ref::ValueRef;

/// What sets of one type have in them; the constant [`Attributes::SCHEMA`](super::Attributes::SCHEMA).
///
/// Derived for structs; a set written by hand that lists its attributes appears in the catalogue with
/// them, and can be flattened behind a prefix.
///
/// ```
/// use tachograph_sdk::attributes::{AttributeField, AttributesSchema, ValueSchema};
/// use tachograph_sdk::{Attributes, KeyRef, ValueRef};
///
/// struct Shard(u16);
///
/// impl Attributes for Shard {
///     const SCHEMA: AttributesSchema =
///         AttributesSchema::new(&[AttributeField::new("shard", ValueSchema::INT)]);
///
///     fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
///         visitor(KeyRef::from_static("shard"), ValueRef::I64(self.0.into()));
///     }
/// }
///
/// let schema = Shard::SCHEMA;
/// let keys: Vec<_> = schema.attributes().into_iter().map(|attribute| attribute.key).collect();
/// assert_eq!(keys, ["shard"]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AttributesSchema {
    pub(super) fields: &'static [AttributeField],
    /// Whether there may be attributes that are not among the fields.
    pub(super) open: bool,
}

impl AttributesSchema {
    /// Nothing is known: attributes made up on the spot.
    pub const UNKNOWN: Self = AttributesSchema { fields: &[], open: true };

    /// These attributes, and no others.
    pub const fn new(fields: &'static [AttributeField]) -> Self {
        AttributesSchema { fields, open: false }
    }

    /// Whether there may be attributes that the schema does not list.
    pub fn is_open(&self) -> bool {
        self.open || self.fields.iter().any(|field| matches!(field.part, Part::Set(set) if set.is_open()))
    }

    /// The attributes that are known, those of sets within the set included.
    pub fn attributes(&self) -> Vec<AttributeSchema> {
        let mut attributes = Vec::new();
        self.collect("", false, &mut attributes);
        attributes
    }

    fn collect(&self, prefix: &str, optional: bool, into: &mut Vec<AttributeSchema>) {
        for field in self.fields {
            let name = format!("{prefix}{}", field.name);
            let optional = optional || field.optional;
            match field.part {
                Part::Set(set) => set.collect(&name, optional, into),
                Part::Value(value) => {
                    let value = if optional { value.optional() } else { value };
                    into.push(AttributeSchema { key: name, value });
                }
            }
        }
    }
}

/// A part of a set: one attribute, or a set within the set.
#[derive(Clone, Copy, Debug)]
pub struct AttributeField {
    /// The key of an attribute, the prefix of a set.
    pub(super) name: &'static str,
    pub(super) part: Part,
    optional: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Value(ValueSchema),
    Set(&'static AttributesSchema),
}

impl AttributeField {
    /// An attribute.
    pub const fn new(key: &'static str, value: ValueSchema) -> Self {
        AttributeField { name: key, part: Part::Value(value), optional: false }
    }

    /// The attributes of a set within the set, each key behind a prefix, which may be empty.
    pub const fn flatten(prefix: &'static str, set: &'static AttributesSchema) -> Self {
        AttributeField { name: prefix, part: Part::Set(set), optional: false }
    }

    /// The same, where it may be absent.
    pub const fn optional(self) -> Self {
        AttributeField { optional: true, ..self }
    }
}

/// One attribute of a schema.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AttributeSchema {
    /// The key.
    pub key: String,
    /// The values.
    pub value: ValueSchema,
}

/// What an attribute's values are; the constant [`AttributeValue::SCHEMA`](super::AttributeValue::SCHEMA).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueSchema {
    kind: ValueKind,
    values: &'static [ValueRef<'static>],
    open: bool,
    optional: bool,
}

/// The type of an attribute's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueKind {
    /// Not known, or of several types.
    Any,
    /// Booleans.
    Bool,
    /// Signed integers of 64 bits.
    Int,
    /// Floating-point numbers.
    Double,
    /// Strings.
    String,
    /// Arrays.
    Array,
}

impl ValueKind {
    const fn of(value: &ValueRef<'_>) -> Self {
        match value {
            ValueRef::Bool(_) => ValueKind::Bool,
            ValueRef::I64(_) => ValueKind::Int,
            ValueRef::F64(_) => ValueKind::Double,
            ValueRef::Str(_) => ValueKind::String,
            ValueRef::Array(_) => ValueKind::Array,
        }
    }

    /// The name that the semantic conventions have for the type.
    pub const fn as_str(self) -> &'static str {
        match self {
            ValueKind::Any => "any",
            ValueKind::Bool => "boolean",
            ValueKind::Int => "int",
            ValueKind::Double => "double",
            ValueKind::String => "string",
            ValueKind::Array => "array",
        }
    }
}

impl ValueSchema {
    /// Values of any type.
    pub const ANY: Self = ValueSchema::of_kind(ValueKind::Any);
    /// Any integer.
    pub const INT: Self = ValueSchema::of_kind(ValueKind::Int);
    /// Any floating-point number.
    pub const DOUBLE: Self = ValueSchema::of_kind(ValueKind::Double);
    /// Any string.
    pub const STRING: Self = ValueSchema::of_kind(ValueKind::String);

    const fn of_kind(kind: ValueKind) -> Self {
        ValueSchema { kind, values: &[], open: true, optional: false }
    }

    /// These values, and no others.
    pub const fn one_of(values: &'static [ValueRef<'static>]) -> Self {
        let mut kind = ValueKind::Any;
        let mut at = 0;
        while at < values.len() {
            let of_this = ValueKind::of(&values[at]);
            if at == 0 {
                kind = of_this;
            } else if of_this as u8 != kind as u8 {
                kind = ValueKind::Any;
                break;
            }
            at += 1;
        }
        ValueSchema { kind, values, open: false, optional: false }
    }

    /// The same values, and others.
    pub const fn and_others(self) -> Self {
        ValueSchema { open: true, ..self }
    }

    /// The same, where there may be no such attribute.
    pub const fn optional(self) -> Self {
        ValueSchema { optional: true, ..self }
    }

    /// What is known where the same attribute is declared in two ways: what both may be.
    pub(crate) fn or(self, other: Self) -> Self {
        let subset = |a: &Self, b: &Self| a.values.iter().all(|value| b.values.contains(value));
        // The values of both are in no constant; where neither list has all, the longer stands for an open one.
        let (more, less) =
            if self.values.len() >= other.values.len() { (self, other) } else { (other, self) };
        ValueSchema {
            kind: if self.kind == other.kind { self.kind } else { ValueKind::Any },
            values: more.values,
            open: more.open || less.open || !subset(&less, &more),
            optional: self.optional || other.optional,
        }
    }

    /// The type of the values.
    pub const fn kind(&self) -> ValueKind {
        self.kind
    }

    /// The values that are known.
    pub const fn values(&self) -> &'static [ValueRef<'static>] {
        self.values
    }

    /// Whether there may be others.
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the attribute may be absent.
    pub const fn is_optional(&self) -> bool {
        self.optional
    }
}
