//! Who signs exports: a certificate of the library's owner (`[c2pa]` in `damfs.toml`), read once, when the library is opened.

#[cfg(not(feature = "c2pa"))]
mod without;

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

#[cfg(not(feature = "c2pa"))]
use without as c2pa;

#[cfg(feature = "c2pa")]
use crate::c2pa;

use self::c2pa::Credentials;
use super::Library;
use super::library::OpenError;
use crate::blob::ObjectKind;
use crate::clock::SharedClock;
use crate::media::{Claim, MediaError, Sealer, SignerId, StillFormat};
use crate::types::Timestamp;
use crate::view::tree::{Lacks, Unsigned};

/// Most bytes of either file.
const MOST_BYTES: u64 = 1 << 20;
/// Of the key's mode: whatever anybody but its owner may.
const OTHERS: u32 = 0o077;
/// How long before a certificate's end that is said.
const SOON_MS: i64 = 30 * 24 * 3_600_000;

/// Where the certificate and its key are; a path that does not begin at the root begins in the library's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct C2paInfo {
    /// The signer's certificate and those that vouch for it, as PEM.
    pub certificate: PathBuf,
    /// Its key: Ed25519, as PEM of PKCS#8.
    pub key: PathBuf,
}

/// What signs; nothing without a certificate.
#[derive(Debug, Default)]
pub(super) struct Signing(Option<Credentials>);

impl Signing {
    /// Reads them. One that is out of date keeps nobody from the library: it signs nothing.
    pub(super) fn open(info: Option<&C2paInfo>, root: &Path) -> Result<Self, OpenError> {
        let Some(info) = info else { return Ok(Self::default()) };
        read(info, root).map(|credentials| Self(Some(credentials))).map_err(OpenError::Signing)
    }

    /// Which certificates sign.
    pub(super) fn id(&self) -> Option<SignerId> {
        self.0.as_ref().map(Credentials::id)
    }

    /// Why nothing that is to be signed can be.
    fn out_of_date(&self, now: Timestamp) -> Option<String> {
        self.0.as_ref()?.out_of_date(now)
    }

    /// What is to be said of it.
    fn fault(&self, now: Timestamp) -> Option<String> {
        let credentials = self.0.as_ref()?;
        credentials.out_of_date(now).or_else(|| {
            let ends = credentials.ends();
            (ends.ms_since(now) < SOON_MS).then(|| {
                let subject = credentials.subject();
                format!(
                    "the certificate of {subject} ends on {ends}; put a new one in its place and restart the daemon"
                )
            })
        })
    }
}

fn read(info: &C2paInfo, root: &Path) -> Result<Credentials, String> {
    if cfg!(not(feature = "c2pa")) {
        return Credentials::read(b"", b"");
    }
    let certificate = text(&root.join(&info.certificate), |_| Ok(()))?;
    let owner = fs::metadata(root).map_err(|e| format!("{} cannot be read: {e}", root.display()))?.uid();
    let key = text(&root.join(&info.key), |file| {
        let meta = file.metadata().map_err(|e| format!("cannot be read: {e}"))?;
        let me = rustix::process::geteuid().as_raw();
        if meta.mode() & OTHERS != 0 {
            return Err("is open to others than its owner; take that away with chmod go=".to_owned());
        }
        // Root opens others' libraries with their keys.
        if meta.uid() != me && meta.uid() != 0 && meta.uid() != owner {
            return Err(format!("belongs to user id {}, not to whom the library belongs to", meta.uid()));
        }
        Ok(())
    })?;
    Credentials::read(&certificate, &key)
}

/// A file whole, once it is looked at.
fn text(path: &Path, look: impl Fn(&File) -> Result<(), String>) -> Result<Zeroizing<Vec<u8>>, String> {
    let failed = |why: String| format!("{} {why}", path.display());
    // What is no file keeps nobody waiting.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|e| failed(format!("cannot be opened: {e}")))?;
    let length = file.metadata().ok().filter(fs::Metadata::is_file).map(|meta| meta.len());
    let length = length.filter(|length| *length <= MOST_BYTES).ok_or_else(|| failed("is no such file".to_owned()))?;
    look(&file).map_err(failed)?;
    // Of its whole size from the beginning: nothing of it is left behind where it grows.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1)));
    file.take(length).read_to_end(&mut text).map_err(|e| failed(format!("cannot be read: {e}")))?;
    Ok(text)
}

/// Signs as long as the certificate is in date.
pub(super) struct Sealing<'a> {
    signing: &'a Signing,
    clock: &'a SharedClock,
}

impl Sealer for Sealing<'_> {
    fn seal(&self, file: &[u8], format: StillFormat, claim: &Claim<'_>) -> Result<Vec<u8>, MediaError> {
        let failed = |why| MediaError::Unwritable { format: format.name().to_owned(), why };
        let by = self.signing.0.as_ref().ok_or_else(|| failed("there is no certificate to sign it with".to_owned()))?;
        match by.out_of_date(self.clock.now()) {
            Some(why) => Err(failed(why)),
            None => c2pa::seal(file, format, claim, by).map_err(failed),
        }
    }
}

impl Library {
    /// Which certificates sign exports, if any do.
    #[must_use]
    pub fn signer_id(&self) -> Option<SignerId> {
        self.signing.id()
    }

    /// What cannot be rendered now, as far as that is known, and why.
    #[must_use]
    pub fn lacks(&self) -> Lacks {
        let signed = self.unsigned().map(|why| {
            let vault = Arc::clone(&self.vault);
            // What fails is told to whoever reads it.
            let is_kept = move |name: &str| vault.has_object(ObjectKind::Rendition, name).unwrap_or(true);
            Unsigned { why, is_kept: Arc::new(is_kept) }
        });
        Lacks { signed, ..self.converter.lacks() }
    }

    /// Why nothing that is to be signed can be, now.
    pub(super) fn unsigned(&self) -> Option<String> {
        self.signing.out_of_date(self.clock.now())
    }

    pub(super) const fn sealer(&self) -> Sealing<'_> {
        Sealing { signing: &self.signing, clock: &self.clock }
    }

    pub(super) fn signing_fault(&self) -> Option<String> {
        self.signing.fault(self.clock.now())
    }
}

/// What the manifest in an export is called, when it is signed.
#[must_use]
pub fn manifest_of(file: &[u8]) -> Option<String> {
    c2pa::manifest_of(file)
}
