//! An order service, instrumented with tachograph as a user would.
//!
//! `cargo run -p order-service` serves 127.0.0.1:8080 and sends itself customers, so that there is
//! something to see at `/metrics` at once.
//!
//! - [`metrics`]: the instruments, and the types of their attributes.
//! - [`shop`]: orders and stock; where most of what happens is recorded, each step in a span.
//! - [`payment`]: the provider that takes the money, slow and unreliable as they are.
//! - [`api`]: the HTTP routes, with tachograph's layer and `/metrics`.
//! - [`traffic`]: the customers, who begin the traces.
//! - [`summary`]: what was recorded, for the terminal.
#![allow(clippy::print_stdout)]

mod api;
mod args;
mod metrics;
mod payment;
mod shop;
mod summary;
mod traffic;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tachograph::{KeyValue, Telemetry};
use tokio::net::TcpListener;

use crate::args::Args;
use crate::metrics::OrderMetrics;
use crate::shop::Shop;
use crate::traffic::Traffic;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let telemetry = Telemetry::builder()
        .default_service_name("order-service")
        .with_resource_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_view(metrics::value_by_channel())
        // Where there is no collector, nobody wants to wait long for it at the end.
        .with_shutdown_timeout(Duration::from_secs(2))
        .install()?;

    let meter = telemetry.meter("order-service");
    let shop = Arc::new(Shop::new(OrderMetrics::new(&meter)));
    metrics::observe_stock(&meter, &shop);

    let listener = TcpListener::bind(&args.addr).await.map_err(|error| {
        format!("cannot serve at {}: {error}; choose another address with --addr", args.addr)
    })?;
    let address = listener.local_addr()?;
    let traffic = args.rps().map(|rps| Traffic::start(address, rps, telemetry.propagator()));
    say_where_to_look(address, &args, &telemetry);

    let until = until(telemetry.drain_signal(), args.duration());
    let served =
        axum::serve(listener, api::routes(Arc::clone(&shop), &telemetry)).with_graceful_shutdown(async {
            until.await;
            println!("\nstopping");
            if let Some(traffic) = traffic {
                traffic.stop().await;
            }
        });
    served.await?;

    print!("{}", summary::of(telemetry.meter_provider()));
    println!("{}", telemetry.shutdown().await);
    Ok(())
}

/// Waits for a signal, or for the time that was asked for, whichever comes first.
async fn until(signal: impl Future<Output = ()>, duration: Option<Duration>) {
    match duration {
        Some(duration) => {
            let _ = tokio::time::timeout(duration, signal).await;
        }
        None => signal.await,
    }
}

fn say_where_to_look(address: SocketAddr, args: &Args, telemetry: &Telemetry) {
    println!("order-service at http://{address}");
    println!("  all metrics     curl http://{address}/metrics");
    println!("  orders by now   curl -s http://{address}/metrics | grep ^order_created_total");
    for port in telemetry.prometheus_addresses() {
        println!("  for Prometheus  http://{port}/metrics");
    }
    println!("  traces          by OTLP to OTEL_EXPORTER_OTLP_ENDPOINT, http://localhost:4318 unless set");
    println!(
        "  an order        curl http://{address}/orders -H 'content-type: application/json' -d \
         '{{\"channel\":\"web\",\"region\":\"eu\",\"items\":[{{\"sku\":\"tea\",\"quantity\":2}}]}}'"
    );
    match args.rps() {
        Some(rps) => println!("  customers       {rps} requests a second (--rps, --no-traffic)"),
        None => println!("  customers       none but you"),
    }
    match args.duration() {
        Some(duration) => println!("it stops after {} seconds, or with Ctrl-C", duration.as_secs_f64()),
        None => println!("it stops with Ctrl-C"),
    }
}
