//! Units of the facade in UCUM's notation, which is that of the engine.

use metrics::Unit;

/// The unit in UCUM's case-sensitive notation.
pub(crate) fn ucum(unit: Unit) -> &'static str {
    match unit {
        // Of what, nobody says; and `1` would be a ratio.
        Unit::Count => "",
        Unit::Percent => "%",
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Nanoseconds => "ns",
        Unit::Tebibytes => "TiBy",
        Unit::Gibibytes => "GiBy",
        Unit::Mebibytes => "MiBy",
        Unit::Kibibytes => "KiBy",
        Unit::Bytes => "By",
        Unit::TerabitsPerSecond => "Tbit/s",
        Unit::GigabitsPerSecond => "Gbit/s",
        Unit::MegabitsPerSecond => "Mbit/s",
        Unit::KilobitsPerSecond => "kbit/s",
        Unit::BitsPerSecond => "bit/s",
        Unit::CountPerSecond => "1/s",
    }
}

/// The unit that a name ends in, as Prometheus's conventions have it.
pub(crate) fn of_name(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    match name.rsplit(['_', '.']).next() {
        Some("seconds") => "s",
        Some("milliseconds") => "ms",
        Some("bytes") => "By",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_at_the_end_of_a_name_is_found() {
        assert_eq!(of_name("request_duration_seconds"), "s");
        assert_eq!(of_name("request.duration.milliseconds"), "ms");
        assert_eq!(of_name("sent_bytes_total"), "By");
        assert_eq!(of_name("seconds"), "s");
        assert_eq!(of_name("kiloseconds"), "");
        assert_eq!(of_name("orders_total"), "");
    }
}
