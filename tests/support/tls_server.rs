//! The server's side of TLS with the throw-away authorities of `tests/fixtures/tls`; the library's own tests use it as well.

#![allow(unreachable_pub, clippy::unwrap_used)] // a test's, included in several places

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// A file of theirs: `ca.pem` vouches for the server (of `localhost`), `client-ca.pem` for devices.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Lets in only devices that show a certificate.
pub fn for_devices() -> Arc<ServerConfig> {
    let certificates = |name: &str| CertificateDer::pem_file_iter(fixture(name)).unwrap().map(Result::unwrap);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut devices = RootCertStore::empty();
    certificates("client-ca.pem").for_each(|certificate| devices.add(certificate).unwrap());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(devices), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            certificates("server.pem").collect(),
            PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap(),
        );
    Arc::new(config.unwrap())
}
