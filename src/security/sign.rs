//! SigV4 signatures for requests to an upstream.

use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use hyper::http::{HeaderName, HeaderValue, Request};

use super::credentials::Credentials;

/// A request can't be signed. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request can't be signed: {0}")]
pub struct SignError(String);

/// Signs for one service in one region.
#[derive(Clone, Debug)]
pub struct Signer {
    region: String,
    service: &'static str,
}

impl Signer {
    /// For DynamoDB in this region.
    pub fn dynamodb(region: impl Into<String>) -> Signer {
        Signer { region: region.into(), service: "dynamodb" }
    }

    /// Adds `authorization`, `x-amz-date` and, with a session token, `x-amz-security-token`. All headers that are there
    /// are signed, `host` among them, except those that proxies may change. `url` is the whole address.
    pub fn sign<B: AsRef<[u8]>>(
        &self,
        request: &mut Request<B>,
        url: &str,
        credentials: &Credentials,
        now_us: u64,
    ) -> Result<(), SignError> {
        let failed = |e: &dyn std::error::Error| SignError(e.to_string());
        let identity = aws_credential_types::Credentials::new(
            &credentials.access_key_id,
            credentials.secret(),
            credentials.session_token().map(str::to_owned),
            None,
            "forebay",
        )
        .into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(UNIX_EPOCH + Duration::from_secs(now_us / 1_000_000))
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| failed(&e))?
            .into();
        let headers = request
            .headers()
            .iter()
            .filter_map(|(name, value)| value.to_str().ok().map(|value| (name.as_str(), value)));
        let body = SignableBody::Bytes(request.body().as_ref());
        let signable =
            SignableRequest::new(request.method().as_str(), url, headers, body).map_err(|e| failed(&e))?;
        let (instructions, _) = sign(signable, &params).map_err(|e| failed(&e))?.into_parts();
        let (headers, _) = instructions.into_parts();
        for header in headers {
            let mut value = HeaderValue::from_str(header.value()).map_err(|e| failed(&e))?;
            value.set_sensitive(header.sensitive());
            request.headers_mut().insert(HeaderName::from_static(header.name()), value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::secret::Secret;

    /// The example of the AWS documentation ("Create a signed AWS API request", the suite's `post-vanilla`), with the
    /// suite's service and keys.
    #[test]
    fn the_suites_post_vanilla() {
        let signer = Signer { region: "us-east-1".to_owned(), service: "service" };
        let credentials =
            Credentials::new("AKIDEXAMPLE", Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), None);
        let mut request =
            Request::post("/").header("host", "example.amazonaws.com").body(b"".as_slice()).unwrap();
        // 2015-08-30T12:36:00Z
        signer
            .sign(&mut request, "https://example.amazonaws.com/", &credentials, 1_440_938_160_000_000)
            .unwrap();
        assert_eq!(request.headers()["x-amz-date"], "20150830T123600Z");
        assert_eq!(
            request.headers()["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
    }

    #[test]
    fn a_session_token_goes_along_and_nothing_secret_is_printed() {
        let signer = Signer::dynamodb("eu-west-1");
        let credentials = Credentials::new("AKID", Secret::new("hush"), Some(Secret::new("token")));
        let mut request = Request::post("/").header("host", "localhost:8000").body(b"{}".as_slice()).unwrap();
        signer.sign(&mut request, "http://localhost:8000/", &credentials, 1_700_000_000_000_000).unwrap();
        assert_eq!(request.headers()["x-amz-security-token"], "token");
        let printed = format!("{signer:?} {request:?}");
        assert!(!printed.contains("hush") && !printed.contains("\"token\""), "{printed}");
    }
}
