//! Texts that are made when they are looked at: status, refusals, reasons, records. Each tells its reader only what he may know.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::mount::Mount;
use super::{FsError, FsResult};
use crate::access::Who;
use crate::catalog::ReadTx;
use crate::ops::show::Record;
use crate::ops::{records, why};
use crate::policy::platforms::Placement;
use crate::policy::{Expr, Verb};
use crate::types::{AssetId, Timestamp};
use crate::view::captions::{caption_of, caption_since};
use crate::view::tree::{Item, TextFile, Tree, WhyTarget};

/// A text made by damfs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// `.dam/status`
    Status,
    /// `.dam/errors`
    Errors,
    /// `.dam/README`
    Readme,
    /// `inbox/.report`
    InboxReport,
    /// `.trackerignore`, `.nomedia`: their being there is what they say.
    Marker,
    /// `records/<path>.json`
    Record(AssetId),
    /// `records/.library.json`
    Library,
    /// `.dam/why/<path>`
    Why(AssetId),
    /// `platforms/<platform>/<placement>/<name>.mp4.pending`
    Pending(AssetId, Arc<Placement>),
    /// `platforms/<platform>/<placement>/<name>.caption.txt`
    Caption(AssetId, Arc<Placement>),
}

impl Text {
    /// The text that a view's item stands for.
    pub(super) fn of(item: Item) -> FsResult<Self> {
        Ok(match item {
            Item::Record(asset) => Self::Record(asset.id),
            Item::Why(WhyTarget::Asset(id)) => Self::Why(id),
            Item::Pending(asset, placement) => Self::Pending(asset.id, placement),
            Item::Caption(asset, placement) => Self::Caption(asset.id, placement),
            Item::Text(TextFile::Library) => Self::Library,
            Item::Text(TextFile::Status) => Self::Status,
            Item::Text(TextFile::Errors) => Self::Errors,
            Item::Text(TextFile::Readme) => Self::Readme,
            Item::Text(TextFile::InboxReport) => Self::InboxReport,
            Item::Text(TextFile::Marker) => Self::Marker,
            _ => return Err(FsError::NotFound),
        })
    }
}

impl Mount {
    /// A text's bytes and the time that it shows.
    pub(super) fn text(&self, who: &Who, text: &Text) -> FsResult<(Vec<u8>, Timestamp)> {
        let changed = if who.subject.allows_everything(Verb::List) { self.changed() } else { self.born };
        Ok(match text {
            Text::Status => (self.status(who)?.into_bytes(), changed),
            Text::Errors => self.errors(who),
            Text::Readme => (README.as_bytes().to_vec(), self.born),
            Text::InboxReport => (self.inbox_report(who)?.into_bytes(), changed),
            Text::Marker => (Vec::new(), self.born),
            Text::Record(id) => {
                let (record, at) = self.library.catalog.read(|tx| -> FsResult<_> {
                    let asset = tx.asset(*id)?.ok_or(FsError::NotFound)?;
                    self.may(who, Verb::List, &asset)?;
                    let node = asset.node.map(|node| tx.node(node)).transpose()?.flatten();
                    // Mode and attributes of the file are in it, too.
                    let at = node.map_or(asset.changed, |node| asset.changed.max(node.ctime));
                    Ok((Record::told(&self.library, who, tx, &asset)?, at))
                })?;
                (record.text().map_err(|e| FsError::Io(e.to_string()))?, at)
            }
            Text::Library => {
                self.sees_everything(who)?;
                let now = self.library.clock.now();
                let shelf = self
                    .library
                    .catalog
                    .read(|tx| records::Shelf::of(tx, &Tree::new(tx, &who.subject, Some(who.id)).at(now)))?;
                (shelf.text().map_err(|e| FsError::Io(e.to_string()))?, changed)
            }
            Text::Why(id) => (self.why(who, *id)?.into_bytes(), changed),
            Text::Caption(id, placement) => self.caption(who, *id, placement)?,
            Text::Pending(id, placement) => (self.pending(who, *id, placement)?.into_bytes(), changed),
        })
    }

    /// What stands beside an export, for who may have the export.
    fn caption(&self, who: &Who, id: AssetId, placement: &Placement) -> FsResult<(Vec<u8>, Timestamp)> {
        let book = self.library.captions();
        let (asset, version) = self.library.catalog.read(|tx| self.exported(tx, who, id, placement))?;
        let text = caption_of(&book, &asset, placement).ok().flatten().ok_or(FsError::NotFound)?;
        Ok((text.into_bytes(), caption_since(&book, &asset, &version)))
    }

    /// Whether he may know what a text speaks of, whoever was led to it.
    pub(super) fn has_text(&self, tx: &dyn ReadTx, who: &Who, text: &Text) -> FsResult<bool> {
        let (id, verb) = match text {
            Text::Record(id) | Text::Why(id) => (id, Verb::List),
            Text::Caption(id, _) | Text::Pending(id, _) => (id, Verb::Export),
            Text::Library => return Ok(who.subject.allows_everything(Verb::List)),
            Text::Status | Text::Errors | Text::Readme | Text::InboxReport | Text::Marker => return Ok(true),
        };
        Ok(tx.asset(*id)?.is_some_and(|asset| self.library.gate.allows(who, verb, &asset)))
    }

    /// As the gate says it of every asset at once.
    pub(super) fn sees_everything(&self, who: &Who) -> FsResult<()> {
        if who.subject.allows_everything(Verb::List) { Ok(()) } else { Err(FsError::NotFound) }
    }

    fn status(&self, who: &Who) -> FsResult<String> {
        let filter = who.subject.filter(Verb::List);
        let (assets, waiting) =
            self.library.catalog.read(|tx| -> FsResult<_> { Ok((tx.count(&filter)?, tx.staged_nodes()?.len())) })?;
        let mut out = format!(
            "library   {}\nyou are   {} ({})\nassets    {} {}\n",
            self.library.root().display(),
            who.subject.name,
            who.subject.role(),
            assets,
            if assets == 1 { "asset that you may list (1 asset)" } else { "assets that you may list" },
        );
        if who.read_only {
            let _ = writeln!(out, "read-only {}", crate::ops::read_only::READ_ONLY);
        }
        if who.subject.allows_everything(Verb::List) {
            let _ = writeln!(out, "staged    {waiting} files are written and wait for their version");
            let looked = if self.library.has_looked() { "all" } else { "not yet all" };
            let _ = writeln!(out, "looks     {looked} pictures were looked at for by/similar/");
        }
        self.stills_status(who, &mut out)?;
        self.clips_status(who, &mut out)?;
        if who.subject.allows_everything(Verb::Admin) {
            for fault in self.library.faults() {
                let _ = writeln!(out, "fault     {fault}");
            }
            for alert in self.library.recent_alerts() {
                let _ = writeln!(out, "alert     {alert}");
            }
        }
        Ok(out)
    }

    /// Who does not list everything is told of what is being rendered of his.
    fn stills_status(&self, who: &Who, out: &mut String) -> FsResult<()> {
        let stills = &self.library.stills;
        if who.subject.allows_everything(Verb::List) {
            let [kept, rendered] =
                [&stills.counts().kept, &stills.counts().rendered].map(|n| n.load(Ordering::Relaxed));
            let waiting = stills.waiting();
            let _ = writeln!(out, "stills    of {waiting} assets wait to be rendered");
            for lack in self.library.converter.told().into_iter().chain(self.library.no_writer()) {
                let _ = writeln!(out, "          {lack}");
            }
            let share = kept.saturating_mul(100).checked_div(kept + rendered).unwrap_or(100);
            let _ =
                writeln!(out, "          {kept} reads of kept ones, {rendered} rendered for a reader: {share} % kept");
        }
        for running in stills.running() {
            let asset = self.library.catalog.read(|tx| tx.asset(running.asset))?;
            if let Some(asset) = asset.filter(|asset| self.library.gate.allows(who, Verb::List, asset)) {
                let _ = writeln!(out, "          {} for {}", asset.view_name, running.place);
            }
        }
        Ok(())
    }

    /// Who does not list everything is told of what is being rendered of his.
    fn clips_status(&self, who: &Who, out: &mut String) -> FsResult<()> {
        let clips = &self.library.clips;
        if who.subject.allows_everything(Verb::List) {
            let _ = match clips.unavailable() {
                Some(why) => writeln!(out, "clips     none are rendered: {why}"),
                None => writeln!(out, "clips     of {} assets wait to be rendered", clips.waiting()),
            };
        }
        for running in clips.running() {
            let asset = self.library.catalog.read(|tx| tx.asset(running.asset))?;
            if let Some(asset) = asset.filter(|asset| self.library.gate.allows(who, Verb::List, asset)) {
                let _ = writeln!(out, "          {} for {}: {} %", asset.view_name, running.place, running.percent);
            }
        }
        Ok(())
    }

    fn errors(&self, who: &Who) -> (Vec<u8>, Timestamp) {
        let notices = self.library.notices.of(who.id, who.subject.allows_everything(Verb::Admin));
        let at = notices.last().map_or(self.born, |n| n.at);
        let mut out = String::new();
        for notice in notices {
            let _ = writeln!(out, "{}  {}: {}", notice.at, notice.op, notice.sentence);
        }
        (out.into_bytes(), at)
    }

    /// Newest last; what others dropped is told only to those who may list it.
    fn inbox_report(&self, who: &Who) -> FsResult<String> {
        let everything = who.subject.allows_everything(Verb::List);
        self.library.catalog.read(|tx| {
            let mut out = String::new();
            for row in tx.inbox_report(500)?.into_iter().rev() {
                let asset = row.asset.map(|id| tx.asset(id)).transpose()?.flatten();
                let hidden = asset.is_some_and(|asset| !self.library.gate.allows(who, Verb::List, &asset));
                if !hidden && (everything || row.member == Some(who.id)) {
                    let _ = writeln!(out, "{}  {}  {}  {}", row.at, row.outcome, row.name, row.detail);
                }
            }
            Ok(out)
        })
    }

    fn why(&self, who: &Who, id: AssetId) -> FsResult<String> {
        let (asset, unrendered) = self.library.catalog.read(|tx| -> FsResult<_> {
            let asset = tx.asset(id)?.ok_or(FsError::NotFound)?;
            self.may(who, Verb::List, &asset)?;
            let unrendered = why::unrendered(&self.library, tx, who.subject.platforms(), &asset)?;
            Ok((asset, unrendered))
        })?;
        let mut out = format!("{} is {}\n", who.subject.name, who.subject.role());
        for verb in Verb::ALL {
            let decision = self.library.gate.decide(who, *verb, &asset);
            let word = if decision.allowed { "yes" } else { "no" };
            let _ = writeln!(out, "{:<9} {word:<3}  {}", verb.name(), decision.reason);
        }
        for (place, reason) in unrendered {
            let _ = writeln!(out, "not in {place}: {reason}");
        }
        if who.subject.filter(Verb::Edit) == Expr::nothing() {
            out.push_str("this role changes nothing anywhere\n");
        }
        Ok(out)
    }
}

const README: &str = "\
library/     every asset once; an ordinary tree: save, move, remove; what rsync backs up
by/          browse by persona, tag, rating, client and so on, none is what has no value; +and/ narrows
find/        type a query: ls 'find/persona=luna,tag=beach+sunset,not.rating=adult'
saved/       queries under a name: mkdir 'saved/persona=luna' and rename it, or ln -s ../find/QUERY saved/NAME
review/      the board: a folder for each stage, mv from one to another is the decision; mine/ and overdue/
platforms/   exports of what is approved (dam set PATH status.instagram=approved), rendered in the background or when they are read; clips as
             name.mp4.pending until they are made (.dam/status tells how far they are)
versions/    earlier versions; copy one back to restore it
trash/       removed files; move one out to restore it
inbox/       drop files here; inbox/.report tells what became of them
records/     everything known of each asset, as text
.dam/        status, errors (why something was refused), why/<path>

Copy a file into by/tag/NAME/ to tag it, remove it there to untag it. The asset itself stays in library/.
";
