#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tachograph_otlp::fuzzing::retry_after(data));
