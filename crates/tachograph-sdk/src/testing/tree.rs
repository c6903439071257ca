use std::collections::{HashMap, HashSet};
use std::fmt;

use opentelemetry::trace::{SpanId, TraceId};

use super::spans::SpanSnapshot;

/// A trace as a tree: who is under whom.
///
/// ```
/// use opentelemetry::trace::Tracer as _;
/// use tachograph_sdk::testing::{InMemorySpanExporter, TraceTree};
/// use tachograph_sdk::trace::TracerProvider;
///
/// let exporter = InMemorySpanExporter::new();
/// let provider = TracerProvider::builder().with_simple_exporter(exporter.clone()).build();
/// let tracer = provider.tracer("shop");
/// tracer.in_span("order", |_| {
///     tracer.in_span("pay", |_| tracer.in_span("charge", |_| ()));
///     tracer.in_span("ship", |_| ());
/// });
/// TraceTree::only(exporter.spans()).assert_shape("order(pay(charge) ship)");
/// ```
///
/// What looks up or asserts panics when it fails, and prints the tree there is.
#[derive(Clone, PartialEq)]
pub struct TraceTree {
    spans: Vec<SpanSnapshot>,
}

impl TraceTree {
    /// Every trace of some spans, in the order in which they began; each trace's spans too.
    pub fn all(mut spans: Vec<SpanSnapshot>) -> Vec<TraceTree> {
        spans.sort_by_key(|span| (span.start_unix_nanos, std::cmp::Reverse(span.end_unix_nanos)));
        let mut traces: Vec<(TraceId, Vec<SpanSnapshot>)> = Vec::new();
        for span in spans {
            match traces.iter_mut().find(|(id, _)| *id == span.trace_id) {
                Some((_, spans)) => spans.push(span),
                None => traces.push((span.trace_id, vec![span])),
            }
        }
        traces.into_iter().map(|(_, spans)| TraceTree { spans }).collect()
    }

    /// The only trace of some spans.
    #[track_caller]
    pub fn only(spans: Vec<SpanSnapshot>) -> TraceTree {
        let mut all = Self::all(spans);
        match (all.pop(), all.is_empty()) {
            (Some(tree), true) => tree,
            (last, _) => panic!(
                "there should be one trace, but there are {}: {all:?} {last:?}",
                all.len() + usize::from(last.is_some())
            ),
        }
    }

    /// Its spans, in the order in which they started.
    pub fn spans(&self) -> &[SpanSnapshot] {
        &self.spans
    }

    /// The only span of a name.
    #[track_caller]
    pub fn span(&self, name: &str) -> &SpanSnapshot {
        let mut named = self.spans.iter().filter(|span| span.name == name);
        match (named.next(), named.next()) {
            (Some(span), None) => span,
            (None, _) => panic!("there is no span {name:?} in {self}"),
            (Some(_), Some(_)) => panic!("there are several spans {name:?} in {self}"),
        }
    }

    /// The span that the only span of a name is under; `None` for a root, and where it is in another process.
    #[track_caller]
    pub fn parent_of(&self, name: &str) -> Option<&SpanSnapshot> {
        let parent = self.span(name).parent_span_id?;
        self.spans.iter().find(|span| span.span_id == parent)
    }

    /// Spans whose parent is of this process, but not in the trace: it did not end, or was lost.
    pub fn orphans(&self) -> impl Iterator<Item = &SpanSnapshot> {
        let here = ids_of(&self.spans);
        self.spans.iter().filter(move |span| {
            !span.parent_is_remote && span.parent_span_id.is_some_and(|parent| !here.contains(&parent))
        })
    }

    /// Asserts that every span is where a text says, and that there are no orphans: `order(pay(charge) ship)` is a root
    /// with two children, of which the first has one itself. Siblings are in the order in which they started.
    #[track_caller]
    pub fn assert_shape(&self, expected: &str) {
        let orphans: Vec<_> = self.orphans().map(|span| span.name.as_str()).collect();
        assert!(orphans.is_empty(), "{orphans:?} are orphans in {self}");
        assert_eq!(self.to_string(), expected, "the trace has another shape");
    }
}

fn ids_of(spans: &[SpanSnapshot]) -> HashSet<SpanId> {
    spans.iter().map(|span| span.span_id).collect()
}

/// The spans under each, and under none of the trace. Those of a span are taken out when they are shown: where ids are wrong, and
/// two spans have the same or are each other's parents, each is shown once all the same.
struct Branches<'t>(HashMap<Option<SpanId>, Vec<&'t SpanSnapshot>>);

impl<'t> Branches<'t> {
    fn of(spans: &'t [SpanSnapshot]) -> Self {
        let here = ids_of(spans);
        let mut branches = HashMap::<_, Vec<_>>::new();
        for span in spans {
            branches.entry(span.parent_span_id.filter(|id| here.contains(id))).or_default().push(span);
        }
        Branches(branches)
    }

    /// Shows what is under a span; says whether that was anything.
    fn show(&mut self, parent: Option<SpanId>, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        let Some(spans) = self.0.remove(&parent) else {
            return Ok(false);
        };
        for (index, span) in spans.iter().enumerate() {
            f.write_str(match (index, parent) {
                (0, None) => "",
                (0, Some(_)) => "(",
                _ => " ",
            })?;
            f.write_str(&span.name)?;
            self.show(Some(span.span_id), f)?;
        }
        if parent.is_some() {
            f.write_str(")")?;
        }
        Ok(true)
    }
}

/// The names, with those of children in parentheses behind. Spans that are in the end their own parents are behind the
/// others.
impl fmt::Display for TraceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut branches = Branches::of(&self.spans);
        let mut is_first = !branches.show(None, f)?;
        for span in &self.spans {
            // Whoever is left is under somebody who is left.
            if let Some(parent) = span.parent_span_id
                && let Some(siblings) = branches.0.get_mut(&Some(parent))
            {
                siblings.retain(|sibling| !std::ptr::eq(*sibling, span));
                if siblings.is_empty() {
                    branches.0.remove(&Some(parent));
                }
                f.write_str(if std::mem::take(&mut is_first) { "" } else { " " })?;
                f.write_str(&span.name)?;
                branches.show(Some(span.span_id), f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TraceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceTree({self})")
    }
}
