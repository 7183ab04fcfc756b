use std::os::unix::fs::PermissionsExt;

use tokio::net::TcpListener;

use super::*;
use crate::security::credentials::{CredentialsSource, KeyId};
use crate::sync::fake::{Act, Fake};
use crate::sync::proxy::{ProxyChoice, ProxySettings};

const EMPTY: &[u8] = br#"{"RequestItems":{"t":[{"DeleteRequest":{"Key":{"device":{"S":"a"}}}}]}}"#;

fn client(url: &str, clock: &Clock) -> Client {
    let mut settings = UpstreamSettings::new("central", Endpoint::parse(url).unwrap(), "eu-west-1");
    settings.connect_timeout = Duration::from_secs(5);
    settings.request_timeout = Duration::from_secs(5);
    Client::new(&settings, clock.clone()).unwrap()
}

async fn call(client: &Client, slot: &mut Slot) -> Result<Reply, NoReply> {
    client.call(slot, "BatchWriteItem", Bytes::from_static(EMPTY)).await
}

#[tokio::test]
async fn requests_are_signed_and_share_a_connection() {
    let fake = Fake::start(&["t"]).await;
    let client = client(&fake.url(), &Clock::manual(1_700_000_000_000_000));
    let mut slot = Slot::default();
    for _ in 0..3 {
        let reply = call(&client, &mut slot).await.unwrap();
        assert_eq!((reply.status, &reply.body[..]), (200, br#"{"UnprocessedItems":{}}"#.as_slice()));
    }
    let state = fake.lock();
    assert_eq!(state.connections, 1);
    let seen = &state.seen[0];
    assert_eq!(seen.operation, "BatchWriteItem");
    let signature = seen.headers["authorization"].to_str().unwrap();
    assert!(signature.contains("/20231114/eu-west-1/dynamodb/aws4_request"), "{signature}");
    assert!(signature.contains("host;x-amz-date;x-amz-target"), "{signature}");
}

#[tokio::test]
async fn a_kept_connection_that_has_died_is_replaced() {
    let fake = Fake::start(&["t"]).await;
    let client = client(&fake.url(), &Clock::manual(1_700_000_000_000_000));
    let mut slot = Slot::default();
    call(&client, &mut slot).await.unwrap();
    fake.lock().script.push_back(Act::Cut);
    call(&client, &mut slot).await.unwrap();
    assert_eq!(fake.lock().connections, 2);
    fake.lock().script.extend([Act::Cut, Act::Cut]);
    assert!(matches!(call(&client, &mut slot).await, Err(NoReply::Lost(_))));
}

#[tokio::test]
async fn nobody_there_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&url, &Clock::manual(1));
    assert!(matches!(call(&client, &mut Slot::default()).await, Err(NoReply::Lost(_))));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_lost_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = UpstreamSettings::new(
        "central",
        Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap(),
        "eu-west-1",
    );
    settings.request_timeout = Duration::from_millis(50);
    let client = Client::new(&settings, Clock::manual(1)).unwrap();
    assert_eq!(
        call(&client, &mut Slot::default()).await.unwrap_err(),
        NoReply::Lost("no answer in time".to_owned())
    );
}

#[tokio::test]
async fn a_clock_in_1970_signs_by_the_upstreams_date() {
    let fake = Fake::start(&["t"]).await;
    let clock = Clock::manual(1_000_000);
    clock.set(1_000_000, false);
    let client = client(&fake.url(), &clock);
    let mut slot = Slot::default();
    call(&client, &mut slot).await.unwrap();
    call(&client, &mut slot).await.unwrap();
    let date = |n: usize| fake.lock().seen[n].headers["x-amz-date"].to_str().unwrap().to_owned();
    assert!(date(0).starts_with("1970"), "{}", date(0));
    assert!(date(1).starts_with("20261123T0603"), "{}", date(1));
    // A trusted clock is believed, unless the upstream has refused a signature for its time.
    clock.set(1_700_000_000_000_000, true);
    call(&client, &mut slot).await.unwrap();
    assert!(date(2).starts_with("20231114"), "{}", date(2));
    client.believe_upstream_time();
    call(&client, &mut slot).await.unwrap();
    assert!(date(3).starts_with("20261123"), "{}", date(3));
}

#[tokio::test]
async fn credentials_that_are_missing_are_said_so_and_read_again() {
    let fake = Fake::start(&["t"]).await;
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    let mut settings = UpstreamSettings::new("central", Endpoint::parse(&fake.url()).unwrap(), "eu-west-1");
    settings.credentials = CredentialsSource::Files {
        access_key_id: KeyId::Text("AKID".to_owned()),
        secret_access_key_file: secret.clone(),
        session_token_file: None,
    };
    let client = Client::new(&settings, Clock::manual(1)).unwrap();
    let mut slot = Slot::default();
    assert!(matches!(call(&client, &mut slot).await, Err(NoReply::Unable(_))));
    std::fs::write(&secret, "hush").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    call(&client, &mut slot).await.unwrap();
}

#[tokio::test]
async fn a_plain_request_goes_to_the_proxy_whole_and_signed_without_its_password() {
    let fake = Fake::start(&["t"]).await;
    let mut settings = UpstreamSettings::new(
        "central",
        Endpoint::parse("http://central.example:8000").unwrap(),
        "eu-west-1",
    );
    let mut proxy = ProxySettings::parse(&fake.url()).unwrap();
    proxy.username = Some("me".to_owned());
    settings.proxy = ProxyChoice::Through(proxy);
    let client = Client::new(&settings, Clock::manual(1)).unwrap();
    call(&client, &mut Slot::default()).await.unwrap();
    let state = fake.lock();
    let seen = &state.seen[0];
    assert_eq!(seen.uri.to_string(), "http://central.example:8000/");
    assert_eq!(seen.headers["host"], "central.example:8000");
    assert_eq!(seen.headers["proxy-authorization"], "Basic bWU6");
    assert!(!seen.headers["authorization"].to_str().unwrap().contains("proxy-authorization"));
}

#[tokio::test]
async fn an_endpoint_may_be_an_ipv6_address() {
    let fake = Fake::start(&["t"]).await;
    let listener = TcpListener::bind("[::1]:0").await.unwrap();
    let client = client(&format!("http://{}", listener.local_addr().unwrap()), &Clock::manual(1));
    let relay = async {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = tokio::net::TcpStream::connect(fake.address).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    };
    tokio::select! {
        () = relay => panic!("nothing was answered"),
        reply = async { call(&client, &mut Slot::default()).await } => assert_eq!(reply.unwrap().status, 200),
    }
    let host = format!("[::1]:{}", listener.local_addr().unwrap().port());
    assert_eq!(fake.lock().seen[0].headers["host"], host.as_str());
}

#[test]
fn a_ca_file_without_certificates_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, "not a certificate").unwrap();
    let refused = tls::config(Some(&file), &Clock::manual(1)).unwrap_err();
    assert!(refused.contains("ca.pem"), "{refused}");
}
