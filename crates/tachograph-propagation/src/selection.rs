//! A list of formats' names, as `OTEL_PROPAGATORS` has it.

use crate::format::{Format, FormatError};

/// Which formats a list of names selects, and what was wrong with it.
///
/// Names are separated by commas; white space around them, their letters' case, empty ones and repetitions are
/// ignored. `none` selects nothing. An unknown name is a [problem](Selection::problems) and is left out; where
/// no known one remains, as in an empty list, the [default](Format::DEFAULT) is selected.
///
/// ```
/// use tachograph_propagation::{Format, Selection};
///
/// let selection = Selection::parse("b3, tracecontext, b3, xray");
/// assert_eq!(selection.formats(), [Format::B3, Format::TraceContext]);
/// assert_eq!(
///     selection.problems()[0].to_string(),
///     "there is no propagation format \"xray\"; write one of tracecontext, baggage, b3, b3multi, jaeger, or none"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    formats: Vec<Format>,
    problems: Vec<FormatError>,
}

impl Selection {
    /// Reads a list. Costs an allocation for each name at most; the names of problems are shortened.
    pub fn parse(list: &str) -> Self {
        let mut formats = Vec::new();
        let mut problems = Vec::new();
        let mut none = false;
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name.parse() {
                Ok(format) if !formats.contains(&format) => formats.push(format),
                Ok(_) => {}
                Err(_) if name.eq_ignore_ascii_case("none") => none = true,
                Err(problem) if !problems.contains(&problem) && problems.len() < Self::PROBLEMS => {
                    problems.push(problem);
                }
                Err(_) => {}
            }
        }
        if none && !formats.is_empty() {
            problems.push(FormatError::NOT_ALONE);
        }
        if formats.is_empty() && !none {
            formats.extend(Format::DEFAULT);
        }
        Self { formats, problems }
    }

    /// So many unknown names are told apart.
    const PROBLEMS: usize = 16;

    /// The formats, in the order of the list, each once.
    pub fn formats(&self) -> &[Format] {
        &self.formats
    }

    /// What was wrong, in the order of the list; empty where nothing was. At most 17.
    pub fn problems(&self) -> &[FormatError] {
        &self.problems
    }
}

/// That of an empty list.
impl Default for Selection {
    fn default() -> Self {
        Self::parse("")
    }
}
