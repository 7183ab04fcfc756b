//! TLS that does not deadlock in 1970: certificates are judged by [`Clock`], and while that is not trusted, a certificate
//! from after the clock's floor counts as valid (the true time is later than the floor; how much later is not known).

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::secret;
use crate::clock::Clock;

#[cfg(test)]
mod tests;

/// A chain is a few certificates long; each may begin later than the one before.
const CERTIFICATES_IN_A_CHAIN: usize = 8;

/// A client's configuration: the system's roots, and those of a PEM file.
pub fn config(ca_file: Option<&Path>, clock: &Clock) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    add_system(&mut roots)?;
    build(roots, None, clock)
}

/// A client's configuration that trusts the authorities of a PEM file alone where one is given (else the system's), and
/// shows a certificate of its own where it has one: the files of its chain and of its key.
pub fn mutual(
    ca_file: Option<&Path>,
    identity: Option<(&Path, &Path)>,
    clock: &Clock,
) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => add_file(&mut roots, path)?,
        None => add_system(&mut roots)?,
    }
    build(roots, identity, clock)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    for certificate in certificates("ca_file", path)? {
        roots.add(certificate).map_err(|e| format!("ca_file {}: {e}", path.display()))?;
    }
    Ok(())
}

/// The certificates of a PEM file; at least one.
fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |e: &dyn fmt::Display| format!("{key} {}: {e}", path.display());
    let path = &secret::expand(path).map_err(|e| failed(&e))?;
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(found) if found.is_empty() => Err(failed(&"it holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(failed(&error)),
    }
}

fn add_system(roots: &mut RootCertStore) -> Result<(), String> {
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("this system has no CA certificates: install ca-certificates, or set ca_file".to_owned());
    }
    Ok(())
}

fn build(
    roots: RootCertStore,
    identity: Option<(&Path, &Path)>,
    clock: &Clock,
) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|e| e.to_string())?;
    let time = Arc::new(ClockTime(clock.clone()));
    let verifier = Arc::new(Patient { inner, clock: clock.clone() });
    let config = ClientConfig::builder_with_details(provider, time)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some((chain, key_file)) = identity else { return Ok(config.with_no_client_auth()) };
    let key = private_key(key_file)?;
    let chain = certificates("cert_file", chain)?;
    config.with_client_auth_cert(chain, key).map_err(|e| format!("key_file {}: {e}", key_file.display()))
}

/// The key of a PEM file that not everybody may read.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let failed = |e: &dyn fmt::Display| format!("key_file {}: {e}", path.display());
    let expanded = secret::expand(path).map_err(|e| failed(&e))?;
    secret::refuse_public(&expanded).map_err(|e| format!("key_file: {e}"))?;
    PrivateKeyDer::from_pem_file(&expanded).map_err(|e| failed(&e))
}

/// Whether the files for [`mutual`] are what they should be, as far as can be told before there is a connection.
pub fn check(ca_file: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<(), String> {
    if let Some(path) = ca_file {
        add_file(&mut RootCertStore::empty(), path)?;
    }
    if let Some((chain, key)) = identity {
        let (chain, key_file) = (certificates("cert_file", chain)?, key);
        let key = private_key(key_file)?;
        CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())
            .map_err(|e| format!("key_file {}: {e}", key_file.display()))?;
    }
    Ok(())
}

struct ClockTime(Clock);

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_micros(self.0.now_us())))
    }
}

/// WebPKI's verifier, but for certificates from after the floor of a clock that is not trusted.
struct Patient {
    inner: Arc<WebPkiServerVerifier>,
    clock: Clock,
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient")
    }
}

impl ServerCertVerifier for Patient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify =
            |at| self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at);
        let mut at = now;
        for _ in 0..CERTIFICATES_IN_A_CHAIN {
            match verify(at) {
                Err(Error::InvalidCertificate(CertificateError::NotValidYetContext {
                    not_before, ..
                })) if not_before > at && !self.clock.trusted() => {
                    at = not_before;
                }
                verdict => return verdict,
            }
        }
        verify(at)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
