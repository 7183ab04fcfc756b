use std::path::PathBuf;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

const IN_2030: u64 = 1_900_000_000_000_000;
const IN_1970: u64 = 1_000_000;

/// A throw-away authority and a certificate of `localhost`, valid from November 2026 for a hundred years.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// What a client with this clock and authority says of the server.
async fn handshake(clock: Clock, ca_file: &str, name: &'static str) -> Result<(), String> {
    let chain = CertificateDer::pem_file_iter(fixture("server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        let _ = TlsAcceptor::from(Arc::new(server)).accept(socket).await;
    };
    let client = async {
        let config = config(Some(&fixture(ca_file)), &clock).unwrap();
        let socket = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from(name).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await.map(drop).map_err(|e| e.to_string())
    };
    tokio::join!(client, server).0
}

fn clock(now_us: u64, trusted: bool) -> Clock {
    let clock = Clock::manual(now_us);
    clock.set(now_us, trusted);
    clock
}

#[tokio::test]
async fn certificates_are_judged_by_the_clock() {
    assert_eq!(handshake(clock(IN_2030, true), "ca.pem", "localhost").await, Ok(()));
    let early = handshake(clock(IN_1970, true), "ca.pem", "localhost").await.unwrap_err();
    assert!(early.contains("not valid yet"), "{early}");
    let late = handshake(clock(9_000_000_000_000_000, true), "ca.pem", "localhost").await.unwrap_err();
    assert!(late.contains("expired"), "{late}");
}

#[tokio::test]
async fn a_clock_in_1970_does_not_keep_us_out() {
    assert_eq!(handshake(clock(IN_1970, false), "ca.pem", "localhost").await, Ok(()));
    // It is later than the floor: what has expired by then has expired.
    let late = handshake(clock(9_000_000_000_000_000, false), "ca.pem", "localhost").await.unwrap_err();
    assert!(late.contains("expired"), "{late}");
}

#[tokio::test]
async fn a_clock_in_1970_is_no_excuse_for_anything_else() {
    for now in [clock(IN_1970, false), clock(IN_2030, true)] {
        let name = handshake(now.clone(), "ca.pem", "example.com").await.unwrap_err();
        assert!(name.contains("not valid for name"), "{name}");
        let issuer = handshake(now, "other-ca.pem", "localhost").await.unwrap_err();
        assert!(issuer.contains("UnknownIssuer"), "{issuer}");
    }
}
