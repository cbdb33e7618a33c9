//! TLS as libpq has it: the six modes of `sslmode` (PostgreSQL manual, 34.19).
//!
//! Two modes encrypt without asking who is there (`prefer`, and `require` without a root
//! certificate), one asks whether the certificate is of a known authority (`verify-ca`), and one whether
//! it is this server's as well (`verify-full`). There is one TLS stack, rustls with ring.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use switchback_model::{DatabaseUrl, Failure, Result, code};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where systems keep the certificates of the authorities that they trust: Debian, RHEL, SUSE,
/// Alpine and BSD.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What `sslmode` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Never.
    Disable,
    /// Where the server insists.
    Allow,
    /// Where the server can.
    Prefer,
    /// Always, whoever answers.
    Require,
    /// Always, with a certificate of a known authority.
    VerifyCa,
    /// That, and for this name.
    VerifyFull,
}

impl Mode {
    /// The mode of a URL. On a socket there is no TLS, whatever is asked for.
    pub(crate) fn of(url: &DatabaseUrl, on_socket: bool) -> Result<Self> {
        let system = url.parameter("sslrootcert") == Some("system");
        let mode = match url.parameter("sslmode") {
            None if system => Self::VerifyFull,
            Some("disable") => Self::Disable,
            Some("allow") => Self::Allow,
            None | Some("prefer") => Self::Prefer,
            Some("require") => Self::Require,
            Some("verify-ca") => Self::VerifyCa,
            Some("verify-full") => Self::VerifyFull,
            Some(other) => {
                return Err(Failure::new(code::URL_INVALID, format!("`{other}` is no sslmode"))
                    .hint("it is one of disable, allow, prefer, require, verify-ca, verify-full"));
            }
        };
        if system && mode != Self::VerifyFull {
            let message =
                "sslrootcert=system goes with sslmode=verify-full alone: those authorities sign for anybody";
            return Err(Failure::new(code::URL_INVALID, message).hint("write sslmode=verify-full"));
        }
        Ok(if on_socket { Self::Disable } else { mode })
    }
}

/// The file of the authorities that this system trusts.
pub fn system_roots() -> Option<&'static str> {
    BUNDLES.iter().find(|path| Path::new(path).is_file()).copied()
}

/// What makes a connection of this mode.
pub(crate) fn connector(url: &DatabaseUrl, mode: Mode) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS", &error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier(url, mode, provider)?);
    let config = match client_certificate(url, mode)? {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| unusable("the client certificate of the URL (sslcert, sslkey)", &error))?,
        None => builder.with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn unusable(what: &str, error: &Error) -> Failure {
    Failure::new(code::TLS, format!("{what} can't be used")).because(error)
}

fn verifier(
    url: &DatabaseUrl,
    mode: Mode,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    let root = url.parameter("sslrootcert").filter(|path| !path.is_empty());
    let checks = match (mode, root) {
        // As libpq has it: who names an authority wants it looked at.
        (Mode::Require | Mode::VerifyCa | Mode::VerifyFull, Some(root)) => root,
        (Mode::VerifyCa | Mode::VerifyFull, None) => return Err(no_root(mode)),
        _ => return Ok(Arc::new(Anybody { provider })),
    };
    let inner =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots(checks)?), provider).build().map_err(
            |error| Failure::new(code::TLS, format!("{checks} can't be used as sslrootcert")).because(&error),
        )?;
    Ok(if mode == Mode::VerifyFull { inner } else { Arc::new(AnyName { inner }) })
}

fn no_root(mode: Mode) -> Failure {
    let asked = if mode == Mode::VerifyCa { "verify-ca" } else { "verify-full" };
    let message = format!("sslmode={asked} needs the certificate of an authority, and none is named");
    Failure::new(code::TLS, message)
        .changed("nothing was touched")
        .hint("name it in the URL: sslrootcert=/path/ca.pem; libpq's usual place is ~/.postgresql/root.crt")
        .hint("or sslrootcert=system for a server whose certificate is of a public authority")
}

fn roots(named: &str) -> Result<RootCertStore> {
    let missing = || {
        Failure::new(code::TLS, "sslrootcert=system, and this system has no file of authorities")
            .hint("apt-get install ca-certificates")
    };
    let path = if named == "system" { system_roots().ok_or_else(missing)? } else { named };
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(certificates(path)?);
    if added == 0 {
        return Err(Failure::new(code::TLS, format!("{path} holds no certificate that can be used")));
    }
    Ok(store)
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
    read.map_err(|error| {
        Failure::new(code::TLS, format!("the certificates in {path} can't be read"))
            .because(&error)
            .hint("look at sslrootcert and sslcert in the URL, PGSSLROOTCERT, PGSSLCERT and ~/.postgresql")
    })
}

type Login = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client_certificate(url: &DatabaseUrl, mode: Mode) -> Result<Option<Login>> {
    let named = |name| url.parameter(name).filter(|path: &&str| !path.is_empty());
    let (Some(certificate), Some(key)) = (named("sslcert"), named("sslkey")) else { return Ok(None) };
    if mode == Mode::Disable {
        return Ok(None);
    }
    private(key)?;
    let read = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        Failure::new(code::TLS, format!("the key in {key} can't be read"))
            .because(&error)
            .hint("a key with a pass phrase can't be used; without one it is made by: openssl pkey -in KEY -out NEW")
    })?;
    Ok(Some((certificates(certificate)?, read)))
}

/// libpq refuses a key that others can read (PostgreSQL manual, 34.19.2).
fn private(key: &str) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(key)
        .map_err(|error| Failure::new(code::TLS, format!("the key {key} can't be read")).because(&error))?;
    // root's own key may be read by a group that it was given to.
    let others = if file.uid() == 0 { 0o037 } else { 0o077 };
    if file.mode() & others == 0 {
        return Ok(());
    }
    Err(Failure::new(code::TLS, format!("others can read the key {key}")).hint(format!("chmod 600 {key}")))
}

/// What went wrong with TLS, where that is what a connection failed by.
pub(crate) fn failure(url: &DatabaseUrl, place: &str, error: &tokio_postgres::Error) -> Option<Failure> {
    let mode = url.parameter("sslmode").unwrap_or("verify-full");
    if tells(error, "server does not support TLS") {
        let message = format!("the server at {place} does not speak TLS, and sslmode={mode} asks for it");
        return Some(
            Failure::new(code::TLS, message)
                .hint("look whether that is the right server and port; on it: show ssl")
                .hint("without TLS everybody on the way can read along: sslmode=disable only on a network of your own"),
        );
    }
    let Some(tls) = rustls_error(error) else {
        return tells(error, "invalid peer certificate")
            .then(|| Failure::new(code::TLS, format!("no TLS with {place}")));
    };
    let message = match tls {
        Error::InvalidCertificate(why) => certificate_message(why, url, place),
        Error::AlertReceived(_) => format!("the server at {place} broke off the TLS handshake"),
        _ => format!("no TLS connection to {place} comes about"),
    };
    let root = url.parameter("sslrootcert").unwrap_or("no file");
    Some(Failure::new(code::TLS, message).changed("no password was sent").hint(format!(
        "authorities are read from {root}; the server's certificate is shown by: {}",
        shown(url)
    )))
}

fn certificate_message(why: &CertificateError, url: &DatabaseUrl, place: &str) -> String {
    let what = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet",
        CertificateError::UnknownIssuer => "is of no authority that is trusted",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            return format!("the certificate of the server at {place} is not for the name `{}`", url.host());
        }
        _ => "can't be accepted",
    };
    format!("the certificate of the server at {place} {what}")
}

fn shown(url: &DatabaseUrl) -> String {
    let place = format!("{}:{}", url.host(), url.port().unwrap_or("5432"));
    format!("openssl s_client -starttls postgres -connect {place} </dev/null | openssl x509 -noout -text")
}

fn tells(error: &tokio_postgres::Error, words: &str) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.to_string().contains(words) {
            return true;
        }
        next = error.source();
    }
    false
}

fn rustls_error(error: &tokio_postgres::Error) -> Option<&Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<Error>()) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Encrypts, whoever is there; that the other side has the key of its certificate is still seen.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A certificate of a known authority, for whatever name.
#[derive(Debug)]
struct AnyName {
    inner: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        // The chain is looked at first, and the name only where the chain is good.
        match self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
