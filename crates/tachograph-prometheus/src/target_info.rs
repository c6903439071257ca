//! What the metrics are about: the resource's attributes, as the labels of one sample.
//!
//! Follows "Resource Attributes" of OpenTelemetry's `compatibility/prometheus_and_openmetrics.md`. In
//! OpenMetrics the family is `target` of type `info`; the text format has no such type, and there it is a
//! gauge `target_info`, the fallback that the specification names.

use tachograph_sdk::Resource;

use crate::Format;
use crate::family::write_comments;
use crate::labels::{series_labels, write_labels};

const HELP: &str = "Target metadata";

/// The lines of `target_info`, comments and sample; empty where there is none.
#[derive(Debug, Default)]
pub(crate) struct TargetInfo {
    gauge: [Box<[u8]>; 2],
    info: Box<[u8]>,
}

impl TargetInfo {
    /// None for a resource without attributes.
    pub(crate) fn of(resource: &Resource) -> Self {
        let mut labels = series_labels(resource.attributes().iter(), &[], false);
        let mut text = Vec::new();
        write_labels(&mut text, &mut labels, &mut Vec::new());
        if text.is_empty() {
            return TargetInfo::default();
        }
        let lines = |format, name, kind| {
            let mut lines = write_comments(format, name, kind, "", HELP);
            lines.extend_from_slice(b"target_info{");
            lines.extend_from_slice(&text);
            lines.extend_from_slice(b"} 1\n");
            lines.into_boxed_slice()
        };
        TargetInfo {
            gauge: Format::ALL.map(|format| lines(format, "target_info", "gauge")),
            info: lines(Format::OpenMetrics100, "target", "info"),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.info.is_empty()
    }

    /// The lines; `has_type` says whether the name `target` is free for the family.
    pub(crate) fn lines(&self, format: Format, has_type: bool) -> &[u8] {
        match format {
            Format::OpenMetrics100 if has_type => &self.info,
            _ => &self.gauge[format.index()],
        }
    }
}
