//! AWS IoT's credential provider: a device's certificate for a role. (AWS IoT Core's developer guide, "Authorizing direct calls to
//! AWS services".)

use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde::Deserialize;

use super::{Issued, begin, finish, strange, unable};
use crate::security::credentials::Credentials;
use crate::security::secret::Secret;
use crate::sync::connection::NoReply;
use crate::sync::settings::Endpoint;

const WHO: &str = "the credential provider";

/// Where a certificate is given for credentials, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iot {
    /// The account's own: `aws iot describe-endpoint --endpoint-type iot:CredentialProvider`.
    pub endpoint: Endpoint,
    /// The alias of the role to be had.
    pub role_alias: String,
    /// The thing that the certificate is attached to; needed only where policies use its name or attributes.
    pub thing_name: Option<String>,
    /// PEM file of the device's certificate, with its chain.
    pub cert_file: PathBuf,
    /// PEM file of its private key.
    pub key_file: PathBuf,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Answer {
    credentials: Wire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Iot {
    pub(super) fn request(&self) -> Result<Request<Full<Bytes>>, NoReply> {
        let path = self.endpoint.path.trim_end_matches('/');
        let mut request = begin(
            Request::get(format!("{path}/role-aliases/{}/credentials", self.role_alias)),
            &self.endpoint,
        );
        if let Some(thing) = &self.thing_name {
            request = request.header("x-amzn-iot-thingname", thing);
        }
        finish(request, Bytes::new())
    }

    pub(super) fn read(&self, status: u16, body: &[u8]) -> Result<Issued, NoReply> {
        if status == 200 {
            // Its error may quote what it has read, and that may be a secret.
            let answer: Option<Answer> = serde_json::from_slice(body).ok();
            let Wire { access_key_id, secret_access_key, session_token, expiration } =
                answer.ok_or_else(|| strange(WHO, "no credentials in it"))?.credentials;
            let expiration: jiff::Timestamp =
                expiration.parse().map_err(|_| strange(WHO, "its expiration is no time"))?;
            let token = Secret::new(session_token);
            return Ok(Issued {
                credentials: Credentials::new(access_key_id, Secret::new(secret_access_key), Some(token)),
                expiration_us: expiration.as_microsecond(),
            });
        }
        let refusal = serde_json::from_slice(body).ok().map(|refusal: Refusal| {
            let message: String = refusal.message.chars().take(300).collect();
            format!("{WHO} answers HTTP {status}: {message}")
        });
        let (alias, file) = (&self.role_alias, self.cert_file.display());
        match (status, refusal) {
            (_, None) => Err(strange(WHO, &format!("HTTP {status}"))),
            (429 | 500.., Some(what)) => Err(NoReply::Lost(format!("no credentials: {what}"))),
            (404, Some(what)) => Err(unable(format!(
                "{what}; endpoint must be the one that aws iot describe-endpoint --endpoint-type \
                 iot:CredentialProvider gives, and the role alias {alias} must exist"
            ))),
            (_, Some(what)) => Err(unable(format!(
                "{what}; the certificate of {file} must be active, a policy of it must allow \
                 iot:AssumeRoleWithCertificate on the role alias {alias}, the role must trust \
                 credentials.iot.amazonaws.com, and thing_name, if given, must be the certificate's thing"
            ))),
        }
    }
}
