//! What one catalogue says of its instruments and another does not.
//!
//! Lines of whole documents cannot tell: what goes from one instrument may come with the next.

/// An instrument, as the lines of a document have it.
#[derive(Debug, Default, PartialEq)]
struct Instrument<'a> {
    /// The lines of its scope and its name; none of what belongs to no instrument.
    place: Vec<&'a str>,
    facts: Vec<&'a str>,
}

/// How a document is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Syntax {
    Json,
    Markdown,
}

/// What is said in the first document and not in the second, each with the instrument that it is said of. Documents that are not as
/// they were written have nothing in common.
pub(super) fn gone(before: &str, after: &str, syntax: Syntax) -> Vec<String> {
    let mut left = instruments(after, syntax);
    let mut gone = Vec::new();
    for instrument in instruments(before, syntax) {
        let same_place = |other: &Instrument<'_>| other.place == instrument.place;
        let has_all = |other: &Instrument<'_>| instrument.facts.iter().all(|fact| other.facts.contains(fact));
        let place = instrument.place.join(", ");
        if let Some(at) = left.iter().position(|other| same_place(other) && has_all(other)) {
            left.swap_remove(at);
        } else if let Some(at) = left.iter().position(same_place) {
            let other = left.swap_remove(at);
            let missing = instrument.facts.iter().filter(|fact| !other.facts.contains(fact));
            gone.extend(missing.map(|fact| format!("{place}: {fact}")));
        } else {
            gone.push(if place.is_empty() { instrument.facts.join("\n") } else { place });
        }
    }
    gone
}

fn instruments(text: &str, syntax: Syntax) -> Vec<Instrument<'_>> {
    let mut all = match syntax {
        Syntax::Json => of_json(text),
        Syntax::Markdown => of_markdown(text),
    };
    for instrument in all.iter_mut().filter(|instrument| !instrument.place.is_empty()) {
        // That there is none is something to be held to: a unit is part of the name that dashboards know.
        for (marks, none) in [
            (["- unit: ", "\"unit\": "], "no unit"),
            (["- boundaries: ", "\"boundaries\": "], "no boundaries"),
        ] {
            if !instrument.facts.iter().any(|fact| marks.iter().any(|mark| fact.starts_with(mark))) {
                instrument.facts.push(none);
            }
        }
    }
    all
}

fn of_json(text: &str) -> Vec<Instrument<'_>> {
    /// What there is more of where something is added.
    const NOTHING: [&str; 5] = [
        "\"description\": \"\"",
        "\"attributes\": []",
        "\"attributes\": [",
        "\"instruments\": []",
        "\"instruments\": [",
    ];
    const PLACE: [&str; 2] = ["\"scope\": ", "\"name\": "];
    let mut all = vec![Instrument::default()];
    for line in text.lines() {
        let line = line.trim().trim_end_matches(',');
        let Some(instrument) = all.last_mut() else { break };
        match line {
            "{" | "}" => all.push(Instrument::default()),
            "" | "]" => {}
            _ if NOTHING.contains(&line) => {}
            _ if PLACE.iter().any(|key| line.starts_with(key)) => instrument.place.push(line),
            _ => instrument.facts.push(line),
        }
    }
    all.retain(|instrument| *instrument != Instrument::default());
    all
}

fn of_markdown(text: &str) -> Vec<Instrument<'_>> {
    const NOTHING: [&str; 5] =
        ["", "# Metrics", "- attributes: none", "| attribute | type | values | |", "|---|---|---|---|"];
    let mut scope = None;
    let mut all = vec![Instrument::default()];
    for line in text.lines() {
        if line.starts_with("## ") {
            scope = Some(line);
            all.push(Instrument::default());
        } else if line.starts_with("### ") {
            all.push(Instrument { place: scope.into_iter().chain([line]).collect(), facts: Vec::new() });
        } else if !NOTHING.contains(&line)
            && let Some(instrument) = all.last_mut()
        {
            instrument.facts.push(line);
        }
    }
    all.retain(|instrument| *instrument != Instrument::default());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "{\n  \"instruments\": [\n    {\n      \"scope\": \"s\",\n      \"name\": \"a\",\n      \"unit\": \"\"\n    }\n  ]\n}\n";

    #[test]
    fn a_document_has_all_of_itself_and_of_an_empty_one() {
        let empty = "{\n  \"instruments\": []\n}\n";
        assert_eq!(gone(ONE, ONE, Syntax::Json), Vec::<String>::new());
        assert_eq!(gone(empty, ONE, Syntax::Json), Vec::<String>::new());
        assert_eq!(gone(ONE, empty, Syntax::Json), ["\"scope\": \"s\", \"name\": \"a\""]);
    }

    #[test]
    fn a_document_that_is_written_otherwise_is_not_taken_for_an_empty_one() {
        for other in [ONE.replace('\n', ""), ONE.replace("\": ", "\":"), "anything".to_owned()] {
            assert_ne!(gone(&other, ONE, Syntax::Json), Vec::<String>::new(), "{other}");
        }
        let markdown = "# Metrics\n\n## s\n\n### `a`\n\n- kind: counter of u64\n";
        for other in [markdown.replace("### ", "#### "), markdown.replace("- ", "* ")] {
            assert_ne!(gone(&other, markdown, Syntax::Markdown), Vec::<String>::new(), "{other}");
        }
    }

    #[test]
    fn a_unit_where_there_was_none_is_another_name() {
        let without = "# Metrics\n\n## s\n\n### `a`\n\n- kind: counter of u64\n";
        let with = format!("{without}- unit: `s`\n");
        assert_eq!(gone(without, &with, Syntax::Markdown), ["## s, ### `a`: no unit"]);
    }
}
