//! The owner's certificate and key: read once, and looked at as who checks an export will look at them.

use std::fmt;

use x509_parser::certificate::X509Certificate;
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
/// Documents, as C2PA says whose certificates are for it.
const DOCUMENTS: Oid<'static> = oid!(1.3.6.1.5.5.7.3.36);

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
    if !leaf.key_usage().map_err(unread)?.is_some_and(|usage| usage.value.digital_signature()) {
        return Err("the certificate is not for signatures (key usage digitalSignature)".to_owned());
    }
    if leaf.get_extension_unique(&OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER).map_err(unread)?.is_none() {
        return Err("the certificate does not tell by which key it was issued (authorityKeyIdentifier)".to_owned());
    }
    let usage = leaf.extended_key_usage().map_err(unread)?.map(|usage| usage.value);
    let fits = usage.is_some_and(|usage| !usage.any && (usage.email_protection || usage.other.contains(&DOCUMENTS)));
    if !fits {
        return Err(
            "the certificate is for other uses: its extended key usage has neither emailProtection (1.3.6.1.5.5.7.3.4) nor documentSigning (1.3.6.1.5.5.7.3.36)"
                .to_owned(),
        );
    }
    Ok(())
}

/// Each is vouched for by the one behind it.
fn in_order(chain: &[X509Certificate<'_>]) -> Result<(), String> {
    for pair in chain.windows(2) {
        let [one, above] = pair else { continue };
        let vouched =
            above.is_ca() && one.issuer() == above.subject() && one.verify_signature(Some(above.public_key())).is_ok();
        if !vouched {
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
