//! STS's AssumeRoleWithWebIdentity: a token of an identity provider for a role. The request needs no signature. (API reference of
//! AWS STS.)

use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Issued, begin, finish, strange, unable};
use crate::security::credentials::Credentials;
use crate::security::secret::{self, Secret};
use crate::sync::connection::NoReply;
use crate::sync::settings::Endpoint;

const WHO: &str = "STS";
/// What a form's value may hold as it is.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Whose token is given for credentials, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The region's STS.
    pub endpoint: Endpoint,
    /// The role to be had.
    pub role_arn: String,
    /// Holds the token, nothing else; read anew each time, since such tokens are short-lived.
    pub token_file: PathBuf,
    /// What the session is called in AWS's logs: 2 to 64 characters of letters, digits and `_+=,.@-`.
    pub session_name: String,
    /// PEM file of certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl WebIdentity {
    /// At the region's STS.
    pub fn new(role_arn: String, token_file: PathBuf, region: &str) -> WebIdentity {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let host = format!("sts.{region}.amazonaws.com{suffix}");
        let endpoint = Endpoint { tls: true, authority: host.clone(), host, port: 443, path: "/".to_owned() };
        WebIdentity { endpoint, role_arn, token_file, session_name: "forebay".to_owned(), ca_file: None }
    }

    pub(super) fn token(&self) -> Result<Secret, String> {
        secret::read(&self.token_file).map_err(|error| format!("token_file: {error}"))
    }

    pub(super) fn request(&self) -> Result<Request<Full<Bytes>>, NoReply> {
        let token = self.token().map_err(unable)?;
        let field = |name: &str, value: &str| format!("&{name}={}", utf8_percent_encode(value, FORM));
        let body = [
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15".to_owned(),
            field("RoleArn", &self.role_arn),
            field("RoleSessionName", &self.session_name),
            field("WebIdentityToken", token.expose()),
        ];
        let request = begin(Request::post(&self.endpoint.path), &self.endpoint)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/xml");
        finish(request, body.concat().into())
    }

    pub(super) fn read(&self, status: u16, body: &[u8]) -> Result<Issued, NoReply> {
        let text = std::str::from_utf8(body).map_err(|_| strange(WHO, "no text"))?;
        if status == 200 {
            return issued(text).ok_or_else(|| strange(WHO, "no credentials in it"));
        }
        let error = element(text, "ErrorResponse").and_then(|error| element(error, "Error"));
        let Some(code) = error.and_then(|error| element(error, "Code")) else {
            return Err(strange(WHO, &format!("HTTP {status}")));
        };
        let message = error.and_then(|error| element(error, "Message")).unwrap_or_default();
        let message: String = message.chars().take(300).collect();
        let what = format!("no credentials: STS answers {code}: {message}");
        let file = self.token_file.display();
        Err(match code {
            "IDPCommunicationError" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => {
                NoReply::Lost(what)
            }
            _ if status >= 500 || status == 429 => NoReply::Lost(what),
            "ExpiredTokenException" | "InvalidIdentityToken" => {
                NoReply::Unable(format!("{what}; {file} must hold a fresh token"))
            }
            _ => NoReply::Unable(format!(
                "{what}; the trust policy of {} must allow sts:AssumeRoleWithWebIdentity for this identity",
                self.role_arn
            )),
        })
    }
}

fn issued(text: &str) -> Option<Issued> {
    let answer = element(text, "AssumeRoleWithWebIdentityResponse")?;
    let credentials = element(answer, "Credentials")?;
    // What these hold needs no escapes in XML; with some, it is not what it should be.
    let value =
        |name| element(credentials, name).map(str::trim).filter(|value| !value.contains(['&', '<', ' ']));
    let expiration: jiff::Timestamp = value("Expiration")?.parse().ok()?;
    let token = Secret::new(value("SessionToken")?);
    Some(Issued {
        credentials: Credentials::new(
            value("AccessKeyId")?,
            Secret::new(value("SecretAccessKey")?),
            Some(token),
        ),
        expiration_us: expiration.as_microsecond(),
    })
}

/// What stands between the first tag of this name and its end. Enough for answers in which nothing that is looked for is
/// nested in its like.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let (_, behind) = rest.split_once(&format!("<{name}"))?;
        rest = behind;
        let (attributes, inside) = behind.split_once('>')?;
        if attributes.is_empty() || attributes.starts_with([' ', '\n', '\r', '\t']) {
            return inside.split_once(&format!("</{name}>")).map(|(inside, _)| inside);
        }
    }
}
