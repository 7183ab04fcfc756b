use tokio::io::duplex;

use super::*;

fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse(url).unwrap()
}

fn proxy() -> Proxy {
    let mut settings = ProxySettings::parse("http://proxy:3128").unwrap();
    settings.username = Some("me".to_owned());
    Proxy::of(&settings)
}

/// What CONNECT to an endpoint says, and what comes of this answer.
async fn tunnel(to: &str, answer: &[u8]) -> (String, Result<(), NoReply>) {
    let (mut near, mut far) = duplex(64 << 10);
    far.write_all(answer).await.unwrap();
    let result = proxy().tunnel(&mut near, &endpoint(to)).await;
    drop(near);
    let mut head = String::new();
    far.read_to_string(&mut head).await.unwrap();
    (head, result)
}

#[tokio::test]
async fn a_tunnel_is_asked_for_and_made() {
    let (head, result) = tunnel("https://a.example", b"HTTP/1.0 200 OK\r\nVia: x\r\n\r\nbehind it").await;
    assert_eq!(result, Ok(()));
    assert!(head.starts_with("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bWU6\r\n"), "{head}");
    let (head, _) = tunnel("https://[2001:db8::1]:8443", b"HTTP/1.1 200 OK\r\n\r\n").await;
    assert!(head.starts_with("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told_apart() {
    let to = "https://a.example";
    let (_, wants) = tunnel(to, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    assert!(matches!(wants, Err(NoReply::Unable(what)) if what.contains("proxy_password_file")));
    let endless = [b"HTTP/1.1 200 OK\r\n".as_slice(), &[b'a'; HEAD]].concat();
    for (answer, word) in [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n".as_slice(), "502"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "no proxy"),
        (&endless, "does not end"),
    ] {
        let (_, result) = tunnel(to, answer).await;
        assert!(matches!(&result, Err(NoReply::Lost(what)) if what.contains(word)), "{result:?}");
    }
}

#[test]
fn the_environment_is_for_tls_beyond_this_machine() {
    let env = |name: &str| match name {
        "https_proxy" => Some("http://me:p%40ss@proxy:3128".to_owned()),
        "NO_PROXY" => Some("plant.example,10.0.0.1, .intern".to_owned()),
        _ => None,
    };
    let found = |url: &str| Proxy::of_environment(&endpoint(url), &env).unwrap();
    let proxy = found("https://dynamodb.eu-west-1.amazonaws.com").unwrap();
    assert_eq!((proxy.endpoint().host.as_str(), proxy.endpoint().port), ("proxy", 3128));
    assert_eq!(proxy.authorization().unwrap().unwrap(), "Basic bWU6cEBzcw==");
    assert!(found("https://explant.example").is_some());
    for straight in [
        "http://central.example",
        "https://127.0.0.1:1",
        "https://[::1]",
        "https://localhost",
        "https://db.plant.example",
        "https://10.0.0.1",
        "https://a.INTERN",
    ] {
        assert!(found(straight).is_none(), "{straight}");
    }
    let wrong = |name: &str| (name == "HTTPS_PROXY").then(|| "https://me:secret@proxy".to_owned());
    let error = Proxy::of_environment(&endpoint("https://a.example"), &wrong).err().unwrap();
    assert!(error.contains("HTTPS_PROXY") && !error.contains("secret"), "{error}");
}
