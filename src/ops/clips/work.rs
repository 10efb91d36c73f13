//! The worker: takes an asset, and makes every clip of it that a platform takes and nobody has made yet.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::kept::{self, Made};
use super::{Running, Tools, lock, place};
use crate::catalog::{Asset, CatalogError, Outcome, ReadTx, VersionRow};
use crate::media::video::{CLIP_RENDERER, Clip, ClipRecipe, Encode, Progress, mark, probe_command, told_by, verdict};
use crate::media::{MediaError, Told};
use crate::ops::evict::Lease;
use crate::ops::notices::Notice;
use crate::ops::queue::Shown;
use crate::ops::renditions::Rendered;
use crate::ops::sandboxed::{Ended, PROBE_SECONDS, Run, TOLD, copy, nameless, told};
use crate::ops::{Library, OpsError};
use crate::policy::platforms::Placement;
use crate::policy::{Expr, Field};
use crate::types::{AssetId, ContentId, Timestamp};
use crate::view::recipes::{clip_name, clip_recipe_for};
use crate::view::tree::{self, ClipState, clip_state};

/// Encodes of one clip until it is small enough.
const TRIES: usize = 3;
/// How long an encode may take, by the clock and by the processor, beside so many seconds for each second of the clip,
/// and at most.
const LEAST_SECONDS: u64 = 120;
const SECONDS_EACH: u64 = 60;
const MOST_SECONDS: u64 = 6 * 3600;
/// What an encoder may write beyond what it was told to.
const SLACK_BYTES: u64 = 64 << 20;

/// A clip to make.
struct Job {
    asset: Asset,
    version: VersionRow,
    placement: Arc<Placement>,
    recipe: ClipRecipe,
}

/// The bytes of a version for the programs, and what one of them told of it. One copy serves all placements.
struct Master {
    content: ContentId,
    file: File,
    clip: Clip,
    /// What it says of itself that its exports say too.
    told: Told,
}

/// Why there is no clip.
pub(super) enum Failure {
    /// The clip is at fault.
    Lasting(MediaError),
    /// The machine is, just now.
    Passing(String),
    /// It takes more than it is given.
    Overran(String),
    /// Nobody wants it any more.
    Stopped,
}

impl From<MediaError> for Failure {
    fn from(e: MediaError) -> Self {
        if e.is_lasting() { Self::Lasting(e) } else { Self::Passing(e.to_string()) }
    }
}

impl Failure {
    /// How a run ended, of which it is known whether it took longer than it might.
    pub(super) fn of(ended: Ended, late: Option<u64>) -> Result<(), Self> {
        match (ended, late) {
            (Ended::Done, _) => Ok(()),
            (Ended::Stopped, Some(seconds)) => Err(Self::Passing(format!("it took longer than {seconds} s"))),
            (Ended::Stopped, None) => Err(Self::Stopped),
            (Ended::Refused(what), _) => Err(Self::Lasting(MediaError::Damaged { what })),
            // Remembered, for what takes hours is not tried every minute; but it is none of the clip's damage.
            (Ended::Overran(what), _) => Err(Self::Lasting(MediaError::TooLarge { what })),
            (Ended::Unsandboxed(why) | Ended::Failed(why), _) => Err(Self::Passing(why)),
        }
    }
}

macro_rules! passing {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(e: $error) -> Self {
                Self::Passing(e.to_string())
            }
        }
    )*};
}
passing!(io::Error, CatalogError, crate::blob::BlobError);

impl Library {
    /// Makes what clips are to be made, one after the other; for threads that have nothing else to do.
    pub fn render_clips(&self) {
        let Some(tools) = self.clips.tools() else { return };
        while !self.ending.load(Ordering::Relaxed) {
            if let Err(e) = self.find_clips() {
                tracing::warn!(error = %e, "the clips to render could not be found; they are looked for again");
                return;
            }
            let Some(asset) = self.clips.waiting.queue().next(self.clock.now()) else { return };
            let at_work = self.clips.waiting.at_work(asset);
            let made = self.clips_of(tools, asset);
            drop(at_work);
            let mut queue = self.clips.waiting.queue();
            if let Err(why) = made {
                tracing::warn!(%asset, "its clips could not be rendered just now: {why}");
                queue.rest(asset, self.clock.now(), why);
            }
        }
    }

    /// Adds what changed since the last look, or everything at the first one.
    pub(super) fn find_clips(&self) -> Result<(), CatalogError> {
        while self.fill(&self.clips.waiting, &Expr::is(Field::Kind, "video"), |_, asset| Ok(is_approved(asset)))? {}
        Ok(())
    }

    /// Makes every missing clip of an asset. An error is the machine's.
    fn clips_of(&self, tools: &Tools, id: AssetId) -> Result<(), String> {
        let mut master = None;
        let platforms = self.gate.platforms();
        for placement in platforms.all().filter(|p| tree::takes_clips(p)) {
            let job = self.catalog.read(|tx| self.job(tx, id, placement)).map_err(|e| e.to_string())?;
            let Some(job) = job else { continue };
            let shown = Running { asset: id, place: place(placement), percent: 0 };
            let is_same = |a: &Running, b: &Running| (a.asset, &a.place) == (b.asset, &b.place);
            let shown = Shown::among(&self.clips.running, shown, is_same);
            let made = self.clip(tools, &job, &mut master);
            drop(shown);
            match made {
                // Held until it is known to circulate.
                Ok((outcome, _lease)) => self.end_job(&job, &outcome)?,
                Err(Failure::Lasting(e)) => self.end_job(&job, &Outcome::Failed(e.to_string()))?,
                Err(Failure::Passing(why) | Failure::Overran(why)) => return Err(why),
                Err(Failure::Stopped) => {}
            }
        }
        Ok(())
    }

    /// What is to be made of an asset for a placement, when anything is.
    fn job(&self, tx: &dyn ReadTx, id: AssetId, placement: &Arc<Placement>) -> Result<Option<Job>, OpsError> {
        let Some(asset) = tx.asset(id)? else { return Ok(None) };
        let Some(version) = tree::exported(tx, &asset, placement)? else { return Ok(None) };
        let recipe = clip_recipe_for(tx, &asset, &version, placement)?;
        let is_missing = match clip_state(tx, &version, &recipe)? {
            ClipState::Pending => true,
            ClipState::Failed(_) => false,
            ClipState::Made { size, hash, .. } => {
                !kept::is_whole(&self.vault, &clip_name(version.content, &recipe, &hash), size)?
            }
        };
        Ok(is_missing.then(|| Job { asset, version, placement: Arc::clone(placement), recipe }))
    }

    fn end_job(&self, job: &Job, outcome: &Outcome) -> Result<(), String> {
        let what = Rendered { content: job.version.content, recipe: job.recipe.hash(), renderer: CLIP_RENDERER };
        if let Outcome::Failed(reason) = outcome {
            let sentence = format!("{} for {}: {reason}", job.asset.view_name, place(&job.placement));
            self.notices.add(Notice { at: self.clock.now(), member: None, op: "render".into(), sentence });
        }
        self.remember_rendition(what, outcome, Some(job.asset.id)).map_err(|e| e.to_string())
    }

    /// Makes one clip and keeps it.
    fn clip(&self, tools: &Tools, job: &Job, master: &mut Option<Master>) -> Result<(Outcome, Lease), Failure> {
        let mut watch = Watch::new(self, job);
        let format = &job.version.format;
        if master.as_ref().is_none_or(|m| m.content != job.version.content) {
            *master = Some(self.copied(tools, job, &mut watch)?);
        }
        let Some(master) = master else { return Err(Failure::Stopped) };
        let mut encode = Encode::plan(&job.recipe, &master.clip, format)?;
        let output = nameless(self)?;
        for _ in 0..TRIES {
            self.encode(tools, master, &encode, &output, &mut watch)?;
            let mark = mark(&master.told, &job.recipe, encode.size);
            let made = Made { file: &output, length: output.metadata()?.len(), mark: &mark };
            match job.recipe.max_bytes {
                Some(most) if made.size() > most => encode = encode.smaller(made.size(), most)?,
                _ => {
                    let clip = self.probe(tools, &output, "mp4", &mut watch)?;
                    verdict(&job.recipe, &encode, &master.clip, &clip, made.size())?;
                    let hash = made.hash()?;
                    let name = clip_name(job.version.content, &job.recipe, &hash);
                    let lease = self.hold_render(name.clone());
                    made.keep(self, &name)?;
                    return Ok((Outcome::Made { size: made.size(), hash, quality: None }, lease));
                }
            }
        }
        let most = job.recipe.max_bytes.unwrap_or_default();
        Err(MediaError::TooLarge { what: format!("the clip comes to more than {most} bytes; cut it first") }.into())
    }

    /// A plain copy of a version's bytes, in a file that has no name, and what ffprobe says of it.
    fn copied(&self, tools: &Tools, job: &Job, watch: &mut Watch<'_>) -> Result<Master, Failure> {
        let content = job.version.content;
        let row = self.catalog.read(|tx| tx.content(content))?;
        let row = row.ok_or_else(|| Failure::Passing(format!("content {content} is not in the catalogue")))?;
        let (reader, file) = (self.vault.open(&row), nameless(self)?);
        if !copy(&reader, &file, || watch.goes_on(None))? {
            return Err(Failure::Stopped);
        }
        let clip = self.probe(tools, &file, &job.version.format, watch)?;
        Ok(Master { content, file, clip, told: told_by(&reader)? })
    }

    fn probe(&self, tools: &Tools, file: &File, format: &str, watch: &mut Watch<'_>) -> Result<Clip, Failure> {
        self.probe_by(tools, file, format, false, |run| {
            watch.until(PROBE_SECONDS * 4, None);
            let ended = run.run(|_| watch.goes_on(None))?;
            watch.done(ended)
        })
    }

    /// What ffprobe says of a clip, when it came to its end.
    pub(super) fn probe_by(
        &self,
        tools: &Tools,
        file: &File,
        format: &str,
        is_awaited: bool,
        run: impl FnOnce(&Run<'_>) -> Result<(), Failure>,
    ) -> Result<Clip, Failure> {
        let (arguments, output) = (probe_command(format)?, nameless(self)?);
        run(&Run {
            sandbox: &tools.sandbox,
            program: &tools.ffprobe,
            arguments: &arguments,
            input: file,
            output: &output,
            cpu_seconds: PROBE_SECONDS,
            file_bytes: TOLD,
            is_awaited,
            is_apart: false,
        })?;
        Ok(Clip::read(&told(&output)?)?)
    }

    fn encode(
        &self,
        tools: &Tools,
        master: &Master,
        encode: &Encode,
        output: &File,
        watch: &mut Watch<'_>,
    ) -> Result<(), Failure> {
        let length = master.clip.length;
        let seconds = (LEAST_SECONDS + SECONDS_EACH * length.as_secs()).min(MOST_SECONDS);
        let run = Run {
            sandbox: &tools.sandbox,
            program: &tools.ffmpeg,
            arguments: &encode.arguments(),
            input: &master.file,
            output,
            cpu_seconds: seconds,
            file_bytes: encode.bits / 4 * (length.as_secs() + 1) + SLACK_BYTES,
            is_awaited: false,
            is_apart: false,
        };
        // By the clock it may take longer than by the processor, for it comes behind everybody else.
        watch.until(seconds * 4, Some(length));
        let ended = run.run(|progress| watch.goes_on(Some(progress)))?;
        watch.done(ended)
    }

    fn show_percent(&self, asset: AssetId, place: &str, percent: u8) {
        if let Some(row) = lock(&self.clips.running).iter_mut().find(|r| r.asset == asset && r.place == place) {
            row.percent = percent;
        }
    }
}

fn is_approved(asset: &Asset) -> bool {
    asset.kind == "video" && asset.status.values().any(|verdict| verdict.value == "approved")
}

/// Whether a job is still wanted, asked over and over.
struct Watch<'a> {
    library: &'a Library,
    job: &'a Job,
    /// The last change that was looked at.
    seen: u64,
    since: Timestamp,
    seconds: u64,
    late: bool,
    length: Option<Duration>,
}

impl<'a> Watch<'a> {
    fn new(library: &'a Library, job: &'a Job) -> Self {
        let (seen, since) = (library.catalog.committed(), library.clock.now());
        Self { library, job, seen, since, seconds: u64::MAX, late: false, length: None }
    }

    /// The next program has so many seconds from now on, and is at its end when it has done so much.
    fn until(&mut self, seconds: u64, length: Option<Duration>) {
        self.since = self.library.clock.now();
        (self.seconds, self.length) = (seconds, length);
    }

    fn goes_on(&mut self, progress: Option<&Progress>) -> bool {
        if let (Some(progress), Some(length)) = (progress, self.length) {
            self.library.show_percent(self.job.asset.id, &place(&self.job.placement), progress.percent(length));
        }
        let taken = u64::try_from(self.library.clock.now().ms_since(self.since)).unwrap_or(0) / 1000;
        self.late = taken >= self.seconds;
        !self.late && !self.library.ending.load(Ordering::Relaxed) && self.is_wanted()
    }

    fn done(&self, ended: Ended) -> Result<(), Failure> {
        Failure::of(ended, self.late.then_some(self.seconds))
    }

    /// The verdict may have been withdrawn, the asset removed, the clip declared as something else, the row changed.
    fn is_wanted(&mut self) -> bool {
        let committed = self.library.catalog.committed();
        if committed == self.seen {
            return true;
        }
        self.seen = committed;
        let platforms = self.library.gate.platforms();
        let Placement { platform, placement, .. } = &*self.job.placement;
        let Some(row) = platforms.get(platform, placement) else { return false };
        let now = self.library.catalog.read(|tx| self.library.job(tx, self.job.asset.id, row));
        // What cannot be read says nothing against it.
        now.map_or(true, |now| {
            now.is_some_and(|now| now.version.id == self.job.version.id && now.recipe == self.job.recipe)
        })
    }
}
