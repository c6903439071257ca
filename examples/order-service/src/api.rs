//! The HTTP routes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tachograph::Telemetry;

use crate::metrics::Placed;
use crate::payment::Card;
use crate::shop::{Refusal, Shop};

pub(crate) fn routes(shop: Arc<Shop>, telemetry: &Telemetry) -> Router {
    Router::new()
        .route("/orders", post(create))
        .route("/orders/{number}", get(state))
        .route("/orders/{number}/pay", post(pay))
        .route("/orders/{number}/ship", post(ship))
        .route("/orders/{number}/cancel", post(cancel))
        .route("/stock/{sku}", post(deliver))
        .fallback(async || (StatusCode::NOT_FOUND, Json(json!({ "error": "there is nothing here" }))))
        .with_state(shop)
        // After the routes, so that it knows them; before /metrics, so that scrapes are not counted.
        .layer(telemetry.http_server_layer().with_active_requests(true).with_body_sizes(true))
        .merge(telemetry.ops_routes())
}

#[derive(Deserialize)]
struct NewOrder {
    #[serde(flatten)]
    placed: Placed,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    sku: String,
    quantity: u64,
}

#[derive(Serialize)]
struct Created {
    number: u64,
    value: f64,
}

#[derive(Deserialize)]
struct Payment {
    #[serde(default)]
    card: Card,
}

#[derive(Deserialize)]
struct Delivery {
    quantity: u64,
}

type Answer = Result<Json<Value>, Refusal>;

async fn create(State(shop): State<Arc<Shop>>, Json(order): Json<NewOrder>) -> Result<Response, Refusal> {
    let items: Vec<_> = order.items.into_iter().map(|item| (item.sku, item.quantity)).collect();
    let (number, value) = shop.create(order.placed, &items)?;
    Ok((StatusCode::CREATED, Json(Created { number, value })).into_response())
}

async fn state(State(shop): State<Arc<Shop>>, Path(number): Path<u64>) -> Answer {
    Ok(Json(json!({ "number": number, "state": format!("{:?}", shop.state(number)?).to_lowercase() })))
}

async fn pay(State(shop): State<Arc<Shop>>, Path(number): Path<u64>, Json(payment): Json<Payment>) -> Answer {
    shop.pay(number, payment.card).await?;
    Ok(Json(json!({ "number": number, "state": "paid" })))
}

async fn ship(State(shop): State<Arc<Shop>>, Path(number): Path<u64>) -> Answer {
    shop.ship(number)?;
    Ok(Json(json!({ "number": number, "state": "shipped" })))
}

async fn cancel(State(shop): State<Arc<Shop>>, Path(number): Path<u64>) -> Answer {
    shop.cancel(number)?;
    Ok(Json(json!({ "number": number, "state": "cancelled" })))
}

async fn deliver(
    State(shop): State<Arc<Shop>>,
    Path(sku): Path<String>,
    Json(delivery): Json<Delivery>,
) -> Answer {
    let level = shop.deliver(&sku, delivery.quantity)?;
    Ok(Json(json!({ "sku": sku, "level": level })))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Refusal::NoSuchOrder => (StatusCode::NOT_FOUND, "there is no such order"),
            Refusal::NoSuchItem => (StatusCode::UNPROCESSABLE_ENTITY, "there is no such item"),
            Refusal::EmptyOrder => (StatusCode::UNPROCESSABLE_ENTITY, "nothing was ordered"),
            Refusal::OutOfStock => (StatusCode::CONFLICT, "there is not enough in stock"),
            Refusal::NotNow(_) => (StatusCode::CONFLICT, "the order is not in a state for this"),
            Refusal::PaymentDeclined => (StatusCode::PAYMENT_REQUIRED, "declined; the order is cancelled"),
            Refusal::PaymentUnavailable => (StatusCode::BAD_GATEWAY, "the payment provider is unavailable"),
            Refusal::TooBusy => (StatusCode::SERVICE_UNAVAILABLE, "too many orders are open"),
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}
