use crate::diag;

/// Which schema the attributes gathered so far follow.
#[derive(Debug)]
pub(super) enum Schema {
    /// None was named.
    Absent,
    /// The one that was named.
    Merged(Box<str>),
    /// Different ones were named.
    Conflicting,
    /// The one that the user says it is.
    Given(Box<str>),
}

impl Schema {
    /// The schema once attributes of another are added, as the resource SDK specification merges them.
    pub(super) fn merge(self, other: Option<&str>) -> Self {
        let Some(other) = other.filter(|url| !url.is_empty()) else {
            return self;
        };
        match self {
            Schema::Absent => Schema::Merged(other.into()),
            Schema::Merged(url) if *url != *other => {
                diag::report(
                    "resource.schema",
                    other,
                    format_args!(
                        "resource attributes follow different schemas, {url} and {other}; the resource names none: \
                         say which it is by with_schema_url"
                    ),
                );
                Schema::Conflicting
            }
            decided => decided,
        }
    }

    pub(super) fn into_url(self) -> Option<Box<str>> {
        match self {
            Schema::Merged(url) | Schema::Given(url) => Some(url).filter(|url| !url.is_empty()),
            Schema::Absent | Schema::Conflicting => None,
        }
    }
}
