use std::os::unix::fs::PermissionsExt;

use super::fake::{Act, Fake, fixture};
use super::*;
use crate::sync::proxy::ProxySettings;
use crate::sync::proxy::fake::connect_proxy;

const IN_2030: u64 = 1_900_000_000_000_000;

/// A device: its files, and the issuer as it sees it.
struct Device {
    folder: tempfile::TempDir,
    clock: Clock,
    proxy: ProxyChoice,
}

impl Device {
    fn new() -> Device {
        let device = Device {
            folder: tempfile::tempdir().unwrap(),
            clock: Clock::manual(IN_2030),
            proxy: ProxyChoice::Direct,
        };
        device.write("client.key", &std::fs::read_to_string(fixture("client.key")).unwrap());
        device.write("token", "a+token\n");
        device
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn issuer(&self, settings: IssuerSettings) -> Arc<Issuer> {
        let endpoint = Endpoint::parse("https://dynamodb.eu-west-1.amazonaws.com").unwrap();
        let mut upstream = UpstreamSettings::new("central", endpoint, "eu-west-1");
        upstream.proxy = self.proxy.clone();
        Arc::new(Issuer::new(settings, &upstream, self.clock.clone()))
    }

    fn iot_settings(&self, fake: &Fake) -> Iot {
        Iot {
            endpoint: Endpoint::parse(&format!("https://localhost:{}", fake.address.port())).unwrap(),
            role_alias: "gateway-alias".to_owned(),
            thing_name: Some("gw-014".to_owned()),
            cert_file: fixture("client.pem"),
            key_file: self.folder.path().join("client.key"),
            ca_file: Some(fixture("ca.pem")),
        }
    }

    fn iot(&self, fake: &Fake) -> Arc<Issuer> {
        self.issuer(IssuerSettings::Iot(self.iot_settings(fake)))
    }

    fn web_identity(&self, fake: &Fake) -> Arc<Issuer> {
        let role = "arn:aws:iam::123456789012:role/gateway".to_owned();
        let mut identity = WebIdentity::new(role, self.folder.path().join("token"), "eu-west-1");
        identity.endpoint = Endpoint::parse(&format!("http://{}", fake.address)).unwrap();
        self.issuer(IssuerSettings::WebIdentity(identity))
    }
}

/// Credentials for an hour.
fn issue(key: &str) -> Act {
    let body = format!(
        r#"{{"credentials":{{"accessKeyId":"{key}","secretAccessKey":"hush","sessionToken":"tok","expiration":"2026-11-23T07:00:00Z"}}}}"#
    );
    Act::Answer(200, body)
}

fn xml(key: &str) -> Act {
    let body = format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n\
         <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId>\n<SecretAccessKey>hu/+sh=\
         </SecretAccessKey><SessionToken>tok</SessionToken><Expiration>2026-11-23T07:00:00Z</Expiration>\
         </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    );
    Act::Answer(200, body)
}

fn credentials(key: &str, secret: &str) -> Credentials {
    use crate::security::secret::Secret;
    Credentials::new(key, Secret::new(secret), Some(Secret::new("tok")))
}

async fn pass(minutes: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(minutes * 60)).await;
    tokio::time::resume();
}

async fn key(issuer: &Arc<Issuer>) -> String {
    issuer.get().await.unwrap().access_key_id.clone()
}

async fn error(issuer: &Arc<Issuer>) -> NoReply {
    issuer.get().await.unwrap_err()
}

#[tokio::test]
async fn a_certificate_gets_credentials_that_are_renewed_before_they_end() {
    let (device, fake) = (Device::new(), Fake::start(true).await);
    let issuer = device.iot(&fake);
    fake.then(issue("FIRST"));
    fake.then(issue("SECOND"));
    // Two at once ask once.
    let (one, two) = tokio::join!(issuer.get(), issuer.get());
    assert_eq!((*one.unwrap()).clone(), credentials("FIRST", "hush"));
    assert_eq!(two.unwrap().access_key_id, "FIRST");
    let request = &fake.seen()[0];
    assert!(request.starts_with("GET /role-aliases/gateway-alias/credentials HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("x-amzn-iot-thingname: gw-014\r\n"), "{request}");
    pass(29).await;
    assert_eq!(key(&issuer).await, "FIRST");
    assert_eq!(fake.seen().len(), 1, "half of their life has not passed");
    pass(17).await;
    assert_eq!(key(&issuer).await, "FIRST", "nobody waits for the renewal");
    fake.until_asked(2).await;
    drop(issuer.asking.lock().await);
    assert_eq!(key(&issuer).await, "SECOND");
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn what_the_clock_says_makes_no_difference() {
    let (device, fake) = (Device::new(), Fake::start(true).await);
    // It was never set; the issuer's certificate is from later.
    device.clock.set(1_000_000, false);
    let issuer = device.iot(&fake);
    fake.then(issue("FIRST"));
    assert_eq!(key(&issuer).await, "FIRST");
    for now in [IN_2030, 3_000_000_000_000_000, 1_000_000_000_000_000] {
        device.clock.set(now, true);
        assert_eq!(key(&issuer).await, "FIRST");
    }
    assert_eq!(fake.seen().len(), 1);
    device.clock.set(IN_2030, true);
    fake.then(issue("SECOND"));
    pass(61).await;
    assert_eq!(key(&issuer).await, "SECOND", "they have ended: new ones are waited for");
}

#[tokio::test]
async fn while_the_issuer_is_away_the_old_ones_serve_until_they_are_refused() {
    let (device, fake) = (Device::new(), Fake::start(true).await);
    let issuer = device.iot(&fake);
    fake.then(issue("FIRST"));
    let first = issuer.get().await.unwrap();
    pass(61).await;
    assert_eq!(key(&issuer).await, "FIRST", "the issuer cuts the connection");
    let asked = fake.seen().len();
    assert!(asked > 1);
    assert!(!issuer.refused(&first), "there are no others");
    assert!(matches!(error(&issuer).await, NoReply::Lost(what) if what.contains("no credentials")));
    fake.then(issue("SECOND"));
    assert_eq!(key(&issuer).await, "SECOND");
    assert!(issuer.refused(&first), "a request that was under way for longer changes nothing");
    assert_eq!(key(&issuer).await, "SECOND");
}

#[tokio::test]
async fn what_is_not_the_issuers_answer_is_none() {
    let (device, fake) = (Device::new(), Fake::start(true).await);
    let issuer = device.iot(&fake);
    let long = format!("{{\"credentials\":\"{}\"}}", "x".repeat(ANSWER));
    for (status, body) in [
        (200, "<html>Welcome to our hotel!</html>"),
        (200, ""),
        (200, r#"{"credentials":{"accessKeyId":"A","secretAccessKey":"hush""#),
        (
            200,
            r#"{"credentials":{"accessKeyId":"A","secretAccessKey":"hush","sessionToken":"t","expiration":"soon"}}"#,
        ),
        (200, long.as_str()),
        (302, "<a href=\"http://portal/\">log in</a>"),
        (403, "<html>Forbidden</html>"),
        (503, r#"{"message":"Service Unavailable"}"#),
    ] {
        fake.then(Act::Answer(status, body.to_owned()));
        match error(&issuer).await {
            NoReply::Lost(what) => assert!(!what.contains("hush"), "{what}"),
            unable => panic!("{body}: {unable}"),
        }
    }
    fake.then(issue("FIRST"));
    assert_eq!(key(&issuer).await, "FIRST");
}

#[tokio::test]
async fn a_refusal_is_said_with_the_remedy() {
    let (device, fake) = (Device::new(), Fake::start(true).await);
    let issuer = device.iot(&fake);
    let unable = async |issuer: &Arc<Issuer>, remedy: &str| match error(issuer).await {
        NoReply::Unable(what) => assert!(what.contains(remedy), "{what}"),
        lost => panic!("{lost}"),
    };
    fake.then(Act::Answer(403, r#"{"message":"Access Denied"}"#.to_owned()));
    unable(&issuer, "iot:AssumeRoleWithCertificate").await;
    fake.then(Act::Answer(404, r#"{"message":"Not Found","traceId":"0"}"#.to_owned()));
    unable(&issuer, "describe-endpoint").await;
    // A certificate that is not from where the issuer's devices have theirs.
    device.write("other.key", &std::fs::read_to_string(fixture("server.key")).unwrap());
    let mut stranger = device.iot_settings(&fake);
    stranger.cert_file = fixture("server.pem");
    stranger.key_file = device.folder.path().join("other.key");
    unable(&device.issuer(IssuerSettings::Iot(stranger)), "cert_file registered").await;
    let key_file = device.folder.path().join("client.key");
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o644)).unwrap();
    unable(&issuer, "chmod 600").await;
    std::fs::remove_file(&key_file).unwrap();
    unable(&issuer, "client.key").await;
    assert_eq!(fake.seen().len(), 2, "without files there is nothing to ask with");
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_or_dribbles_is_left_in_time() {
    let (device, fake) = (Device::new(), Fake::start(false).await);
    let issuer = device.web_identity(&fake);
    for (act, word) in [
        (Act::Hang, "no answer in time"),
        (Act::Dribble(""), "no answer in time"),
        (Act::Dribble("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), "stopped in the middle"),
    ] {
        fake.then(act);
        let said = error(&issuer).await;
        assert!(matches!(&said, NoReply::Lost(what) if what.contains(word)), "{said}");
    }
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_and_a_proxy_that_never_answer_are_left_in_time() {
    // The system takes the connections, and nobody else does.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut device, fake) = (Device::new(), Fake::start(true).await);
    let mut settings = device.iot_settings(&fake);
    let address = listener.local_addr().unwrap();
    settings.endpoint = Endpoint::parse(&format!("https://{address}")).unwrap();
    let in_vain = async |device: &Device, settings: Iot| {
        let said = error(&device.issuer(IssuerSettings::Iot(settings))).await;
        assert!(matches!(&said, NoReply::Lost(what) if what.contains("no connection to")), "{said}");
    };
    in_vain(&device, settings).await;
    device.proxy = ProxyChoice::Through(ProxySettings::parse(&format!("http://{address}")).unwrap());
    in_vain(&device, device.iot_settings(&fake)).await;
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_token_gets_credentials_and_is_read_anew_each_time() {
    let (device, fake) = (Device::new(), Fake::at("[::1]:0".parse().unwrap(), false).await);
    let issuer = device.web_identity(&fake);
    fake.then(xml("FIRST"));
    assert_eq!(*issuer.get().await.unwrap(), credentials("FIRST", "hu/+sh="));
    let request = &fake.seen()[0];
    assert!(request.starts_with("POST / HTTP/1.1\r\n") && !request.contains("authorization"), "{request}");
    let body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15\
                &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fgateway&RoleSessionName=forebay\
                &WebIdentityToken=a%2Btoken";
    assert!(request.ends_with(body), "{request}");
    device.write("token", "another");
    fake.then(xml("SECOND"));
    pass(61).await;
    assert_eq!(key(&issuer).await, "SECOND");
    assert!(fake.seen()[1].ends_with("WebIdentityToken=another"));
}

#[tokio::test]
async fn what_sts_says_is_understood() {
    let (device, fake) = (Device::new(), Fake::start(false).await);
    let issuer = device.web_identity(&fake);
    let refuse = |status, code: &str| {
        let error =
            format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>so &amp; so</Message></Error>");
        Act::Answer(
            status,
            format!("<ErrorResponse xmlns=\"x\">{error}<RequestId>1</RequestId></ErrorResponse>"),
        )
    };
    for (code, remedy) in [("ExpiredTokenException", "fresh token"), ("AccessDenied", "trust policy")] {
        fake.then(refuse(400, code));
        let said = error(&issuer).await;
        assert!(matches!(&said, NoReply::Unable(what) if what.contains(remedy)), "{said}");
    }
    for act in [
        refuse(400, "IDPCommunicationError"),
        refuse(503, "ServiceUnavailable"),
        Act::Answer(200, "<html><Credentials>no</Credentials></html>".to_owned()),
        Act::Answer(403, "<html>Forbidden</html>".to_owned()),
    ] {
        fake.then(act);
        assert!(matches!(error(&issuer).await, NoReply::Lost(_)));
    }
    device.write("token", "");
    assert!(matches!(error(&issuer).await, NoReply::Unable(what) if what.contains("token_file")));
}

#[tokio::test]
async fn a_proxy_carries_the_handshake_unseen() {
    let (mut device, fake) = (Device::new(), Fake::start(true).await);
    let (address, heads) = connect_proxy().await;
    let mut settings = ProxySettings::parse(&format!("http://{address}")).unwrap();
    device.write("password", "sesame\n");
    settings.username = Some("me".to_owned());
    settings.password_file = Some(device.folder.path().join("password"));
    device.proxy = ProxyChoice::Through(settings);
    fake.then(issue("FIRST"));
    assert_eq!(key(&device.iot(&fake)).await, "FIRST");
    let head = heads.lock().unwrap()[0].clone();
    assert!(head.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", fake.address.port())), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bWU6c2VzYW1l\r\n"), "{head}");
}

#[test]
fn the_environment_names_a_token_and_keys_come_first() {
    let endpoint = Endpoint::parse("https://dynamodb.cn-north-1.amazonaws.com.cn").unwrap();
    let upstream = UpstreamSettings::new("central", endpoint, "cn-north-1");
    let of = |set: &[(&str, &str)]| {
        let env = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        IssuerSettings::of_environment(&upstream, &env)
    };
    assert_eq!(of(&[]), Ok(None));
    let role = ("AWS_ROLE_ARN", "arn:aws-cn:iam::1:role/a");
    let token = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/token");
    let Ok(Some(IssuerSettings::WebIdentity(found))) = of(&[role, token, ("AWS_ROLE_SESSION_NAME", "gw")])
    else {
        panic!("it is there")
    };
    assert_eq!((found.session_name.as_str(), found.role_arn.as_str()), ("gw", role.1));
    assert_eq!(found.endpoint.url(), "https://sts.cn-north-1.amazonaws.com.cn/");
    assert!(of(&[token]).unwrap_err().contains("AWS_ROLE_ARN"));
    assert_eq!(of(&[role, token, ("AWS_ACCESS_KEY_ID", "A")]), Ok(None));
}
