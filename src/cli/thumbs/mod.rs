//! `dam thumbs`: fills the cache that file managers look into before they read whole files.

mod cache;
mod files;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::args::Global;
use super::backend::Backend;
use super::progress::Progress;
use super::{Done, Failure, backend, environment, failed, misunderstood, print, usage};
use crate::ops::proto::Command;
use crate::ops::{Listener, OpsError};
use crate::types::AssetId;
use cache::{Cache, Size, uri};
use files::Shown;

/// Assets that are asked about at once.
const PAGE: usize = 500;

#[derive(Debug, Args)]
#[command(after_help = "\
The cache is ~/.cache/thumbnails (XDG_CACHE_HOME), as freedesktop.org says, for you alone. A thumbnail is of one address, so
name the folders that you look at: DIR is a folder of library/, by/, find/ or saved/ of a mount, with all below it; a
mount itself is its library/. What is there as it is to be stays. Thumbnails of files below DIR that are gone or have
changed are removed, and so are those of what you may not download or what is rated adult, whoever made them: a cache is
not locked when the library is. Run it again when rights or ratings have changed. Clips have none.

Example:
  dam thumbs ~/mnt
  dam thumbs ~/mnt/by/persona/luna ~/mnt/saved/beaches --size large,x-large
  dam thumbs ~/mnt --query tag=beach")]
pub struct ThumbsArgs {
    /// Folders of a mount.
    #[arg(value_name = "DIR", required = true, value_hint = ValueHint::DirPath)]
    pub dirs: Vec<PathBuf>,
    /// The sizes: 128, 256, 512 and 1024 pixels.
    #[arg(long = "size", value_name = "SIZE", value_enum, value_delimiter = ',', default_values = ["normal", "large"])]
    pub sizes: Vec<Size>,
    /// Make them of what this query finds alone.
    #[arg(short, long, value_name = "EXPR")]
    pub query: Option<String>,
}

/// How many files have thumbnails.
#[derive(Default)]
struct Told {
    made: u64,
    same: u64,
    without: BTreeMap<String, u64>,
}

/// Fills the cache.
pub fn run(global: &Global, args: &ThumbsArgs) -> Done {
    let home = environment("XDG_CACHE_HOME").or_else(|| environment("HOME").map(|home| home.join(".cache")));
    let folder = home.ok_or_else(|| usage("no folder for the cache", "set XDG_CACHE_HOME or HOME"))?.join("thumbnails");
    let dirs = args.dirs.iter().map(|dir| files::folder(dir)).collect::<Result<Vec<_>, Failure>>()?;
    let root = backend::root_of(global, dirs.iter().map(|dir| dir.as_os_str()))?;
    let mut filler = Filler {
        backend: Backend::open(global, &root)?,
        cache: Cache { folder },
        sizes: args.sizes.clone(),
        told: Told::default(),
    };
    let picked = args.query.as_deref().map(|query| filler.picked(query)).transpose()?;
    let (mut shown, mut gone) = (Vec::new(), None);
    for dir in &dirs {
        match files::below(dir, &mut shown) {
            // It may be there no more for whom it was: then what the cache has of it goes.
            Err(e) if e.kind() == io::ErrorKind::NotFound => gone = Some(cannot("read", dir, &e)),
            done => done.map_err(|e| cannot("read", dir, &e))?,
        }
    }
    let mut of_asset: BTreeMap<AssetId, Vec<&Shown>> = BTreeMap::new();
    for file in &shown {
        of_asset.entry(file.asset).or_default().push(file);
    }
    let assets: Vec<(AssetId, Vec<&Shown>)> = of_asset.into_iter().collect();
    let progress = Progress::new(global);
    let done = filler.fill(&assets, picked.as_ref(), &progress);
    progress.end();
    // Asked once more, for it took a while; and whatever became of the others, what may not stay goes.
    let kept = filler.kept(&assets)?;
    let below: Vec<String> = dirs.iter().map(|dir| uri(dir) + "/").collect();
    let removed = filler.cache.sweep(|said| {
        let is_below = below.iter().any(|dir| said.uri.starts_with(dir));
        !is_below || kept.get(said.uri.as_str()).is_some_and(|file: &&Shown| is_of(said, file))
    });
    let removed = removed.map_err(|e| cannot("clear", &filler.cache.folder, &e))?;
    done?;
    if let Some(gone) = gone {
        return Err(gone);
    }
    let Told { made, same, without } = filler.told;
    if global.json {
        print::json(&json!({ "made": made, "same": same, "without": without, "removed": removed }))?;
    } else {
        for (reason, count) in &without {
            print::note(&format!("{count} without: {}", print::safe(reason)));
        }
        let without: u64 = without.values().sum();
        print::line(&format!("made {made}, as they were {same}, without {without}, removed {removed}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a thumbnail is of the file as it is, whoever made it.
fn is_of(said: &cache::Said, file: &Shown) -> bool {
    said.mtime == file.said.mtime && (said.size.is_none() || said.size == file.said.size)
}

struct Filler {
    backend: Backend,
    cache: Cache,
    sizes: Vec<Size>,
    told: Told,
}

impl Filler {
    /// What a query finds.
    fn picked(&mut self, query: &str) -> Result<HashSet<AssetId>, Failure> {
        let command = Command::Find { expr: Some(query.to_owned()), sort: None, limit: None, count: false };
        let found = Found::default();
        self.backend.run_telling(command, None, &found)?;
        Ok(found.0.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the library tells of each asset of a page.
    fn told(&mut self, page: &[(AssetId, Vec<&Shown>)]) -> Result<Vec<Value>, Failure> {
        let command = Command::ThumbsList { assets: page.iter().map(|(asset, _)| *asset).collect() };
        let told = self.backend.run(command, None)?;
        told["assets"].as_array().filter(|told| told.len() == page.len()).cloned().ok_or_else(misunderstood)
    }

    /// The files whose thumbnails may stay, by address.
    fn kept<'s>(&mut self, assets: &[(AssetId, Vec<&'s Shown>)]) -> Result<HashMap<&'s str, &'s Shown>, Failure> {
        let mut kept = HashMap::new();
        for page in assets.chunks(PAGE) {
            for ((_, files), told) in page.iter().zip(self.told(page)?) {
                if told["refused"].is_null() {
                    kept.extend(files.iter().map(|file| (file.said.uri.as_str(), *file)));
                }
            }
        }
        Ok(kept)
    }

    /// Fills it for these assets.
    fn fill(
        &mut self,
        assets: &[(AssetId, Vec<&Shown>)],
        picked: Option<&HashSet<AssetId>>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let mut done = 0;
        for page in assets.chunks(PAGE) {
            for ((asset, files), told) in page.iter().zip(self.told(page)?) {
                done += 1;
                if picked.is_none_or(|picked| picked.contains(asset)) {
                    self.asset(*asset, files, &told)?;
                }
                progress.progress(done, assets.len());
            }
        }
        Ok(())
    }

    /// One asset, by all the names that it was found by.
    fn asset(&mut self, asset: AssetId, files: &[&Shown], told: &Value) -> Result<(), Failure> {
        let missing = |file: &Shown| -> Vec<Size> {
            self.sizes.iter().copied().filter(|size| !self.cache.has(*size, &file.said)).collect()
        };
        let missing: Vec<Vec<Size>> = files.iter().map(|file| missing(file)).collect();
        let mut sizes: Vec<Size> = missing.iter().flatten().copied().collect();
        sizes.sort_unstable();
        sizes.dedup();
        let made = match reason(told) {
            None if !sizes.is_empty() => Some(self.make(asset, &sizes)?),
            _ => None,
        };
        let told = made.as_ref().map_or(told, |(told, _)| told);
        for (file, missing) in files.iter().zip(missing) {
            let reason =
                reason(told).or_else(|| (!is_shown(told, file)).then_some("it has changed: run the command again"));
            match (reason, &made) {
                (Some(reason), _) => *self.told.without.entry(reason.to_owned()).or_default() += 1,
                (None, Some((_, pictures))) if !missing.is_empty() => {
                    for size in missing {
                        let picture = pictures.get(&size).ok_or_else(misunderstood)?;
                        let place = || self.cache.place(size, &file.said.uri);
                        self.cache
                            .put(size, picture, &file.said, file.micros())
                            .map_err(|e| cannot("write", &place(), &e))?;
                    }
                    self.told.made += 1;
                }
                (None, _) => self.told.same += 1,
            }
        }
        Ok(())
    }

    /// Pictures of an asset, and what is told of it.
    fn make(&mut self, asset: AssetId, sizes: &[Size]) -> Result<(Value, HashMap<Size, Vec<u8>>), Failure> {
        let wrong =
            |e: io::Error| failed(format!("cannot take the thumbnails: {e}"), "free some memory, then run it again");
        let file = rustix::fs::memfd_create("thumbs", rustix::fs::MemfdFlags::CLOEXEC).map_err(|e| wrong(e.into()))?;
        let file = File::from(file);
        let command = Command::ThumbsMake { asset, sides: sizes.iter().map(|size| size.side()).collect() };
        let told = self.backend.run(command, Some(file.try_clone().map_err(wrong)?))?;
        let lengths = told["lengths"].as_array().map_or(&[][..], Vec::as_slice);
        let (mut at, mut pictures) = (0, HashMap::new());
        for (size, length) in sizes.iter().zip(lengths) {
            let length = length.as_u64().ok_or_else(misunderstood)?;
            let mut picture = vec![0; usize::try_from(length).map_err(|_| misunderstood())?];
            file.read_exact_at(&mut picture, at).map_err(wrong)?;
            at += length;
            pictures.insert(*size, picture);
        }
        Ok((told, pictures))
    }
}

/// Hears of what a query finds.
#[derive(Default)]
struct Found(Mutex<HashSet<AssetId>>);

impl Listener for Found {
    fn part(&self, part: Value) -> Result<(), OpsError> {
        let id = |asset: &Value| asset["id"].as_str()?.parse::<AssetId>().ok();
        let ids = part["assets"].as_array().into_iter().flatten().filter_map(id);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        Ok(())
    }
}

/// Why there is none.
fn reason(told: &Value) -> Option<&str> {
    told["refused"].as_str().or_else(|| told["none"].as_str())
}

/// Whether the mount showed the file as the library has it.
fn is_shown(told: &Value, file: &Shown) -> bool {
    told["size"].as_u64() == file.said.size && told["mtime"].as_i64().map(i128::from) == Some(file.nanos)
}

fn cannot(what: &str, path: &Path, e: &io::Error) -> Failure {
    failed(format!("cannot {what} {}: {e}", path.display()), "check the disk and the folder's permissions")
}
