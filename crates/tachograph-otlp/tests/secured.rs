//! https: who is trusted, who is shown, and that nothing goes out in plain text.

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use support::collector::Collector;
use support::receiver::{Receiver, first_bytes};
use support::{config, run};
use tachograph_otlp::{OtlpConfig, OtlpSpanExporter, TlsConfig};

/// Somebody who signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
struct Identity {
    certificate: String,
    key: String,
    chain: Vec<CertificateDer<'static>>,
    private: PrivateKeyDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn signs(&self, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            chain: vec![certificate.der().clone()],
            private: PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        }
    }
}

fn server(identity: Identity, clients: Option<&Authority>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.0.der().clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    Arc::new(builder.with_single_cert(identity.chain, identity.private).expect("a certificate"))
}

fn trusting(base: &str, authority: &Authority) -> OtlpConfig {
    config(base)
        .with_tls(TlsConfig::new().with_certificate_pem(authority.pem()))
        .with_timeout(Duration::from_secs(3))
}

fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("otlp-{name}"));
    fs::write(&path, content).expect("a file can be written");
    path
}

#[test]
fn a_receiver_with_a_certificate_of_whom_is_trusted_gets_the_spans() {
    let authority = Authority::new();
    let receiver = Receiver::start_secured([], server(authority.signs("127.0.0.1"), None));
    assert_eq!(run(trusting(&receiver.url(), &authority), 3).exported, 3);
    let by_file = TlsConfig::new().with_certificate_file(file("ca.pem", &authority.pem()));
    assert_eq!(run(config(&receiver.url()).with_tls(by_file), 2).exported, 2);
    assert_eq!(receiver.spans().len(), 5);
}

#[test]
fn a_receiver_of_another_name_or_signed_by_somebody_else_gets_nothing() {
    let authority = Authority::new();
    let receiver = Receiver::start_secured([], server(authority.signs("elsewhere.example"), None));
    let ledger = run(trusting(&receiver.url(), &authority), 2);
    assert_eq!(ledger.dropped.of("tls_failed"), 2, "{ledger}");
    let receiver = Receiver::start_secured([], server(Authority::new().signs("127.0.0.1"), None));
    let ledger = run(trusting(&receiver.url(), &authority), 2);
    assert_eq!(ledger.dropped.of("tls_failed"), 2, "{ledger}");
    assert!(receiver.received().is_empty());
}

#[test]
fn a_receiver_that_asks_who_it_is_is_shown_the_clients_certificate() {
    let authority = Authority::new();
    let tls = server(authority.signs("127.0.0.1"), Some(&authority));
    let receiver = Receiver::start_secured([], tls);
    let ours = authority.signs("client.example");
    let named = TlsConfig::new()
        .with_certificate_pem(authority.pem())
        .with_client_identity_files(file("client.pem", &ours.certificate), file("client.key", &ours.key));
    assert_eq!(run(config(&receiver.url()).with_tls(named), 3).exported, 3);
    let nobody = trusting(&receiver.url(), &authority).with_timeout(Duration::from_millis(500));
    let ledger = run(nobody, 2);
    assert_eq!((ledger.exported, ledger.dropped.total()), (0, 2), "{ledger}");
    assert_eq!(receiver.spans().len(), 3);
}

#[test]
fn plain_text_is_never_sent_to_an_https_endpoint() {
    let authority = Authority::new();
    let (address, first) = first_bytes();
    let config = trusting(&format!("https://{address}"), &authority).with_timeout(Duration::from_millis(500));
    assert_eq!(run(config.with_header("authorization", "s3cret"), 1).exported, 0);
    let first = first.join().expect("no panic");
    // A handshake of TLS.
    assert_eq!(first.first(), Some(&0x16), "{first:?}");
    // A receiver that speaks no TLS gets nothing, either.
    let receiver = Receiver::start([]);
    let config = trusting(&receiver.url().replace("http:", "https:"), &authority)
        .with_timeout(Duration::from_millis(500));
    assert_eq!(run(config, 1).exported, 0);
    assert!(receiver.received().is_empty());
}

#[test]
fn certificates_and_keys_that_cannot_be_used_are_refused_when_the_exporter_is_made() {
    let authority = Authority::new();
    let ours = authority.signs("client.example");
    let base = || TlsConfig::new().with_certificate_pem(authority.pem());
    let cases = [
        (TlsConfig::new().with_certificate_file("no/such/file.pem"), "no/such/file.pem cannot be read"),
        (TlsConfig::new().with_certificate_pem("nothing"), "holds none"),
        (base().with_client_identity_pem(ours.certificate.as_str(), "s3cret"), "no private key"),
        (base().with_client_identity_pem("nothing", ours.key.as_str()), "holds none"),
        (
            base().with_client_identity_pem(authority.signs("x").certificate, ours.key.as_str()),
            "belong together",
        ),
    ];
    for (tls, said) in cases {
        let config = OtlpConfig::traces().with_endpoint("https://localhost:1").with_tls(tls);
        let error = OtlpSpanExporter::new(config).expect_err(said);
        assert!(error.is_tls() && error.to_string().contains(said), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    let (config, warnings) = OtlpConfig::traces_from_env(|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("https://localhost:1".to_owned()),
        "OTEL_EXPORTER_OTLP_CERTIFICATE" => Some(file("ca2.pem", &authority.pem()).display().to_string()),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY" => Some("only-a-key.pem".to_owned()),
        _ => None,
    });
    assert!(warnings.is_empty(), "{warnings:?}");
    let error = OtlpSpanExporter::new(config).expect_err("half an identity");
    assert!(error.to_string().contains("no certificate: set both"), "{error}");
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn the_real_collector_and_the_exporter_know_each_other_by_their_certificates() {
    let authority = Authority::new();
    let (theirs, ours) = (authority.signs("127.0.0.1"), authority.signs("client.example"));
    let tls = format!(
        "        tls:\n          cert_file: {}\n          key_file: {}\n          client_ca_file: {}",
        file("collector.pem", &theirs.certificate).display(),
        file("collector.key", &theirs.key).display(),
        file("clients.pem", &authority.pem()).display()
    );
    let collector = Collector::start("secured", &tls);
    let url = format!("https://{}", collector.address());
    let known = TlsConfig::new()
        .with_certificate_pem(authority.pem())
        .with_client_identity_pem(ours.certificate.as_str(), ours.key.as_str());
    assert_eq!(run(config(&url).with_tls(known), 3).exported, 3);
    assert_eq!(collector.spans(3).len(), 3);
    let unknown = trusting(&url, &authority).with_timeout(Duration::from_millis(500));
    assert_eq!(run(unknown, 1).exported, 0);
}
