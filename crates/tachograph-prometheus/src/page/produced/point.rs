//! What both encodings make of a point.

use tachograph_sdk::metrics::{ProducedExemplar, ProducedPoint};

use crate::exemplar::CODE_POINTS;
use crate::format::Encoding;
use crate::labels::{ScopeLabel, give_way, series_labels, text_of, write_labels};
use crate::naming::Naming;
use crate::produced::ProducedFamily;

/// Writes the series of a family.
pub(super) trait Writer {
    /// Appends a point with its encoded labels; `false` if its value is not of the family's kind.
    fn write(
        &mut self,
        out: &mut Vec<u8>,
        family: &ProducedFamily,
        point: &ProducedPoint,
        labels: &[u8],
        naming: Naming,
    ) -> bool;

    /// Ends the family.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// A point's labels, encoded; and whether any gave way to the family's own.
pub(super) fn labels<'a>(
    point: &ProducedPoint,
    of_all: impl Iterator<Item = &'a ScopeLabel>,
    naming: Naming,
    own: Option<&str>,
    encoding: Encoding,
) -> (Vec<u8>, bool) {
    let of_all: Vec<ScopeLabel> = of_all.cloned().collect();
    let mut labels = series_labels(point.attributes.iter(), &of_all, naming);
    let has_given_way = give_way(&mut labels, own);
    let mut out = Vec::new();
    write_labels(&mut out, &mut labels, &mut Vec::new(), encoding);
    (out, has_given_way)
}

/// Visits an exemplar's labels, as far as there is room for them.
pub(super) fn for_each_exemplar_label(
    exemplar: &ProducedExemplar,
    naming: Naming,
    visit: &mut dyn FnMut(&str, &str),
) {
    let mut left = CODE_POINTS;
    let mut names: Vec<String> = Vec::new();
    for (key, value) in exemplar.attributes.iter() {
        let (name, value) = (naming.label(key.as_str()).into_owned(), text_of(value));
        let size = name.chars().count() + value.chars().count();
        if value.is_empty() || size > left || names.contains(&name) {
            continue;
        }
        left -= size;
        visit(&name, &value);
        names.push(name);
    }
}
