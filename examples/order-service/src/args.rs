use std::time::Duration;

use clap::Parser;

/// An order service, instrumented with tachograph: see its /metrics.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where to serve; port 0 is any that is free.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: String,

    /// How many requests a second it sends itself.
    #[arg(long, value_name = "NUMBER", default_value_t = 20.0, value_parser = rate)]
    rps: f64,

    /// Stop after this many seconds.
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,

    /// Send itself nothing.
    #[arg(long)]
    no_traffic: bool,
}

impl Args {
    /// How many requests a second to send, if any.
    pub(crate) fn rps(&self) -> Option<f64> {
        (!self.no_traffic && self.rps > 0.0).then_some(self.rps)
    }

    /// How long to serve, if not for ever.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.duration
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.0..=10_000.0).contains(&rate) { Ok(rate) } else { Err("it is not between 0 and 10000".to_owned()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
