//! What people may type. Help, completions and man pages come from here and from nowhere else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

use super::alerts::AlertsArgs;
use super::audit::AuditArgs;
use super::bulk::BulkArgs;
use super::caption::CaptionArgs;
use super::evidence::EvidenceArgs;
use super::export::ExportArgs;
use super::factor::UnlockArgs;
use super::find::FindArgs;
use super::glossary::GlossaryArgs;
use super::guideline::GuidelineArgs;
use super::log::LogArgs;
use super::many::Many;
use super::member::MemberArgs;
use super::meta::MetaArgs;
use super::policy::PolicyArgs;
use super::records::RecordsArgs;
use super::review::{ReviewArgs, TakedownArgs};
use super::scout::ScoutArgs;
use super::similar::SimilarArgs;
use super::spec::SpecArgs;
use super::thin::ThinArgs;
use super::thumbs::ThumbsArgs;
use super::whence::WhenceArgs;
use super::workflow::WorkflowArgs;

/// The one table of exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage
  3  not found (or not yours to see)
  4  refused by policy

A PATH is a path in any mount of the library, library/..., versions/..., trash/..., or an asset id.
The library is --library DIR, or the one whose mount a PATH lies in, or DAM_LIBRARY.

Example:
  dam init ~/studio && export DAM_LIBRARY=~/studio
  dam import ~/renders --into luna --set persona=luna
  dam find persona=luna,tag=beach";

/// Digital asset management as a mounted filesystem.
#[derive(Debug, Parser)]
#[command(name = "dam", version, about, after_help = EXIT_CODES, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Cmd,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The library's folder; else DAM_LIBRARY.
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub library: Option<PathBuf>,
    /// The library's key file; else DAM_KEY_FILE, else the one under the user's config folder.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,
    /// Print data as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Cmd {
    /// Make a library.
    #[command(after_help = "\
Example:
  dam init ~/studio
  dam init ~/studio --key-file /media/stick/studio.key

The key file is made outside the library. Whoever loses it loses every file in it: keep a copy elsewhere.
A folder that is made gets mode 0711, so that members of a served library reach its daemon; one that is there keeps
its mode.")]
    Init(InitArgs),
    /// Take in files and folders.
    #[command(after_help = "\
Files are copied, hashed, read and filed under library/. Running it again imports nothing twice, also after it was
killed. --into library files them by their own folders alone. Hidden files, symbolic links, pipes and sockets below a folder are left out and counted. Exit code 1 when a
file was refused; the others are in.

Example:
  dam import ~/renders --into luna --set persona=luna --set tag=beach")]
    Import(ImportArgs),
    /// Mount a library.
    #[command(after_help = "\
Example:
  dam mount ~/studio ~/mnt
  dam mount ~/studio ~/client-view --as anna     (admin only)
  dam mount /srv/studio /mnt/studio --shared     (as root: answers each user by his id)")]
    Mount(MountArgs),
    /// Take a mount down; also one whose daemon died.
    #[command(after_help = "\
A mount in which files are open is busy and stays as it is.

Example:
  dam unmount ~/mnt
  dam unmount --force ~/mnt")]
    Unmount(UnmountArgs),
    /// Which libraries are mounted where.
    #[command(after_help = "Example:\n  dam status --json")]
    Status,
    /// Find assets by a query.
    #[command(after_help = "\
  ,  and      +  or between values      not.  negation      a..b  range, also min..b and a..max
  none  has no value      any(a;b)  or between groups      text=red dress  words in name, prompt, notes and title
A value that nothing has which you may list is an error; mkdir in by/<facet>/ makes one.
To a terminal it prints a table, else one library/... path per line. Where a name holds control characters or is no
UTF-8, or for what lies in the trash, the line is the asset's id; every command takes an id. With -0 each path's very
bytes, ended by NUL. Without --sort they come in the order in which they came into the library.

Example:
  dam find 'persona=luna,tag=beach+sunset,not.rating=adult,created=2026-05..2026-07'
  dam find --count status.instagram=approved
  dam find persona=luna --sort size,desc --limit 20 --columns size,dimensions,path
  cd ~/mnt && dam find -0 tag=beach | xargs -0r cp -t /tmp")]
    Find(FindArgs),
    /// Look at folders before an import: what is in them, duplicates, what is broken.
    #[command(after_help = "\
Nothing is written, and no symbolic link is followed. Needs no library; where there is one (--library or DAM_LIBRARY) it
tells which files are in it already. To people it shows the first ten of each list, with --json all.

Example:
  dam scout ~/renders /media/old-disk
  dam scout --json ~/renders | jq '.duplicates[].files'")]
    Scout(ScoutArgs),
    /// Show the full record of an asset.
    #[command(
        after_help = "Example:\n  dam show library/luna/IMG_1.png\n  dam show --json ~/mnt/by/persona/luna/IMG_1.png"
    )]
    Show(ShowArgs),
    /// List the versions of an asset.
    #[command(after_help = "\
A line per version, the newest last.

Example:
  dam versions library/luna/IMG_1.png
  dam versions --json ~/mnt/by/persona/luna/IMG_1.png")]
    Versions(ShowArgs),
    /// List the pictures that look like one.
    #[command(after_help = "\
The nearest first, each with the number of 64 bits in which its look differs: 0 to 6 is mostly the same picture in another
size, format or quality, a little brighter, or with a margin cut off. by/similar/ of a mount shows those as directories,
without other seeds of one prompt, and by/duplicate/ what has the same bytes.

Example:
  dam similar library/luna/IMG_1.png
  dam similar --within 12 --json ~/mnt/by/persona/luna/IMG_1.png")]
    Similar(SimilarArgs),
    /// Show what differs between two versions of an asset.
    #[command(after_help = "\
Who made them and when, size, dimensions and format, and what each file says of itself: prompt, seed, model, keywords,
caption. Without numbers the current version and the one before it; with one number that version and the current one.

Example:
  dam diff library/luna/IMG_1.png
  dam diff library/luna/IMG_1.png 1 3
  dam diff versions/luna/IMG_1.png/1.png")]
    Diff(DiffArgs),
    /// Let go of earlier versions that versions.toml does not keep (admin only).
    #[command(after_help = "\
versions.toml in the library's folder says which versions stay: the shipped rules keep all for 30 days, then one a day
for a year, then one a month, and at least the newest ten. An asset keeps its first and its current version, those that
a verdict was given for, those of a conflict of bytes, and what dam undo can still bring back; in the trash, and while
it is held, it keeps all. The daemon does the same daily, for all assets. A thinning cannot be taken back, the numbers
are not given again, and no space comes back yet: the bytes stay in the store.

Example:
  dam thin --dry-run
  dam thin library/luna/IMG_1.png")]
    Thin(ThinArgs),
    /// Say what is wrong with the metadata of assets.
    #[command(after_help = "Example:\n  dam audit metadata\n  dam audit metadata persona=luna --fix")]
    Audit(AuditArgs),
    /// The library's own words: terms, what else they are called, what they imply.
    Glossary(GlossaryArgs),
    /// Who may do what: the roles, their versions, and what a change of them would change.
    Policy(PolicyArgs),
    /// Review: what waits, approve, reject, hand on, assign, comment.
    Review(ReviewArgs),
    /// Take assets out of circulation at once.
    Takedown(TakedownArgs),
    /// What members do that is worth telling somebody at once: show the rules, check a text.
    Alerts(AlertsArgs),
    /// The board's stages, moves and reviewers: show, check, edit.
    Workflow(WorkflowArgs),
    /// Platforms' guidelines, which approvals are held to: list, show, edit, put, what an old one approved.
    Guideline(GuidelineArgs),
    /// What each platform accepts: the table that exports are made by.
    Spec(SpecArgs),
    /// What stands beside each export when it is posted: templates, hashtags, what is said of what was generated.
    Caption(CaptionArgs),
    /// Copy what a platform takes of assets into a folder.
    Export(ExportArgs),
    /// Fill your cache of thumbnails, so that file managers need not read whole files.
    Thumbs(ThumbsArgs),
    /// Bring back an earlier version, or a removed asset out of the trash.
    #[command(after_help = "\
An earlier version becomes the next one: nothing is overwritten, and a verdict stays with the version that it was given
for. What lies in the trash (dam find state=trashed) comes back to where it was, with its tags, verdicts and versions,
or to a free name beside it. Of several PATHs each is brought back that can be; the exit code is that of the first that
cannot.

Example:
  dam restore --version 1 library/luna/IMG_1.png
  dam restore ~/mnt/versions/luna/IMG_1.png/1.png
  dam restore ~/mnt/trash/2026-11-26/*.png
  dam restore trash/2026-11-26/IMG_1.png --into luna/kept --as beach.png")]
    Restore(RestoreArgs),
    /// What file and record say differently, and what is to stand.
    #[command(
        after_help = "Which assets have something to decide: dam find not.conflict=none, or by/conflict/ of a mount.\n\nExample:\n  dam meta diff library/luna/IMG_1.png\n  dam meta resolve library/luna/IMG_1.png note --take other"
    )]
    Meta(MetaArgs),
    /// Write records as files, and put them back.
    #[command(after_help = "\
Files of library/ and their records are a whole backup: rsync -a MOUNT/library MOUNT/records BACKUP/

Example:
  dam records export ~/backup/records
  dam records import ~/backup/records --dry-run")]
    Records(RecordsArgs),
    /// What is on record: who did what, when, and what was refused.
    #[command(
        after_help = "Example:\n  dam log library/luna/IMG_1.png\n  dam log --since 7d --denied\n  dam log --reads --member anna\n  dam log verify"
    )]
    Log(LogArgs),
    /// Make a signed file of what is known of an asset and was done with it, or check one.
    Evidence(EvidenceArgs),
    /// Take back what was changed last.
    #[command(after_help = "\
A turn is what one command did, or what one program did in a mount without a pause of two seconds: an rm -rf, a mv, a
save. It is taken back thing by thing. What somebody has changed since stays as it is and is told, the rest is done,
and the exit code is 1. What was taken back is a turn itself: undo once more does it again. Turns are kept as long as
the trash. A purge cannot be taken back.

Example:
  dam undo
  dam undo --list
  dam undo 214 --dry-run
  dam undo --as anna     (admin only: her last one)")]
    Undo(UndoArgs),
    /// Set facets of assets.
    #[command(after_help = "\
facet=value puts a value in place, facet=+value adds one (persona, campaign, tag, lora), facet=-value takes one
away, facet= takes all away. Facets: client persona campaign tag rating stars rights likeness model lora expires
owner state stage reviewer due status.<platform>. A status is a verdict on the bytes as they are now and needs the right to
review.
One call is one step for dam undo: when one of the assets is not found, or may not be changed, none is.
With --json the first thousand assets are told one by one, with their old and new values.

Example:
  dam set library/luna/IMG_1.png rating=safe campaign=+summer
  dam set ~/mnt/by/persona/luna/IMG_1.png status.instagram=approved
  dam set rating=safe --query persona=luna,rating=none --dry-run
  dam find -0 persona=luna,width=2000..max | dam set -0 stage=internal-review")]
    Set(SetArgs),
    /// Add a tag to assets, or remove it.
    #[command(
        after_help = "Levels of a tag stand between dots. One call is one step for dam undo: when one of the assets is not found, or may not\nbe tagged, none is.\n\nExample:\n  dam tag add campaigns.summer2024 ~/mnt/library/luna/*.png\n  dam tag add beach --query persona=luna,text=beach\n  dam tag remove beach library/luna/IMG_1.png"
    )]
    Tag(TagArgs),
    /// Make versions of everything that is written and closed, at once.
    #[command(after_help = "Example:\n  dam settle")]
    Settle,
    /// Check the library, or make its catalogue again.
    #[command(after_help = "\
Exit code 1 when there are faults.

--rebuild makes the catalogue again when it is lost or damaged: from the newest snapshot that verifies (dam snapshot)
and from what the store says of every version since. The library must not be mounted. The old catalogue is kept beside
the new one as catalog.db.damaged-N. What could not be brought back is told.

Example:
  dam fsck --deep
  dam fsck --rebuild --dry-run && dam fsck --rebuild")]
    Fsck(FsckArgs),
    /// Keep a query under a name, as a directory of saved/.
    #[command(after_help = "\
In a mount it is saved/NAME/, a directory as find/QUERY/ is. You see it, and with --for the members of a role do; each
finds in it what he may list. What is not given stays as it is; --for '' shows it to nobody else, --until '' keeps it
for good. In a mount: mkdir 'saved/QUERY' and rename it, or ln -s ../find/QUERY saved/NAME. rmdir removes no asset.

Example:
  dam save beaches persona=luna,tag=beach
  dam save beaches --for editor --for marketing-manager --until 2026-12-31
  dam save --remove beaches")]
    Save(SaveArgs),
    /// List the saved queries that you see.
    #[command(after_help = "Example:\n  dam saved\n  dam saved --json")]
    Saved,
    /// Let many files be removed from views for a while.
    #[command(after_help = "\
Removing a file from a view takes the view's value from it, and a program that does so 26 times in ten seconds is stopped
(EBUSY): an rm -rf there is mostly a mistake. What it did until then comes back with dam undo.

Example:
  dam bulk allow --for 5m && rm ~/mnt/by/tag/draft/*")]
    Bulk(BulkArgs),
    /// Copy the catalogue into the store, sealed.
    #[command(after_help = "\
The daemon does it daily and at its end; the last seven days and four weeks are kept. dam fsck --rebuild needs it.

Example:
  dam snapshot")]
    Snapshot,
    /// Members of the library, their roles and scopes.
    #[command(
        after_help = "Example:\n  dam member add anna --uid 1001 --role client-reviewer --scope client=acme\n  dam member list"
    )]
    Member(MemberArgs),
    /// Open what is behind your second factor for a while; the code is asked for, or read from standard input.
    #[command(after_help = "\
Who has enrolled one (dam member totp) does not see what is rated adult, and administers nothing, until he gives a code.
When the time is over, names, open files and caches of it end.

Example:
  dam unlock --for 2h")]
    Unlock(UnlockArgs),
    /// Close it again, at once.
    #[command(after_help = "Example:\n  dam lock")]
    Lock,
    /// Why somebody may or may not do something with an asset.
    #[command(after_help = "Example:\n  dam why library/luna/IMG_1.png --as anna")]
    Why(WhyArgs),
    /// Where a file comes from: which version of which asset it is, or was rendered from.
    #[command(after_help = "\
Known by its bytes alone, wherever it lies. What a platform or an editor has written anew has other bytes. Exit code 3
when nothing that you may see has them.

Example:
  dam whence ~/Downloads/post.jpg
  dam whence --json ~/mnt/platforms/instagram/post_square/IMG_1.jpg")]
    Whence(WhenceArgs),
    /// Print the completions of a shell.
    #[command(
        hide = true,
        after_help = "Example:\n  dam completions bash > ~/.local/share/bash-completion/completions/dam"
    )]
    Completions(CompletionsArgs),
    /// Print what the last word may become; shells ask it.
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArgs),
    /// Print the manual page, or write one page per command into a folder.
    #[command(hide = true, after_help = "Example:\n  dam man --dir ./man")]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder to make; it may exist when it is empty.
    #[arg(value_name = "LIBRARY", value_hint = ValueHint::DirPath)]
    pub root: PathBuf,
    /// Do not seal the store: no key file, anybody who reads the disk reads the files.
    #[arg(long, conflicts_with = "key_file")]
    pub no_encryption: bool,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Files and folders.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// The folder below library/ to file them in; else Unsorted/<year>/<month>.
    #[arg(long, value_name = "FOLDER")]
    pub into: Option<String>,
    /// A value for every file, for example persona=luna; may be repeated.
    #[arg(long, value_name = "FACET=VALUE")]
    pub set: Vec<String>,
    /// Also take what is no recognised medium.
    #[arg(long)]
    pub any: bool,
    /// Also take further copies of bytes that the library has, each as an asset.
    #[arg(long)]
    pub copies: bool,
}

#[derive(Debug, Args)]
pub struct MountArgs {
    /// The library's folder.
    #[arg(value_name = "LIBRARY", value_hint = ValueHint::DirPath)]
    pub root: PathBuf,
    /// An empty folder.
    #[arg(value_name = "MOUNTPOINT", value_hint = ValueHint::DirPath)]
    pub mountpoint: PathBuf,
    /// Stay in the foreground and log to this terminal.
    #[arg(long)]
    pub foreground: bool,
    /// Answer each caller by user id, for several members.
    #[arg(long, conflicts_with = "as_member")]
    pub shared: bool,
    /// Also turn on the kernel's own permission checks by mode bits.
    #[arg(long)]
    pub posix: bool,
    /// Mount for another member (admin only).
    #[arg(long = "as", value_name = "NAME")]
    pub as_member: Option<String>,
}

#[derive(Debug, Args)]
pub struct UnmountArgs {
    /// Where it is mounted.
    #[arg(value_name = "MOUNTPOINT", value_hint = ValueHint::DirPath)]
    pub mountpoint: PathBuf,
    /// Take it out of the tree also when files are open in it; they are cut off.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Assets: paths in a mount, library/..., versions/..., trash/..., or ids.
    #[arg(required = true, value_name = "PATH|ID", value_hint = ValueHint::FilePath)]
    pub targets: Vec<String>,
    /// The version to bring back; a path below versions/ says it itself.
    #[arg(long, value_name = "N", conflicts_with_all = ["into", "name"])]
    pub version: Option<u32>,
    /// The folder below library/ for what comes out of the trash; else the one that it was in.
    #[arg(long, value_name = "FOLDER")]
    pub into: Option<String>,
    /// Another file name for what comes out of the trash.
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct SaveArgs {
    /// What saved/ calls it.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The query; see dam find.
    #[arg(value_name = "QUERY")]
    pub query: Option<String>,
    /// A role whose members see it; may be repeated. Needs the right to tag.
    #[arg(long = "for", value_name = "ROLE")]
    pub roles: Vec<String>,
    /// The last day on which it is there, for example 2026-12-31.
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    /// Remove it. What it found stays.
    #[arg(long, conflicts_with_all = ["query", "roles", "until"])]
    pub remove: bool,
}

#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The turn to take back, by its number; else your last one.
    #[arg(value_name = "TURN", conflicts_with_all = ["list", "as_member"])]
    pub turn: Option<u64>,
    /// List the last turns, the newest first.
    #[arg(long, conflicts_with = "dry_run")]
    pub list: bool,
    /// List at most so many.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "list")]
    pub limit: usize,
    /// Another member's turns (admin only).
    #[arg(long = "as", value_name = "NAME")]
    pub as_member: Option<String>,
    /// Only say what would be done.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A path in a mount, library/..., versions/..., or an asset id.
    #[arg(value_name = "PATH|ID", value_hint = ValueHint::FilePath)]
    pub target: String,
    /// The version to compare from; else the one before.
    #[arg(value_name = "A")]
    pub from: Option<u32>,
    /// The version to compare to; else the current one.
    #[arg(value_name = "B")]
    pub to: Option<u32>,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A path in a mount, library/..., or an asset id.
    #[arg(value_name = "PATH|ID", value_hint = ValueHint::FilePath)]
    pub target: String,
}

#[derive(Debug, Args)]
pub struct SetArgs {
    /// Assets and values, in any order; a file in this folder whose name holds `=` is written ./name.
    #[arg(required = true, value_name = "PATH|FACET=VALUE", value_hint = ValueHint::FilePath)]
    pub items: Vec<String>,
    /// Why: kept with a verdict or a move on the board.
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    #[command(flatten)]
    pub many: Many,
}

#[derive(Debug, Args)]
pub struct TagArgs {
    #[command(subcommand)]
    pub action: TagAction,
}

#[derive(Debug, Subcommand)]
pub enum TagAction {
    /// Add a tag.
    #[command(
        after_help = "Example:\n  dam tag add beach library/luna/IMG_1.png\n  dam tag add beach --query persona=luna,text=beach --dry-run\n  find ~/mnt/library/luna -newer mark -print0 | dam tag add beach -0"
    )]
    Add(TagWhat),
    /// Remove a tag.
    #[command(
        after_help = "Example:\n  dam tag remove beach library/luna/IMG_1.png\n  dam tag remove draft --query status.instagram=approved"
    )]
    Remove(TagWhat),
}

#[derive(Debug, Args)]
pub struct TagWhat {
    /// The tag; levels stand between dots.
    #[arg(value_name = "TAG")]
    pub tag: String,
    /// Assets.
    #[arg(value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub paths: Vec<String>,
    #[command(flatten)]
    pub many: Many,
}

#[derive(Debug, Args)]
pub struct FsckArgs {
    /// Read and hash every byte.
    #[arg(long)]
    pub deep: bool,
    /// Make the catalogue again.
    #[arg(long, conflicts_with = "deep")]
    pub rebuild: bool,
    /// Say what would come of it and change nothing.
    #[arg(long, requires = "rebuild")]
    pub dry_run: bool,
    /// Also when the catalogue is healthy: put into it what only the store knows.
    #[arg(long, requires = "rebuild")]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// A path in a mount, library/..., or an asset id.
    #[arg(value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub target: String,
    /// Ask for another member (admin only).
    #[arg(long = "as", value_name = "NAME")]
    pub as_member: Option<String>,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct CompleteArgs {
    /// The command line up to the cursor.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page per command here.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}
