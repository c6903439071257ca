//! The instruments of a server.

use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};

/// Bucket boundaries of `http.server.request.duration`, in seconds, as the conventions give them.
pub const DURATION_BOUNDARIES: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Bucket boundaries of the two body sizes, in bytes.
///
/// The conventions give none. These are 0, which sets empty bodies apart, and the powers of four
/// from 64 bytes to 1 GiB: a size is known within a factor of four over the whole range of bodies,
/// from an acknowledgement to an upload.
pub const BODY_SIZE_BOUNDARIES: [f64; 14] = [
    0.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

/// The histograms of body sizes, which are opted into together.
#[derive(Clone, Debug)]
pub(crate) struct BodySizes {
    pub(crate) request: Histogram<u64>,
    pub(crate) response: Histogram<u64>,
}

pub(crate) fn duration(meter: &Meter) -> Histogram<f64> {
    meter
        .f64_histogram("http.server.request.duration")
        .with_unit("s")
        .with_description("Duration of HTTP server requests.")
        .with_boundaries(DURATION_BOUNDARIES.to_vec())
        .build()
}

pub(crate) fn active_requests(meter: &Meter) -> UpDownCounter<i64> {
    meter
        .i64_up_down_counter("http.server.active_requests")
        .with_unit("{request}")
        .with_description("Number of active HTTP server requests.")
        .build()
}

pub(crate) fn body_sizes(meter: &Meter) -> BodySizes {
    let size = |name: &'static str, description: &'static str| {
        meter
            .u64_histogram(name)
            .with_unit("By")
            .with_description(description)
            .with_boundaries(BODY_SIZE_BOUNDARIES.to_vec())
            .build()
    };
    BodySizes {
        request: size("http.server.request.body.size", "Size of HTTP server request bodies."),
        response: size("http.server.response.body.size", "Size of HTTP server response bodies."),
    }
}
