//! The payment provider: somebody else's service, simulated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tachograph::Histogram;
use tracing::{Span, instrument, warn};

use crate::metrics::{Paid, PaymentResult};

/// What a customer pays with, which decides what becomes of it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Card {
    #[default]
    Good,
    /// The provider refuses it.
    Declined,
    /// The provider takes its time.
    Slow,
    /// The provider does not answer properly.
    Unavailable,
}

#[derive(Debug, Default)]
pub(crate) struct Provider {
    charges: AtomicU64,
}

impl Provider {
    /// Asks for the money. The result says whether it came, and is recorded with the time it took.
    #[instrument(skip_all, fields(otel.kind = "client", payment.card = ?card, otel.status_code))]
    pub(crate) async fn charge(&self, card: Card, durations: &Histogram<f64, Paid>) -> PaymentResult {
        // Where the customer goes away meanwhile, that is the end of the payment, too.
        let timer = durations.start_timer(Paid { result: PaymentResult::Abandoned });
        tokio::time::sleep(self.latency(card)).await;
        let result = match card {
            Card::Good | Card::Slow => PaymentResult::Accepted,
            Card::Declined => PaymentResult::Declined,
            Card::Unavailable => PaymentResult::Unavailable,
        };
        if result == PaymentResult::Unavailable {
            // The span of an error is red in whatever shows it; the line on the console has its trace's id.
            Span::current().record("otel.status_code", "ERROR");
            warn!("the payment provider did not answer properly");
        }
        timer.stop_with(Paid { result });
        result
    }

    fn latency(&self, card: Card) -> Duration {
        let usual = Duration::from_millis(4 + self.charges.fetch_add(7, Ordering::Relaxed) % 20);
        match card {
            Card::Slow => usual + Duration::from_millis(400),
            Card::Good | Card::Declined | Card::Unavailable => usual,
        }
    }
}
