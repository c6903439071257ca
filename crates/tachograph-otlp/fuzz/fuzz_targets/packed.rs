#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tachograph_otlp::fuzzing::packed(data));
