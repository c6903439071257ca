//! What is measured, and by which attributes.

use std::sync::Arc;

use serde::Deserialize;
use tachograph::metrics::View;
use tachograph::{
    AttributeValue, Attributes, Counter, Histogram, KeyValue, Meter, Static, UpDownCounter, declare,
};

use crate::shop::Shop;

/// Where an order comes from.
#[derive(AttributeValue, Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    Web,
    App,
    Partner,
}

/// Where it goes to.
#[derive(AttributeValue, Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Region {
    Eu,
    Us,
    Apac,
}

/// By channel and region: nine series at most, each found by an index.
#[derive(Attributes, Clone, Copy, Debug, Deserialize)]
pub(crate) struct Placed {
    pub(crate) channel: Channel,
    pub(crate) region: Region,
}

/// How an order ended.
#[derive(Attributes, Debug)]
pub(crate) struct Ended {
    pub(crate) channel: Channel,
    pub(crate) outcome: Outcome,
}

#[derive(AttributeValue, Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Shipped,
    Cancelled,
}

/// How a payment ended.
#[derive(Attributes, Debug)]
pub(crate) struct Paid {
    pub(crate) result: PaymentResult,
}

#[derive(AttributeValue, Clone, Copy, Debug, PartialEq)]
pub(crate) enum PaymentResult {
    Accepted,
    Declined,
    Unavailable,
    /// Nobody waited for the answer.
    Abandoned,
}

/// Which step a cancelled order was taken back by.
#[derive(Attributes, Debug)]
pub(crate) struct Compensated {
    pub(crate) step: Step,
}

#[derive(AttributeValue, Clone, Copy, Debug)]
pub(crate) enum Step {
    ReleaseStock,
    Refund,
}

/// Steps by which cancelled orders were taken back.
///
/// In a `static`, since nothing but this service ever needs it: it records from `install` on.
pub(crate) static COMPENSATIONS: Static<Counter<u64, Compensated>> =
    declare("order-service", "order.compensation.total")
        .with_unit("{step}")
        .with_description("Steps that took back part of a cancelled order")
        .build();

/// Values by region are nobody's question, and would be three times as many series. An exemplar still tells the region.
pub(crate) fn value_by_channel() -> View {
    View::of("order.value").for_scope("order-service").without_attributes(["region"])
}

/// The instruments of the shop. Clones are the same instruments.
#[derive(Clone, Debug)]
pub(crate) struct OrderMetrics {
    pub(crate) created: Counter<u64, Placed>,
    pub(crate) value: Histogram<f64, Placed>,
    pub(crate) ended: Counter<u64, Ended>,
    /// Paid and not yet shipped.
    pub(crate) queue: UpDownCounter<i64, Placed>,
    pub(crate) payments: Histogram<f64, Paid>,
}

impl OrderMetrics {
    pub(crate) fn new(meter: &Meter) -> Self {
        OrderMetrics {
            created: meter
                .counter("order.created.total")
                .with_unit("{order}")
                .with_description("Total number of orders created")
                .build(),
            value: meter
                .histogram("order.value")
                .with_unit("EUR")
                .with_description("Value of the orders created")
                .with_boundaries([5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0])
                .build(),
            ended: meter
                .counter("order.ended.total")
                .with_unit("{order}")
                .with_description("Orders that were shipped or cancelled")
                .build(),
            queue: meter
                .up_down_counter("order.queue.depth")
                .with_unit("{order}")
                .with_description("Orders that are paid and wait to be shipped")
                .build(),
            payments: meter
                .histogram("payment.duration")
                .with_unit("s")
                .with_description("How long the payment provider took to answer")
                // Anything from milliseconds to minutes: buckets that find their own range.
                .with_exponential_buckets()
                .build(),
        }
    }
}

/// Reports the stock whenever somebody looks, instead of keeping a gauge up to date: an observable
/// instrument, which the `opentelemetry` API's own meter makes.
pub(crate) fn observe_stock(meter: &Meter, shop: &Arc<Shop>) {
    let shop = Arc::downgrade(shop);
    meter
        .as_otel()
        .u64_observable_gauge("stock.level")
        .with_unit("{item}")
        .with_description("Items in stock that no order has reserved")
        .with_callback(move |observer| {
            let Some(shop) = shop.upgrade() else { return };
            for (sku, level) in shop.stock_levels() {
                observer.observe(level, &[KeyValue::new("sku", sku)]);
            }
        })
        .build();
}
