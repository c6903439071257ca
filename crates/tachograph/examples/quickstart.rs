//! The sixty-second example of the README, which a test keeps the same as everything below this header.
#![allow(clippy::print_stdout)]

use axum::{Router, extract::State, routing::post};
use tachograph::{AttributeValue, Attributes, Counter, Telemetry};
use tokio::net::TcpListener;

#[derive(AttributeValue)]
enum Channel {
    Web,
    App,
    #[attribute(other)]
    Other,
}

#[derive(Attributes)]
struct Created {
    channel: Channel,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = Telemetry::builder().default_service_name("order-service").install()?;
    let created: Counter<u64, Created> = telemetry
        .meter("order")
        .counter("order.created.total")
        .with_unit("{order}")
        .with_description("Total number of orders created")
        .build();

    let app = Router::new()
        .route("/orders", post(create))
        .with_state(created)
        .layer(telemetry.http_server_layer()) // a span of each request, and its duration by route
        .merge(telemetry.ops_routes()); // GET /metrics

    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("metrics at http://{}/metrics", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(telemetry.drain_signal()).await?;
    println!("{}", telemetry.shutdown().await); // what was recorded and exported, and what was not
    Ok(())
}

#[tracing::instrument(skip(created))] // an ordinary span of tracing, under the request's
async fn create(State(created): State<Counter<u64, Created>>, channel: String) {
    created.add(1, &Created { channel: Channel::from(&*channel) });
}
