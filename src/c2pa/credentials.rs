//! The owner's certificate and key: read once, and looked at as who checks an export will look at them.

use std::fmt;

use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::{
    OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ED25519, OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, Oid, asn1_rs::oid,
};
use x509_parser::pem::Pem;
use x509_parser::x509::X509Version;
use zeroize::Zeroizing;

use crate::crypto::Signer;
use crate::media::SignerId;
use crate::types::Timestamp;

/// Most bytes of all certificates together, which stand in every export.
const MOST_BYTES: usize = 48 * 1024;
/// Uses besides mail that C2PA's certificates are for: documents, and the claims of C2PA as its own list and Microsoft name them.
const USES: [Oid<'static>; 3] =
    [oid!(1.3.6.1.5.5.7.3.36), oid!(1.3.6.1.4.1.62558.2.1), oid!(1.3.6.1.4.1.311.76.59.1.9)];
/// Signatures over SHA-1, which others make for other contents: by RSA under both names, by ECDSA and DSA.
const SHA1: [Oid<'static>; 4] =
    [oid!(1.2.840.113549.1.1.5), oid!(1.3.14.3.2.29), oid!(1.2.840.10045.4.1), oid!(1.2.840.10040.4.3)];

/// A certificate with those that vouch for it, and its key.
pub struct Credentials {
    chain: Vec<Vec<u8>>,
    signer: Signer,
    id: SignerId,
    subject: String,
    begins: Timestamp,
    ends: Timestamp,
}

/// The key is for nobody's eyes.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl Credentials {
    /// From the texts of both files (PEM): the signer's certificate first, behind it whoever vouches for the one before.
    ///
    /// # Errors
    /// What is wrong with them, and what to do.
    pub fn read(certificates: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain = ders(certificates)?;
        let parsed = chain.iter().map(|der| parsed(der)).collect::<Result<Vec<_>, _>>()?;
        let leaf = parsed.first().ok_or("the certificate file has no certificate in it")?;
        // The kind of key first: with another kind, nothing else is of use.
        let public = is_ours(leaf)?;
        is_for_this(leaf)?;
        parsed.iter().try_for_each(is_sound)?;
        in_order(&parsed)?;
        let signer = signer(key)?;
        if signer.public().as_bytes() != public {
            return Err("the key is not that of the first certificate".to_owned());
        }
        let mut hasher = blake3::Hasher::new();
        for der in &chain {
            hasher.update(&(der.len() as u64).to_le_bytes());
            hasher.update(der);
        }
        let id = SignerId(*hasher.finalize().as_bytes());
        let begins = parsed.iter().map(|c| c.validity().not_before.timestamp()).max().unwrap_or(i64::MAX);
        let ends = parsed.iter().map(|c| c.validity().not_after.timestamp()).min().unwrap_or(0);
        let (begins, ends) = (Timestamp::from_secs(begins), Timestamp::from_secs(ends));
        let subject = leaf.subject().to_string();
        Ok(Self { signer, id, subject, begins, ends, chain })
    }

    /// Which certificates these are.
    #[must_use]
    pub const fn id(&self) -> SignerId {
        self.id
    }

    /// Whose name is in it.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// When the first of them ends.
    #[must_use]
    pub const fn ends(&self) -> Timestamp {
        self.ends
    }

    /// Why nothing can be signed at that time.
    #[must_use]
    pub fn out_of_date(&self, now: Timestamp) -> Option<String> {
        if now >= self.ends {
            return Some(format!(
                "the certificate of {} ended on {}; put a new one in its place and restart the daemon",
                self.subject, self.ends
            ));
        }
        (now < self.begins).then(|| format!("the certificate of {} begins on {}", self.subject, self.begins))
    }

    pub(super) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.signer.sign(message)
    }
}

fn ders(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut ders = Vec::new();
    for pem in Pem::iter_from_buffer(text) {
        let pem = pem.map_err(|e| format!("the certificate file is no PEM: {e}"))?;
        if pem.label != "CERTIFICATE" {
            return Err(format!("the certificate file has a {} in it; it is for certificates alone", pem.label));
        }
        ders.push(pem.contents);
    }
    if ders.iter().map(Vec::len).sum::<usize>() > MOST_BYTES {
        return Err(format!("the certificates have more than {MOST_BYTES} bytes, which would stand in every export"));
    }
    Ok(ders)
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    match x509_parser::parse_x509_certificate(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err("there is more behind a certificate".to_owned()),
        Err(e) => Err(format!("a certificate cannot be read: {e}")),
    }
}

/// The leaf's public key, of the one kind that signs the same bytes in the same way each time.
fn is_ours<'a>(leaf: &'a X509Certificate<'_>) -> Result<&'a [u8], String> {
    let key = leaf.public_key();
    if key.algorithm.algorithm == OID_SIG_ED25519 {
        return Ok(&key.subject_public_key.data);
    }
    let kind = if key.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY { "ECDSA (ES256)" } else { "another kind" };
    Err(format!(
        "the certificate's key is {kind}, whose signatures are by chance: the same export would never be the same bytes; take an Ed25519 one"
    ))
}

/// What those who check it ask of a certificate (C2PA 2, 14.5.1).
fn is_for_this(leaf: &X509Certificate<'_>) -> Result<(), String> {
    let unread = |e| format!("the certificate cannot be read: {e}");
    if leaf.version() != X509Version::V3 {
        return Err("the certificate is of an old kind; X.509 v3 is asked for".to_owned());
    }
    if leaf.is_ca() || leaf.subject() == leaf.issuer() {
        return Err(
            "the first certificate is an authority's own, which signs no pictures; let it issue one to sign with"
                .to_owned(),
        );
    }
    let usage = leaf.key_usage().map_err(unread)?.map(|usage| usage.value);
    if !usage.is_some_and(|usage| usage.digital_signature()) {
        return Err("the certificate is not for signatures (key usage digitalSignature)".to_owned());
    }
    if usage.is_some_and(|usage| usage.key_cert_sign()) {
        return Err(
            "the certificate may issue others (key usage keyCertSign), which is an authority's; take one without"
                .to_owned(),
        );
    }
    if leaf.get_extension_unique(&OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER).map_err(unread)?.is_none() {
        return Err("the certificate does not tell by which key it was issued (authorityKeyIdentifier)".to_owned());
    }
    let usage = leaf.extended_key_usage().map_err(unread)?.map(|usage| usage.value);
    if usage.is_some_and(|usage| usage.time_stamping || usage.ocsp_signing) {
        return Err(
            "the certificate is for the time (timeStamping) or for the state of others (OCSPSigning), too; who checks it wants one for signatures alone"
                .to_owned(),
        );
    }
    let is_use = |usage: &Oid<'_>| USES.contains(usage);
    let fits = usage.is_some_and(|usage| !usage.any && (usage.email_protection || usage.other.iter().any(is_use)));
    if !fits {
        return Err(
            "the certificate is for other uses: its extended key usage has none of emailProtection (1.3.6.1.5.5.7.3.4), documentSigning (1.3.6.1.5.5.7.3.36) and C2PA's own (1.3.6.1.4.1.62558.2.1)"
                .to_owned(),
        );
    }
    Ok(())
}

/// What no certificate of a chain may have.
fn is_sound(one: &X509Certificate<'_>) -> Result<(), String> {
    // Nobody looks at the signature of a root, which it made itself.
    if one.subject() != one.issuer() && SHA1.contains(&one.signature_algorithm.algorithm) {
        return Err(format!("{} is signed over SHA-1, which is broken; let it be issued anew", one.subject()));
    }
    if one.issuer_uid.is_some() || one.subject_uid.is_some() {
        return Err(format!("{} has unique ids of its issuer or subject, which C2PA does not allow", one.subject()));
    }
    let is_unknown = |parsed: &ParsedExtension<'_>| {
        matches!(
            parsed,
            ParsedExtension::UnsupportedExtension { .. }
                | ParsedExtension::ParseError { .. }
                | ParsedExtension::Unparsed
        )
    };
    match one.extensions().iter().find(|extension| extension.critical && is_unknown(extension.parsed_extension())) {
        Some(extension) => Err(format!(
            "{} has a critical extension that nobody here understands ({}); let it be issued without",
            one.subject(),
            extension.oid
        )),
        None => Ok(()),
    }
}

/// Each is vouched for by the one behind it.
fn in_order(chain: &[X509Certificate<'_>]) -> Result<(), String> {
    for pair in chain.windows(2) {
        let [one, above] = pair else { continue };
        let is_next = above.is_ca() && one.issuer() == above.subject();
        let vouched = one.verify_signature(Some(above.public_key()));
        if is_next && matches!(vouched, Err(X509Error::SignatureUnsupportedAlgorithm)) {
            return Err(format!(
                "{} cannot be checked: how {} signed it is not known here ({}); known are Ed25519, ECDSA on P-256 and P-384, and RSA",
                one.subject(),
                above.subject(),
                one.signature_algorithm.algorithm
            ));
        }
        if !is_next || vouched.is_err() {
            return Err(format!(
                "the certificates are not in order: {} does not vouch for {}, which stands before it",
                above.subject(),
                one.subject()
            ));
        }
    }
    Ok(())
}

fn signer(text: &[u8]) -> Result<Signer, String> {
    const UNREAD: &str = "the key file is no PEM with an Ed25519 key in it (PKCS#8, not encrypted), as `openssl genpkey -algorithm ed25519` makes it";
    let mut keys = Pem::iter_from_buffer(text);
    let (Some(Ok(pem)), None) = (keys.next(), keys.next()) else { return Err(UNREAD.to_owned()) };
    let der = Zeroizing::new(pem.contents);
    Some(&der)
        .filter(|_| pem.label == "PRIVATE KEY")
        .and_then(|der| Signer::from_pkcs8(der).ok())
        .ok_or_else(|| UNREAD.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// No program that is at hand issues such.
    #[test]
    fn unique_ids_are_refused() {
        const KEY: &[u8] = b"\x06\x03\x2b\x65\x70\x03\x21\0";
        let leaf = ders(include_bytes!("fixtures/leaf.pem")).unwrap().remove(0);
        is_sound(&parsed(&leaf).unwrap()).unwrap();
        let behind = leaf.windows(KEY.len()).position(|part| part == KEY).unwrap() + KEY.len() + 32;
        for id in [b"\x81\x02\0\x01", b"\x82\x02\0\x01"] {
            let mut der = [&leaf[..behind], id, &leaf[behind..]].concat();
            // Of the whole, and of what is signed of it.
            for at in [2, 6] {
                let length = u16::from_be_bytes([der[at], der[at + 1]]) + 4;
                der[at..at + 2].copy_from_slice(&length.to_be_bytes());
            }
            let refused = is_sound(&parsed(&der).unwrap()).unwrap_err();
            assert!(refused.contains("unique ids"), "{refused}");
        }
    }
}
