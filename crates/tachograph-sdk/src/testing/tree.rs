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
        let is_here = |id: SpanId| self.spans.iter().any(|span| span.span_id == id);
        self.spans.iter().filter(move |span| {
            !span.parent_is_remote && span.parent_span_id.is_some_and(|parent| !is_here(parent))
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

    fn children(&self, parent: Option<SpanId>) -> impl Iterator<Item = &SpanSnapshot> {
        let is_here = |id: SpanId| self.spans.iter().any(|span| span.span_id == id);
        self.spans.iter().filter(move |span| span.parent_span_id.filter(|id| is_here(*id)) == parent)
    }

    fn show(&self, parent: Option<SpanId>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, span) in self.children(parent).enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&span.name)?;
            if self.children(Some(span.span_id)).next().is_some() {
                f.write_str("(")?;
                self.show(Some(span.span_id), f)?;
                f.write_str(")")?;
            }
        }
        Ok(())
    }
}

/// The names, with those of children in parentheses behind.
impl fmt::Display for TraceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(None, f)
    }
}

impl fmt::Debug for TraceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceTree({self})")
    }
}
