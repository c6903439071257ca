//! The operational routes as a router for axum.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use tokio::runtime::Handle;

use crate::exposition::Exposition;
use crate::telemetry::Telemetry;

impl Telemetry {
    /// Routes for those who operate the service, to merge into its router: `GET /metrics`.
    ///
    /// Merge them after [`Router::layer`] so that scrapes are not counted among the service's requests. Of
    /// two routers axum keeps a fallback that was set expressly: give the service's one, before the
    /// layer, so that requests for what it does not have are counted.
    ///
    /// Whoever reaches the service reaches them: put them on a listener of their own, or open a port with
    /// [`with_prometheus_address`](crate::TelemetryBuilder::with_prometheus_address), where that is not
    /// wanted. A page is begun on a thread that may block, since that runs the callbacks of observable
    /// instruments; a long one is made piece by piece as it is sent, and never whole in memory.
    pub fn ops_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let exposition = self.parts.exposition.clone();
        Router::new().route("/metrics", get(move |request: Request| page(exposition, request)))
    }
}

async fn page(exposition: Exposition, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let request = Request::from_parts(head, ());
    // A router can be served without tokio, too.
    let Ok(runtime) = Handle::try_current() else {
        return exposition.respond_streaming(&request).map(Body::new);
    };
    match runtime.spawn_blocking(move || exposition.respond_streaming(&request)).await {
        Ok(response) => response.map(Body::new),
        Err(_) => {
            let mut response = Response::new(Body::from("the page could not be made\n"));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}
