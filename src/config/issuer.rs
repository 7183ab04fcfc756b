//! Who issues an upstream's credentials, and the proxy on the way there.

use std::path::PathBuf;

use super::credentials::{Wrong, is_services, wrong};
use super::raw;
use crate::security::secret;
use crate::sync::issuer::{Iot, IssuerSettings, WebIdentity};
use crate::sync::proxy::{ProxyChoice, ProxySettings};
use crate::sync::{Endpoint, UpstreamSettings};

/// What the keys mean; none, if there are none.
pub(super) fn issuer(
    given_iot: Option<raw::Iot>,
    given_identity: Option<raw::WebIdentity>,
    upstream: &UpstreamSettings,
) -> Result<Option<IssuerSettings>, Wrong> {
    match (given_iot, given_identity) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(wrong("web_identity", "stands beside iot; give one or the other")),
        (Some(given), None) => iot(given).map(|iot| Some(IssuerSettings::Iot(iot))),
        (None, Some(given)) => {
            web_identity(given, upstream).map(|identity| Some(IssuerSettings::WebIdentity(identity)))
        }
    }
}

fn iot(given: raw::Iot) -> Result<Iot, Wrong> {
    let raw::Iot { endpoint, role_alias, thing_name, cert_file, key_file, ca_file } = given;
    // As `aws iot describe-endpoint` prints it.
    let url = if endpoint.contains("://") { endpoint } else { format!("https://{endpoint}") };
    let endpoint = Endpoint::parse(&url).map_err(|error| wrong("iot", &format!("endpoint: {error}")))?;
    if !endpoint.tls {
        return Err(wrong("iot", "endpoint must be https://: it is the certificate that counts there"));
    }
    if !is_made_of(&role_alias, 1..=128, "_=,@-") {
        let what =
            "role_alias must be 1 to 128 letters, digits and _=,@-: the alias, not the role or its ARN";
        return Err(wrong("iot", what));
    }
    if thing_name.as_ref().is_some_and(|name| !is_made_of(name, 1..=128, ":_-")) {
        return Err(wrong("iot", "thing_name must be 1 to 128 letters, digits and :_-"));
    }
    Ok(Iot { endpoint, role_alias, thing_name, cert_file, key_file, ca_file })
}

fn web_identity(given: raw::WebIdentity, upstream: &UpstreamSettings) -> Result<WebIdentity, Wrong> {
    let raw::WebIdentity { role_arn, token_file, session_name, endpoint } = given;
    if !role_arn.starts_with("arn:") {
        let what = "role_arn must be a role's ARN, like arn:aws:iam::123456789012:role/gateway";
        return Err(wrong("web_identity", what));
    }
    let mut identity = WebIdentity::new(role_arn, token_file, &upstream.region);
    if let Some(name) = session_name {
        if !is_made_of(&name, 2..=64, "_+=,.@-") {
            let what = "session_name must be 2 to 64 letters, digits and _+=,.@-";
            return Err(wrong("web_identity", what));
        }
        identity.session_name = name;
    }
    if let Some(endpoint) = endpoint {
        identity.endpoint = Endpoint::parse(&endpoint)
            .map_err(|error| wrong("web_identity", &format!("endpoint: {error}")))?;
    }
    identity.ca_file.clone_from(&upstream.ca_file);
    Ok(identity)
}

fn is_made_of(text: &str, length: std::ops::RangeInclusive<usize>, more: &str) -> bool {
    length.contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

/// What the keys about a proxy mean.
pub(super) fn proxy(
    given: Option<String>,
    username: Option<String>,
    password_file: Option<PathBuf>,
) -> Result<ProxyChoice, Wrong> {
    if password_file.is_some() && username.is_none() {
        return Err(wrong("proxy_password_file", "needs proxy_username beside it"));
    }
    match given.as_deref() {
        None | Some("none") if username.is_some() => Err(wrong("proxy_username", "needs proxy beside it")),
        None => Ok(ProxyChoice::Environment),
        Some("none") => Ok(ProxyChoice::Direct),
        Some(url) => {
            let settings = ProxySettings::parse(url).map_err(|error| ("proxy", error.to_string()))?;
            Ok(ProxyChoice::Through(ProxySettings { username, password_file, ..settings }))
        }
    }
}

/// What keeps the issuer or the proxy from being used as things are.
pub(super) fn advice(upstream: &UpstreamSettings) -> Option<String> {
    let issuer = upstream
        .issuer
        .as_ref()
        .and_then(|issuer| if is_services(issuer) { None } else { issuer.check_files().err() });
    issuer.or_else(|| {
        let ProxyChoice::Through(ProxySettings { password_file: Some(path), .. }) = &upstream.proxy else {
            return None;
        };
        if is_services(path) {
            return None;
        }
        secret::read(path).err().map(|error| format!("proxy_password_file: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream() -> UpstreamSettings {
        let endpoint = Endpoint::parse("https://dynamodb.eu-west-1.amazonaws.com").unwrap();
        UpstreamSettings::new("central", endpoint, "eu-west-1")
    }

    fn given_iot(text: &str) -> Result<Option<IssuerSettings>, Wrong> {
        let files = "cert_file = \"/etc/c.pem\"\nkey_file = \"/etc/c.key\"\n";
        issuer(Some(toml::from_str(&format!("{files}{text}")).unwrap()), None, &upstream())
    }

    #[test]
    fn the_endpoint_is_taken_as_the_aws_cli_prints_it() {
        let text = "endpoint = \"c1.credentials.iot.eu-west-1.amazonaws.com\"\nrole_alias = \"gateway\"";
        let Ok(Some(IssuerSettings::Iot(iot))) = given_iot(text) else { panic!("it is right") };
        assert_eq!(iot.endpoint.url(), "https://c1.credentials.iot.eu-west-1.amazonaws.com/");
        assert_eq!((iot.role_alias.as_str(), iot.thing_name), ("gateway", None));
    }

    #[test]
    fn what_can_not_be_meant_is_refused_with_the_remedy() {
        for (text, remedy) in [
            ("endpoint = \"http://c1.example\"\nrole_alias = \"a\"", "https://"),
            ("endpoint = \"c1.example\"\nrole_alias = \"arn:aws:iam::1:role/a\"", "the alias"),
            ("endpoint = \"c1.example\"\nrole_alias = \"a\"\nthing_name = \"a b\"", "thing_name"),
        ] {
            let (key, what) = given_iot(text).unwrap_err();
            assert!(key == "iot" && what.contains(remedy), "{what}");
        }
        let identity = |text: &str| {
            let files = "token_file = \"/run/token\"\n";
            issuer(None, Some(toml::from_str(&format!("{files}{text}")).unwrap()), &upstream())
        };
        let arn = "role_arn = \"arn:aws:iam::123456789012:role/gateway\"\n";
        for (text, remedy) in [
            ("role_arn = \"gateway\"".to_owned(), "ARN"),
            (format!("{arn}session_name = \"a b\""), "session_name"),
            (format!("{arn}endpoint = \"sts\""), "https://"),
        ] {
            let (key, what) = identity(&text).unwrap_err();
            assert!(key == "web_identity" && what.contains(remedy), "{what}");
        }
        let Ok(Some(IssuerSettings::WebIdentity(identity))) = identity(arn) else { panic!("it is right") };
        assert_eq!(identity.endpoint.url(), "https://sts.eu-west-1.amazonaws.com/");
    }

    #[test]
    fn proxies_are_read() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(proxy(None, None, None), Ok(ProxyChoice::Environment));
        assert_eq!(proxy(text("none"), None, None), Ok(ProxyChoice::Direct));
        let Ok(ProxyChoice::Through(found)) = proxy(text("http://[::1]:3128"), text("me"), None) else {
            panic!("it is right")
        };
        assert_eq!((found.endpoint.host.as_str(), found.endpoint.port), ("::1", 3128));
        for (given, username, key) in [
            (text("proxy:3128"), None, "proxy"),
            (text("https://proxy:3128"), None, "proxy"),
            (text("http://me:secret@proxy:3128"), None, "proxy"),
            (text("http://proxy:3128/path"), None, "proxy"),
            (None, text("me"), "proxy_username"),
        ] {
            assert_eq!(proxy(given, username, None).unwrap_err().0, key);
        }
        assert_eq!(
            proxy(text("http://proxy:1"), None, Some("/f".into())).unwrap_err().0,
            "proxy_password_file"
        );
    }
}
