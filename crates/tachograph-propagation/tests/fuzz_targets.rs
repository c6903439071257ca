//! The fuzz targets over a corpus and over what is changed in it: the same functions that libFuzzer runs, on any
//! toolchain, for a bounded number of inputs that are the same each time.

#[path = "../fuzz/changes.rs"]
mod changes;
#[path = "../fuzz/targets.rs"]
mod targets;

use changes::run;

#[test]
fn trace_context() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let long = (0..32).map(|n| format!("k{n}@v={}", "x".repeat(8 * n + 1))).collect::<Vec<_>>().join(",");
    run(
        targets::trace_context,
        &[
            parent.as_bytes(),
            format!("cc{}-more\na=1,b=2\nc@d=3", &parent[2..]).as_bytes(),
            format!("{parent}\n{long}").as_bytes(),
            format!("{parent}\nfoo@@bar=1 , \tx=y z").as_bytes(),
        ],
    );
}

#[test]
fn baggage() {
    let many = (0..70).map(|n| format!("k{n}=v{n};p=%3B{n}")).collect::<Vec<_>>().join(",");
    let large = format!("a={},b={};p={}", "x".repeat(4000), "%".repeat(2000), "=".repeat(3000));
    run(
        targets::baggage,
        &[
            b"k=a=b=c;p1;p2=%253B%3b, k2 = v%20%C3%BC\nk3=v3;p = q",
            many.as_bytes(),
            large.as_bytes(),
            b"k=100%25,k=%FF\xff;\xff=\xff",
        ],
    );
}

#[test]
fn b3() {
    run(
        targets::b3,
        &[
            b"4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90",
            b"a3ce929d0e0e4736-00f067aa0ba902b7-d",
            b"0\n4bf92f3577b34da6a3ce929d0e0e4736\n00f067aa0ba902b7\n1\n1\n05e3ac9a4f6e3b90",
        ],
    );
}

#[test]
fn jaeger() {
    run(
        targets::jaeger,
        &[
            b"4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:3",
            b"abc%3A1%3A0%3A1\nvalue%20\xc3\xbc\n%",
            b"1:1:1:1\n\n\xff",
        ],
    );
}

#[test]
fn names() {
    run(targets::names, &[b"tracecontext,baggage", b"b3, B3MULTI ,jaeger,none", b"xray,,ottrace"]);
}
