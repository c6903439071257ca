//! The fuzz targets over a corpus and over what is changed in it: the same functions that libFuzzer runs, on any
//! toolchain, for a bounded number of inputs that are the same each time.

// The same changes as for the other crates' targets.
#[path = "../../tachograph-propagation/fuzz/changes.rs"]
mod changes;
#[path = "../fuzz/targets.rs"]
mod targets;

#[test]
fn resource() {
    changes::run(
        targets::resource,
        &[
            b"service.name=shop,service.version=1.2.3",
            b" deployment.environment.name = pro%20d ,k%2C=%3D%25,,k=\xc3\xbc",
            b"a=b=c,a=d",
        ],
    );
}

#[test]
fn variables() {
    let everything = "parentbased_traceidratio\n0.25\ntracecontext,b3\notlp\nprometheus\nshop\n0.0.0.0\n9464\nGET,POST\n\
                      5000\n30000\n2048\n512\n128\n4096\n128\n4096\n128\n128\n128\n128\nk=v";
    changes::run(
        targets::variables,
        &[
            everything.as_bytes(),
            b"always_on\n\nnone\nnone\nnone",
            b"traceidratio\n1e-3\nxray\nconsole\nconsole",
        ],
    );
}
