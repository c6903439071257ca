//! Orders, from their creation to their end, and the stock they are taken from.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::{Span, instrument};

use crate::metrics::{COMPENSATIONS, Compensated, Ended, OrderMetrics, Outcome, PaymentResult, Placed, Step};
use crate::payment::{Card, Provider};

/// Orders that may be open at a time.
const OPEN_ORDERS: usize = 10_000;

/// What can be ordered: name, price in euros, and how many there are to begin with.
const CATALOGUE: [(&str, f64, u64); 4] =
    [("tea", 4.5, 500), ("teapot", 29.0, 100), ("kettle", 79.5, 50), ("samovar", 349.0, 5)];

pub(crate) struct Shop {
    metrics: OrderMetrics,
    provider: Provider,
    stock: Mutex<HashMap<&'static str, u64>>,
    orders: Mutex<HashMap<u64, Order>>,
    last: AtomicU64,
}

#[derive(Clone, Debug)]
struct Order {
    placed: Placed,
    items: Vec<(&'static str, u64)>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Created,
    /// The provider has been asked for the money, and has not answered yet.
    Paying,
    Paid,
}

/// Why something could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoSuchOrder,
    NoSuchItem,
    EmptyOrder,
    OutOfStock,
    /// The order is in a state in which this cannot be done.
    NotNow(State),
    PaymentDeclined,
    PaymentUnavailable,
    TooBusy,
}

impl Shop {
    pub(crate) fn new(metrics: OrderMetrics) -> Self {
        Shop {
            metrics,
            provider: Provider::default(),
            stock: Mutex::new(CATALOGUE.iter().map(|(sku, _, level)| (*sku, *level)).collect()),
            orders: Mutex::default(),
            last: AtomicU64::new(0),
        }
    }

    /// Takes the items from stock and opens an order. Returns its number and its value in euros.
    #[instrument(skip_all, fields(order.channel = ?placed.channel, order.number, order.value))]
    pub(crate) fn create(&self, placed: Placed, items: &[(String, u64)]) -> Result<(u64, f64), Refusal> {
        let mut value = 0.0;
        let mut taken = Vec::new();
        for (sku, quantity) in items.iter().filter(|(_, quantity)| *quantity > 0) {
            let (sku, price, _) =
                CATALOGUE.iter().find(|(known, ..)| known == sku).ok_or(Refusal::NoSuchItem)?;
            value += price * *quantity as f64;
            taken.push((*sku, *quantity));
        }
        if taken.is_empty() {
            return Err(Refusal::EmptyOrder);
        }
        let mut orders = self.orders();
        if orders.len() >= OPEN_ORDERS {
            return Err(Refusal::TooBusy);
        }
        self.reserve(&taken)?;
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        orders.insert(number, Order { placed, items: taken, state: State::Created });
        Span::current().record("order.number", number).record("order.value", value);
        self.metrics.created.add(1, &placed);
        self.metrics.value.record(value, &placed);
        Ok((number, value))
    }

    /// Asks the provider for the money. If it refuses, the order is cancelled.
    #[instrument(skip(self))]
    pub(crate) async fn pay(&self, number: u64, card: Card) -> Result<(), Refusal> {
        self.advance(number, State::Created, State::Paying)?;
        // A customer who does not wait for the answer leaves the order as it was.
        let undo = Undo { shop: self, number };
        let result = self.provider.charge(card, &self.metrics.payments).await;
        drop(undo);
        match result {
            PaymentResult::Accepted => {
                let placed = self.advance(number, State::Created, State::Paid)?;
                self.metrics.queue.add(1, &placed);
                Ok(())
            }
            PaymentResult::Declined => {
                self.cancel(number)?;
                Err(Refusal::PaymentDeclined)
            }
            PaymentResult::Unavailable | PaymentResult::Abandoned => Err(Refusal::PaymentUnavailable),
        }
    }

    /// Sends a paid order on its way; the shop then knows it no more.
    #[instrument(skip(self))]
    pub(crate) fn ship(&self, number: u64) -> Result<(), Refusal> {
        let order = self.take(number, &[State::Paid])?;
        self.metrics.queue.add(-1, &order.placed);
        self.metrics.ended.add(1, &Ended { channel: order.placed.channel, outcome: Outcome::Shipped });
        Ok(())
    }

    /// Takes back what was done for an order: the money if it was paid, and what it had reserved.
    #[instrument(skip(self))]
    pub(crate) fn cancel(&self, number: u64) -> Result<(), Refusal> {
        let order = self.take(number, &[State::Created, State::Paid])?;
        if order.state == State::Paid {
            self.metrics.queue.add(-1, &order.placed);
            self.refund();
        }
        self.release_stock(&order.items);
        self.metrics.ended.add(1, &Ended { channel: order.placed.channel, outcome: Outcome::Cancelled });
        Ok(())
    }

    #[instrument(skip_all)]
    fn refund(&self) {
        COMPENSATIONS.add(1, &Compensated { step: Step::Refund });
    }

    #[instrument(skip_all)]
    fn release_stock(&self, items: &[(&'static str, u64)]) {
        let mut stock = self.stock();
        for (sku, quantity) in items {
            *stock.entry(sku).or_default() += quantity;
        }
        COMPENSATIONS.add(1, &Compensated { step: Step::ReleaseStock });
    }

    /// Adds to the stock. Returns how much there is now.
    pub(crate) fn deliver(&self, sku: &str, quantity: u64) -> Result<u64, Refusal> {
        let mut stock = self.stock();
        let level = stock.get_mut(sku).ok_or(Refusal::NoSuchItem)?;
        *level = level.saturating_add(quantity);
        Ok(*level)
    }

    pub(crate) fn state(&self, number: u64) -> Result<State, Refusal> {
        self.orders().get(&number).map(|order| order.state).ok_or(Refusal::NoSuchOrder)
    }

    /// What is in stock, by item.
    pub(crate) fn stock_levels(&self) -> Vec<(&'static str, u64)> {
        let stock = self.stock();
        CATALOGUE.iter().map(|(sku, ..)| (*sku, stock.get(sku).copied().unwrap_or_default())).collect()
    }

    /// All of it or nothing.
    #[instrument(skip_all)]
    fn reserve(&self, items: &[(&'static str, u64)]) -> Result<(), Refusal> {
        let mut stock = self.stock();
        let mut left = stock.clone();
        for (sku, quantity) in items {
            let level = left.entry(*sku).or_default();
            *level = level.checked_sub(*quantity).ok_or(Refusal::OutOfStock)?;
        }
        *stock = left;
        Ok(())
    }

    fn advance(&self, number: u64, from: State, to: State) -> Result<Placed, Refusal> {
        let mut orders = self.orders();
        let order = orders.get_mut(&number).ok_or(Refusal::NoSuchOrder)?;
        if order.state != from {
            return Err(Refusal::NotNow(order.state));
        }
        order.state = to;
        Ok(order.placed)
    }

    fn take(&self, number: u64, allowed: &[State]) -> Result<Order, Refusal> {
        let mut orders = self.orders();
        let state = orders.get(&number).ok_or(Refusal::NoSuchOrder)?.state;
        if !allowed.contains(&state) {
            return Err(Refusal::NotNow(state));
        }
        orders.remove(&number).ok_or(Refusal::NoSuchOrder)
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<u64, Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stock(&self) -> MutexGuard<'_, HashMap<&'static str, u64>> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets an order that is being paid back to created, when the provider answered or nobody waits for it.
struct Undo<'a> {
    shop: &'a Shop,
    number: u64,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let _ = self.shop.advance(self.number, State::Paying, State::Created);
    }
}
