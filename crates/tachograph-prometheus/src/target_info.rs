//! What the metrics are about: the resource's attributes, as the labels of one sample.
//!
//! Follows "Resource Attributes" of OpenTelemetry's `compatibility/prometheus_and_openmetrics.md`. In
//! OpenMetrics the family is `target` of type `info`; the text format has no such type, and there it is a
//! gauge `target_info`, the fallback that the specification names.

use tachograph_sdk::Resource;

use crate::Format;
use crate::claims::{TARGET, TARGET_INFO};
use crate::family::{write_comments, write_fields};
use crate::format::Encoding;
use crate::labels::{series_labels, write_labels};
use crate::name::FamilyKind;
use crate::naming::Naming;
use crate::wire::{Delimited, write_double, write_message};

const HELP: &str = "Target metadata";

/// The lines of `target_info`, comments and sample, or its message; empty where there is none.
#[derive(Debug, Default)]
pub(crate) struct TargetInfo {
    /// By [`Format::dialect`].
    gauge: [Box<[u8]>; 2],
    info: Box<[u8]>,
}

impl TargetInfo {
    /// None for a resource without attributes.
    pub(crate) fn of(resource: &Resource, naming: Naming, encoding: Encoding) -> Self {
        let mut labels = series_labels(resource.attributes().iter(), &[], naming);
        let mut text = Vec::new();
        write_labels(&mut text, &mut labels, &mut Vec::new(), encoding);
        if text.is_empty() {
            return TargetInfo::default();
        }
        if encoding == Encoding::Protobuf {
            return TargetInfo { gauge: [message(&text), Box::default()], info: Box::default() };
        }
        let lines = |format, name, kind| {
            let mut lines = write_comments(format, name, kind, "", HELP);
            lines.extend_from_slice(b"target_info{");
            lines.extend_from_slice(&text);
            lines.extend_from_slice(b"} 1\n");
            lines.into_boxed_slice()
        };
        TargetInfo {
            gauge: [Format::Text004, Format::OpenMetrics100]
                .map(|format| lines(format, TARGET_INFO, "gauge")),
            info: lines(Format::OpenMetrics100, TARGET, "info"),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.gauge[0].is_empty()
    }

    /// The lines; `has_type` says whether the name `target` is free for the family.
    pub(crate) fn lines(&self, format: Format, has_type: bool) -> &[u8] {
        match format {
            Format::OpenMetrics100 if has_type => &self.info,
            _ => &self.gauge[format.dialect()],
        }
    }
}

fn message(labels: &[u8]) -> Box<[u8]> {
    let mut out = Vec::new();
    let message = Delimited::begin(&mut out, labels.len());
    out.extend_from_slice(&write_fields(TARGET_INFO, HELP, FamilyKind::Gauge, ""));
    write_message(&mut out, 4, |out| {
        out.extend_from_slice(labels);
        write_message(out, 2, |out| write_double(out, 1, 1.0));
    });
    message.end(&mut out);
    out.into_boxed_slice()
}
