//! The bars this project sets itself, and whether a run met them.

use crate::harness::figure;

/// What a bar's figure is counted in.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// A ratio inside this run.
    Times,
    /// Bytes per series or instrument.
    Bytes,
    /// Allocations per operation.
    Allocations,
    /// Points of a percentage.
    Points,
    /// Spans.
    Spans,
}

impl Unit {
    fn text(self) -> &'static str {
        match self {
            Unit::Times => " ×",
            Unit::Bytes => " B",
            Unit::Allocations => " allocations",
            Unit::Points => " points",
            Unit::Spans => " spans",
        }
    }
}

struct Bar {
    what: String,
    against: String,
    unit: Unit,
    limit: f64,
    measured: f64,
}

/// The bars of all groups that ran.
#[derive(Default)]
pub(crate) struct Bars(Vec<Bar>);

impl Bars {
    /// Notes that `measured` is to be at most `limit`.
    pub(crate) fn at_most(
        &mut self,
        limit: f64,
        unit: Unit,
        measured: f64,
        what: &str,
        against: impl Into<String>,
    ) {
        self.0.push(Bar { what: what.to_owned(), against: against.into(), unit, limit, measured });
    }

    /// Notes that `ours` is to be at most `limit` times `theirs`.
    pub(crate) fn ratio(
        &mut self,
        limit: f64,
        ours: f64,
        theirs: f64,
        what: &str,
        against: impl Into<String>,
    ) {
        self.at_most(limit, Unit::Times, ours / theirs, what, against);
    }

    /// Prints them all; whether they are met only where figures mean something. Never fails: a figure is
    /// read by a person who knows the machine.
    pub(crate) fn print(&self, quick: bool) {
        if self.0.is_empty() {
            return;
        }
        println!("\n## Bars\n");
        println!("| what | against | bar | measured | |\n|---|---|--:|--:|---|");
        for bar in &self.0 {
            let verdict = match bar.measured <= bar.limit {
                _ if quick => "-",
                _ if bar.measured.is_nan() => "not measured",
                true => "met",
                false => "NOT MET",
            };
            let unit = bar.unit.text();
            println!(
                "| {} | {} | ≤ {}{unit} | {}{unit} | {verdict} |",
                bar.what,
                bar.against,
                figure(bar.limit),
                figure(bar.measured)
            );
        }
    }
}
