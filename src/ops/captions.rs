//! The library's captions: templates in a text in its folder, read again whenever it has changed. The last one without a mistake is in force, and
//! kept in the catalogue with the time since when it is.

use std::sync::{Arc, PoisonError, RwLock};

use damfs_policy::{Captions, captions};
use serde_json::{Value, json};

use super::own_text::{OwnText, Seen, Stamp};
use super::{Actor, Library, OpsError};
use crate::audit;
use crate::catalog::{CatalogError, ChangeKind, ReadTx};

/// The templates, in the library's folder.
pub const FILE: &str = "captions.toml";

/// What the templates in force are kept under.
const KEPT: &str = "captions";

/// The templates of a library.
pub(super) struct CaptionsInForce {
    book: RwLock<Arc<Captions>>,
    file: OwnText,
}

impl CaptionsInForce {
    /// Those that were in force when the library was used last; at first those that ship.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub(super) fn kept(tx: &dyn ReadTx) -> Result<Self, CatalogError> {
        let broken = |why: String| CatalogError::Damaged(format!("the templates of captions: {why}"));
        let book = match tx.meta(KEPT)? {
            None => Arc::clone(captions::shipped()),
            Some(kept) => {
                let (since, text): (Option<i64>, String) =
                    serde_json::from_str(&kept).map_err(|e| broken(e.to_string()))?;
                let mut book = Captions::parse(&text, None).map_err(|e| broken(e.0))?;
                book.since = since;
                Arc::new(book)
            }
        };
        Ok(Self { book: RwLock::new(book), file: OwnText::unread(FILE) })
    }

    fn put(&self, book: Arc<Captions>) {
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = book;
    }
}

fn decode(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|e| format!("{FILE} is no UTF-8 text: {e}"))
}

impl Library {
    /// The templates in force.
    #[must_use]
    pub fn captions(&self) -> Arc<Captions> {
        Arc::clone(&self.captions.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is wrong with the library's `captions.toml`.
    #[must_use]
    pub fn captions_fault(&self) -> Option<String> {
        self.captions.file.fault()
    }

    /// Reads the templates when the library is opened: without any those that ship are in force, and a mistake changes nothing.
    pub(super) fn first_captions(&self) -> Result<(), OpsError> {
        let file = &self.captions.file;
        match file.bytes(self.root()) {
            Ok(None) => Ok(self.post_by(Captions::clone(captions::shipped()), "damfs")?),
            Ok(Some(_)) | Err(_) => self.read_captions(&mut file.seen(), file.stamp(self.root())),
        }
    }

    /// Reads the templates again when their file has become another. One that is gone is a mistake, too: an editor may be saving it.
    pub(super) fn sweep_captions(self: &Arc<Self>) -> Result<(), OpsError> {
        let file = &self.captions.file;
        let mut seen = file.seen();
        match file.changed(self.root(), &mut seen) {
            Some(now) => self.read_captions(&mut seen, now),
            None => Ok(()),
        }
    }

    fn read_captions(&self, seen: &mut Seen, now: Option<Stamp>) -> Result<(), OpsError> {
        let parse = |text: String| Captions::parse(&text, Some(&self.gate.platforms())).map_err(|e| e.0);
        let fault = match self.captions.file.must(self.root()).and_then(decode).and_then(parse) {
            Ok(book) => {
                self.post_by(book, "damfs")?;
                None
            }
            Err(fault) => {
                self.trouble("caption", format!("{fault}; the captions before it stay in force"));
                Some(fault)
            }
        };
        seen.read(now, fault);
        Ok(())
    }

    /// From now on captions are made by these templates; on record, or those before them stay in force.
    fn post_by(&self, mut book: Captions, actor: &str) -> Result<(), CatalogError> {
        let before = self.captions();
        if *before == book {
            return Ok(());
        }
        let now = self.clock.now();
        book.since = Some(now.as_nanos());
        let kept = json!([book.since, book.text()]).to_string();
        let sections = json!({ "sections": book.list().map(|[name, ..]| name).collect::<Vec<_>>() });
        // First, for who hears of the change looks by the new templates.
        self.captions.put(Arc::new(book));
        let recorded = self.catalog.write(|tx| -> Result<(), CatalogError> {
            tx.set_meta(KEPT, &kept)?;
            audit::append(tx, super::CHAIN, now, actor, "captions.change", FILE, &sections)?;
            tx.change(ChangeKind::Access, FILE)
        });
        if recorded.is_err() {
            self.captions.put(before);
        }
        recorded
    }
}

/// What each section says: `dam caption list`.
#[must_use]
pub fn list(library: &Library) -> Value {
    let book = library.captions();
    let told = |[section, disclosure, link, hashtags]: [String; 4]| json!({ "section": section, "disclosure": disclosure, "link": link, "hashtags": hashtags });
    json!({ "sections": book.list().map(told).collect::<Vec<_>>() })
}

/// The text as it stands in the library's folder, for who may put another in its place.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin.
pub fn text(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    actor.must_be_admin("change the captions")?;
    Ok(json!({ "text": stands(library)? }))
}

/// Puts another text in the place of the one that `base` is: it is in force when this returns.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Usage`] for a text with a mistake; [`OpsError::Failed`] when another one was put
/// there meanwhile.
pub fn put(library: &Library, actor: &Actor, text: &str, base: &str) -> Result<Value, OpsError> {
    actor.must_be_admin("change the captions")?;
    let book = Captions::parse(text, Some(&library.gate.platforms()))
        .map_err(|e| OpsError::usage(e.0, "nothing was changed; mend it and put it in again"))?;
    let file = &library.captions.file;
    let mut seen = file.seen();
    if stands(library)? != base {
        return Err(OpsError::failed(
            "somebody else has changed the captions meanwhile; nothing was changed",
            "edit them once more: dam caption edit",
        ));
    }
    file.replace(library.root(), text)?;
    let sections = book.list().count();
    // Until they are in force the file counts as not read: the next beat tries again.
    library.post_by(book, &actor.member.name)?;
    seen.read(file.stamp(library.root()), None);
    Ok(json!({ "sections": sections }))
}

/// What stands in the file.
fn stands(library: &Library) -> Result<String, OpsError> {
    match library.captions.file.bytes(library.root())? {
        None => Ok(Captions::TEMPLATE.to_owned()),
        Some(bytes) => decode(bytes).map_err(|why| OpsError::failed(why, "mend it in the library's folder")),
    }
}
