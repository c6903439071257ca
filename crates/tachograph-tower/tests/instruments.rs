//! Which instruments a layer creates.

mod support;

use opentelemetry::Value;
use support::{ACTIVE, DURATION, Instrument, REQUEST_SIZE, RESPONSE_SIZE, Recorder};
use tachograph_tower::{BODY_SIZE_BOUNDARIES, DURATION_BOUNDARIES, HttpServerLayer};

fn names(recorder: &Recorder) -> Vec<String> {
    recorder.instruments().into_iter().map(|instrument| instrument.name).collect()
}

#[test]
fn by_default_there_is_the_duration_and_nothing_else() {
    let recorder = Recorder::default();
    let _layer = HttpServerLayer::new(&recorder.meter());
    let expected = Instrument {
        kind: "f64 histogram",
        name: DURATION.to_owned(),
        unit: "s".to_owned(),
        description: "Duration of HTTP server requests.".to_owned(),
        boundaries: Some(vec![
            0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
        ]),
    };
    assert_eq!(recorder.instruments(), [expected]);
}

#[test]
fn the_other_instruments_are_created_when_they_are_opted_into() {
    let recorder = Recorder::default();
    let layer = HttpServerLayer::new(&recorder.meter()).with_active_requests(true);
    assert_eq!(names(&recorder), [DURATION, ACTIVE]);
    let _layer = layer.with_body_sizes(true).with_server_address(true);
    assert_eq!(names(&recorder), [DURATION, ACTIVE, REQUEST_SIZE, RESPONSE_SIZE]);

    let instruments = recorder.instruments();
    assert_eq!((instruments[1].kind, &*instruments[1].unit), ("i64 up-down counter", "{request}"));
    for size in &instruments[2..] {
        assert_eq!((size.kind, &*size.unit), ("u64 histogram", "By"));
        assert_eq!(size.boundaries.as_deref(), Some(BODY_SIZE_BOUNDARIES.as_slice()));
    }
}

#[test]
fn opting_out_creates_nothing() {
    let recorder = Recorder::default();
    let _layer = HttpServerLayer::new(&recorder.meter()).with_active_requests(false).with_body_sizes(false);
    assert_eq!(names(&recorder), [DURATION]);
}

#[test]
fn boundaries_are_finite_and_increasing() {
    for boundaries in [DURATION_BOUNDARIES, BODY_SIZE_BOUNDARIES] {
        assert!(boundaries.iter().all(|bound| bound.is_finite()));
        assert!(boundaries.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

#[test]
fn the_scope_names_this_crate_its_version_and_its_schema() {
    let scope = tachograph_tower::scope();
    assert_eq!(scope.name(), "tachograph-tower");
    assert_eq!(scope.version(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(scope.schema_url(), Some("https://opentelemetry.io/schemas/1.44.0"));
}

#[test]
fn a_layer_shows_its_configuration_and_no_request() {
    let layer = HttpServerLayer::new(&Recorder::default().meter()).with_route(|_| Some("/"));
    let text = format!("{layer:?}");
    assert!(text.contains("active_requests: false") && text.contains("an extractor"), "{text}");
    let _: Value = text.into();
}
