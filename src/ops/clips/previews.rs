//! Previews of clips for who may view and not download: marked with his name, made when they are first read, and kept as renders are.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::work::Failure;
use super::{PreviewKey, Tools, lock};
use crate::blob::{BlobError, ObjectKind};
use crate::catalog::{CatalogError, Outcome};
use crate::media::MediaError;
use crate::media::video::{self, FilledPreview, PREVIEW_BYTES, PREVIEW_RENDERER};
use crate::ops::Library;
use crate::ops::notices::Notice;
use crate::ops::renditions::Rendered;
use crate::ops::sandboxed::{Ended, Run, copy, nameless};
use crate::types::{ContentId, ReadAt, Timestamp};
use crate::view::recipes::preview_name;

/// Seconds of the processor that each try may take.
const SECONDS: u64 = 180;
/// Seconds by the clock for all of it, with the copying: where somebody waits, and where it comes behind everybody.
const AWAITED_SECONDS: u64 = 360;
const LAST_SECONDS: u64 = 4 * AWAITED_SECONDS;
/// What the encoder may write: what is too large is seen, and made smaller.
const MOST_BYTES: u64 = 16 * PREVIEW_BYTES;

/// A preview to be had: of which bytes, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub content: ContentId,
    /// What the bytes are.
    pub format: String,
    /// What the clip is called when something is said of it.
    pub name: String,
    /// The name of who reads it.
    pub mark: String,
}

/// Why there is none. Told to who may not have the clip: nothing of what a program says of its bytes.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// As things are: of these bytes, or here, none can be made.
    #[error("there is no preview of {name}: {why}")]
    None { name: String, why: String },
    /// None could be made just now.
    #[error("no preview of {name} can be made just now: {why}")]
    Passing { name: String, why: String },
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// What came of it for all who waited: each is told by the name that he knows the clip by.
pub(super) type Came = Result<Arc<FilledPreview>, Trouble>;

#[derive(Debug, Clone)]
pub(super) enum Trouble {
    None(String),
    Passing(String),
}

impl PreviewError {
    /// What is no good to who waits either: otherwise each of them would try at once, and copy the clip, what has just failed.
    fn shared(self) -> Result<Trouble, Self> {
        match self {
            Self::None { why, .. } => Ok(Trouble::None(why)),
            Self::Passing { why, .. } => Ok(Trouble::Passing(why)),
            e => Err(e),
        }
    }
}

impl Preview {
    fn told(&self, trouble: Trouble) -> PreviewError {
        match trouble {
            Trouble::None(why) => self.none(&why),
            Trouble::Passing(why) => self.passing(&why),
        }
    }

    fn object(&self) -> String {
        preview_name(self.content, &self.mark)
    }

    pub(super) fn key(&self) -> PreviewKey {
        (self.content, video::preview_hash(Some(&self.mark)))
    }

    /// What it rests as that took more than it is given. The background comes last and proves nothing to who waits.
    fn rests_as(&self, is_awaited: bool) -> [u8; 32] {
        let last = || *blake3::hash(&[b"damfs-preview/background ".as_slice(), &self.content.0].concat()).as_bytes();
        if is_awaited { self.content.0 } else { last() }
    }

    /// The same for whoever reads it.
    const fn rendered(&self, recipe: [u8; 32]) -> Rendered {
        Rendered { content: self.content, recipe, renderer: PREVIEW_RENDERER }
    }

    fn none(&self, why: &str) -> PreviewError {
        PreviewError::None { name: self.name.clone(), why: why.to_owned() }
    }

    pub(super) fn passing(&self, why: &str) -> PreviewError {
        PreviewError::Passing { name: self.name.clone(), why: why.to_owned() }
    }
}

impl Library {
    /// Whether a preview is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_preview_kept(&self, wanted: &Preview) -> Result<bool, BlobError> {
        self.vault.has_object(ObjectKind::Rendition, &wanted.object())
    }

    /// Whether there is a preview, or one can be made as far as that is known without trying.
    ///
    /// # Errors
    /// [`PreviewError::None`] when there is none and will be none, [`PreviewError::Passing`] when it is let alone for a while.
    pub fn may_preview(&self, wanted: &Preview) -> Result<(), PreviewError> {
        self.may_make(wanted, true)
    }

    fn may_make(&self, wanted: &Preview, is_awaited: bool) -> Result<(), PreviewError> {
        if self.is_preview_kept(wanted)? {
            return Ok(());
        }
        let recipe = video::preview_hash(None);
        let tried = self.catalog.read(|tx| tx.rendition(wanted.content, &recipe, PREVIEW_RENDERER))?;
        match (tried.map(|row| row.outcome), self.clips.unavailable()) {
            (Some(Outcome::Failed(why)), _) => Err(wanted.none(&why)),
            (_, Some(why)) => Err(wanted.none(why)),
            (_, None) => match self.converter.overran(wanted.rests_as(is_awaited), self.clock.now()) {
                Some(what) => Err(wanted.passing(&what)),
                None => Ok(()),
            },
        }
    }

    /// The bytes of a preview: kept ones, or made now, once for all who ask at a time.
    ///
    /// # Errors
    /// When there is none.
    pub fn preview(&self, wanted: &Preview) -> Result<Arc<FilledPreview>, PreviewError> {
        if let Some(there) = self.open_preview(wanted) {
            return Ok(there);
        }
        let came = self.clips.previews.share(&wanted.key(), || match self.kept_or_made(wanted, true) {
            Ok(made) => Ok(Ok(made)),
            Err(e) => e.shared().map(Err),
        })?;
        let made = came.map_err(|trouble| wanted.told(trouble))?;
        self.note_open(wanted, &made);
        Ok(made)
    }

    /// The same when that takes no more than reading them: never makes it.
    #[must_use]
    pub fn preview_at_hand(&self, wanted: &Preview) -> Option<Arc<FilledPreview>> {
        if let Some(there) = self.open_preview(wanted) {
            return Some(there);
        }
        let name = wanted.object();
        let kept = self.vault.get_object(ObjectKind::Rendition, &name).ok().flatten()?;
        self.note_read(&name);
        let filled = FilledPreview::new(kept).ok().map(Arc::new)?;
        self.note_open(wanted, &filled);
        Some(filled)
    }

    /// However often somebody opens it, it is in memory once.
    fn open_preview(&self, wanted: &Preview) -> Option<Arc<FilledPreview>> {
        lock(&self.clips.open).get(&wanted.key()).and_then(Weak::upgrade)
    }

    fn note_open(&self, wanted: &Preview, preview: &Arc<FilledPreview>) {
        let mut open = lock(&self.clips.open);
        open.retain(|_, preview| preview.strong_count() > 0);
        open.insert(wanted.key(), Arc::downgrade(preview));
    }

    pub(super) fn kept_or_made(&self, wanted: &Preview, is_awaited: bool) -> Result<Arc<FilledPreview>, PreviewError> {
        let filled = |bytes| FilledPreview::new(bytes).map(Arc::new).map_err(|e| wanted.passing(&e.to_string()));
        let name = wanted.object();
        match self.vault.get_object(ObjectKind::Rendition, &name) {
            Ok(Some(bytes)) => match filled(bytes) {
                Ok(kept) => {
                    self.note_read(&name);
                    return Ok(kept);
                }
                Err(e) => self.make_again(&name, &e)?,
            },
            Ok(None) => {}
            Err(e @ BlobError::Damaged { .. }) => self.make_again(&name, &e)?,
            Err(e) => return Err(e.into()),
        }
        self.may_make(wanted, is_awaited)?;
        let Some(tools) = self.clips.tools() else { return Err(wanted.none("nothing is rendered here")) };
        match self.make_preview(tools, wanted, is_awaited) {
            Ok(bytes) => {
                let whole = filled(bytes.clone())?;
                if let Err(e) = self.keep_preview(wanted, &name, &bytes, whole.hash()) {
                    tracing::warn!(error = %e, "a preview could not be kept; it is made again when it is read again");
                }
                Ok(whole)
            }
            Err(Failure::Lasting(e)) => Err(self.no_preview(wanted, &e)?),
            Err(Failure::Passing(why)) => {
                tracing::warn!(clip = wanted.name, "its preview could not be made just now: {why}");
                Err(wanted.passing("the machine is at fault, and the daemon's log says how"))
            }
            Err(Failure::Overran(what)) => {
                self.converter.rest(wanted.rests_as(is_awaited), self.clock.now(), &what);
                Err(wanted.passing(&what))
            }
            Err(Failure::Stopped) => Err(wanted.passing("the library is being closed")),
        }
    }

    fn make_again(&self, name: &str, e: &dyn std::error::Error) -> Result<(), BlobError> {
        tracing::warn!(error = %e, "a kept preview is damaged; it is made again");
        self.vault.remove_object(ObjectKind::Rendition, name)
    }

    /// That it was made is remembered for good, as it is read: what was let go of is made again when it is read, and not before, and what
    /// turns up elsewhere is known.
    fn keep_preview(&self, wanted: &Preview, name: &str, bytes: &[u8], hash: [u8; 32]) -> Result<(), PreviewError> {
        let made = Outcome::Made { size: PREVIEW_BYTES, hash, quality: None };
        self.remember_rendition(wanted.rendered(video::preview_hash(Some(&wanted.mark))), &made, None)?;
        Ok(self.keep_object(name, bytes)?)
    }

    /// Remembers for good that of these bytes there is none.
    fn no_preview(&self, wanted: &Preview, e: &MediaError) -> Result<PreviewError, CatalogError> {
        let why = match e {
            // What a program says of bytes may have some of them in it, and viewers are told this.
            MediaError::Damaged { .. } => "it is damaged, or not as clips are".to_owned(),
            e => e.to_string(),
        };
        tracing::warn!(clip = wanted.name, "no preview can be made of it: {e}");
        let sentence = wanted.none(&why).to_string();
        self.notices.add(Notice { at: self.clock.now(), member: None, op: "render".into(), sentence });
        let recipe = video::preview_hash(None);
        self.remember_rendition(wanted.rendered(recipe), &Outcome::Failed(why.clone()), None)?;
        Ok(wanted.none(&why))
    }

    fn make_preview(&self, tools: &Tools, wanted: &Preview, is_awaited: bool) -> Result<Vec<u8>, Failure> {
        let row = self.catalog.read(|tx| tx.content(wanted.content))?;
        let row = row.ok_or_else(|| Failure::Passing(format!("content {} is not in the catalogue", wanted.content)))?;
        let (reader, input, output) = (self.vault.open(&row), nameless(self)?, nameless(self)?);
        self.reserve.give(&input, reader.len())?;
        let mut patience = Patience::of(self, if is_awaited { AWAITED_SECONDS } else { LAST_SECONDS });
        if !copy(&reader, &input, || patience.goes_on())? {
            patience.end(Ended::Stopped)?;
        }
        let probe = |patience: &mut Patience<'_>, file: &File, format: &str| {
            self.probe_by(tools, file, format, is_awaited, |run| patience.wait(run))
        };
        let clip = probe(&mut patience, &input, &wanted.format)?;
        for nth in 0.. {
            let Some(plan) = video::Preview::plan(&clip, &wanted.format, nth)? else { break };
            // In one file, for the sandbox lets a program read one.
            input.set_len(reader.len())?;
            input.write_all_at(&plan.mark(&wanted.mark), reader.len())?;
            let run = Run {
                sandbox: &tools.sandbox,
                program: &tools.ffmpeg,
                arguments: &plan.arguments(reader.len()),
                input: &input,
                output: &output,
                cpu_seconds: SECONDS,
                file_bytes: MOST_BYTES,
                is_awaited,
                is_apart: false,
            };
            patience.wait(&run)?;
            let made = output.metadata()?.len();
            if video::is_preview_size(made) {
                plan.verdict(&probe(&mut patience, &output, "mp4")?)?;
                let mut bytes = vec![0; usize::try_from(made).unwrap_or(0)];
                output.read_exact_at(&mut bytes, 0)?;
                return Ok(bytes);
            }
        }
        Err(MediaError::too_large("a preview of it does not become small enough").into())
    }
}

/// How long something may take, in however many steps.
struct Patience<'a> {
    library: &'a Library,
    since: Timestamp,
    seconds: u64,
    is_late: bool,
}

impl<'a> Patience<'a> {
    fn of(library: &'a Library, seconds: u64) -> Self {
        Self { library, since: library.clock.now(), seconds, is_late: false }
    }

    fn goes_on(&mut self) -> bool {
        let taken = u64::try_from(self.library.clock.now().ms_since(self.since)).unwrap_or(0) / 1000;
        self.is_late = taken >= self.seconds;
        !self.is_late && !self.library.ending.load(Ordering::Relaxed)
    }

    fn wait(&mut self, run: &Run<'_>) -> Result<(), Failure> {
        let ended = run.run(|_| self.goes_on())?;
        self.end(ended)
    }

    /// What takes more than it is given says nothing of the clip: another machine may give more.
    fn end(&self, ended: Ended) -> Result<(), Failure> {
        match ended {
            Ended::Stopped if self.is_late => Err(Failure::Overran(format!("it takes longer than {} s", self.seconds))),
            Ended::Overran(what) => Err(Failure::Overran(what)),
            ended => Failure::of(ended, None),
        }
    }
}
