//! What a name says about its file before anything else is known: a saver's temporary, a backup, a lock, junk, or a person's file.
//!
//! The name only decides whether a file is held back from the views; behaviour (what is renamed onto what) decides identity. So a
//! pattern that people's own names could match asks for more here (an extension before the suffix, a random look), and a temporary
//! that is not recognised still saves correctly.

use crate::types::FileName;

#[cfg(test)]
mod tests;

/// What a name alone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameClass {
    /// A person's file.
    Ordinary,
    /// A saver's temporary file; no asset until it is renamed, or until it has stayed for ten minutes.
    Scratch,
    /// Old bytes under a backup name; never takes an identity from the name it backs up.
    Aside,
    /// A lock, swap or journal file; never an asset.
    Lock,
    /// An operating system's or a file server's own file; never an asset.
    Junk,
    /// Metadata beside a file (`a.jpg.xmp`, `a.xmp`, `a.thm`); a real asset.
    Sidecar,
    /// A desktop's trash directory.
    TrashDir,
    /// A directory that a saver builds the new file in (`.~tmp~`, `(A Document Being Saved By TextEdit)`).
    SaveDir,
}

/// Classifies a name by itself.
#[must_use]
pub fn classify(name: &FileName) -> NameClass {
    let n = name.as_bytes();
    if is_trash_dir(n) {
        NameClass::TrashDir
    } else if is_save_dir(n) {
        NameClass::SaveDir
    } else if is_junk(n) {
        NameClass::Junk
    } else if is_lock(n) {
        NameClass::Lock
    } else if aside(n).is_some() {
        NameClass::Aside
    } else if scratch(n).is_some() {
        NameClass::Scratch
    } else if is_sidecar(n) {
        NameClass::Sidecar
    } else {
        NameClass::Ordinary
    }
}

/// Classifies a name in a directory of the given name: whatever lies in a saver's own directory is its temporary.
#[must_use]
pub fn classify_in(directory: Option<&FileName>, name: &FileName) -> NameClass {
    match classify(name) {
        NameClass::Ordinary | NameClass::Sidecar if directory.is_some_and(|d| is_save_dir(d.as_bytes())) => {
            NameClass::Scratch
        }
        class => class,
    }
}

/// The name that a temporary will be renamed onto, when its pattern says so.
#[must_use]
pub fn scratch_of(name: &FileName) -> Option<FileName> {
    if classify(name) != NameClass::Scratch {
        return None;
    }
    FileName::new(scratch(name.as_bytes())??).ok()
}

/// The name whose old bytes a backup holds, when its pattern says so.
#[must_use]
pub fn aside_of(name: &FileName) -> Option<FileName> {
    if classify(name) != NameClass::Aside {
        return None;
    }
    FileName::new(aside(name.as_bytes())??).ok()
}

/// The name whose file an XMP sidecar speaks of: `a.jpg` of `a.jpg.xmp`, the stem `a` of `a.xmp`.
#[must_use]
pub fn sidecar_of(name: &FileName) -> Option<FileName> {
    if classify(name) != NameClass::Sidecar {
        return None;
    }
    FileName::new(suffix_ci(name.as_bytes(), b".xmp")?).ok()
}

/// The name under which macOS keeps beside a file what it cannot keep in it.
#[must_use]
pub fn apple_double(name: &FileName) -> Option<FileName> {
    FileName::new([b"._".as_slice(), name.as_bytes()].concat()).ok()
}

/// Whether the name is that of a camera's own format, which programs write nothing into: `a.xmp` beside `a.nef` and `a.jpg` is of the first.
#[must_use]
pub fn is_raw(name: &FileName) -> bool {
    const RAW: [&[u8]; 15] = [
        b"arw", b"cr2", b"cr3", b"crw", b"dng", b"iiq", b"nef", b"nrw", b"orf", b"pef", b"raf", b"raw", b"rw2", b"srw",
        b"x3f",
    ];
    split(name.as_bytes()).1.is_some_and(|e| RAW.iter().any(|raw| e.eq_ignore_ascii_case(raw)))
}

/// Whether `x` is a name that savers move the old `n` to. Wider than [`classify`], because both names are known.
#[must_use]
pub fn is_aside_for(x: &FileName, n: &FileName) -> bool {
    let (x, n) = (x.as_bytes(), n.as_bytes());
    if aside(x) == Some(None) {
        return true;
    }
    if let Some(rest) = x.strip_prefix(n)
        && (is_aside_suffix(rest) || (n.ends_with(b".blend") && blend_number(rest)))
    {
        return true;
    }
    // `drawing.bak` of `drawing.dwg`.
    matches!(suffix_ci(x, b".bak"), Some(stem) if !stem.is_empty() && split(n).0 == stem)
}

fn is_aside_suffix(rest: &[u8]) -> bool {
    const WORDS: [&[u8]; 7] = [b"~", b".bak", b".orig", b"_original", b".t", b".old", b".backup"];
    WORDS.iter().any(|w| rest.eq_ignore_ascii_case(w))
        || numbered_backup(rest).is_some_and(<[u8]>::is_empty)
        || replace_file(rest).is_some_and(<[u8]>::is_empty)
        || safe_save(rest).is_some_and(<[u8]>::is_empty)
}

/// `Some(None)`: a backup of a name that the pattern does not tell.
fn aside(n: &[u8]) -> Option<Option<&[u8]>> {
    if word_temporary(n) == Some(b'L') {
        return Some(None);
    }
    let of = numbered_backup(n).or_else(|| replace_file(n)).or_else(|| safe_save(n));
    if let Some(of) = of.filter(|of| !of.is_empty()) {
        return Some(Some(of));
    }
    if let Some(of) = n.strip_suffix(b"~").filter(|of| of.iter().any(|&b| b != b'~')) {
        return Some(Some(of));
    }
    for suffix in [b".bak".as_slice(), b".orig", b"_original", b".t"] {
        if let Some(of) = suffix_ci(n, suffix).filter(|of| has_extension(of)) {
            return Some(Some(of));
        }
    }
    let digits = n.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (of, number) = n.split_at(n.len() - digits);
    (of.len() > b".blend".len() && of.ends_with(b".blend") && blend_number(number)).then_some(Some(of))
}

/// `Some(None)`: a temporary for a name that the pattern does not tell.
fn scratch(n: &[u8]) -> Option<Option<&[u8]>> {
    let anonymous = n.strip_prefix(b".goutputstream-").is_some_and(six)
        || [b"sed".as_slice(), b"XX", b"zi", b"tmp"]
            .iter()
            .any(|p| n.strip_prefix(*p).is_some_and(|r| six(r) && runs(r) >= 3))
        || n.strip_prefix(b"tmp_obj_").is_some_and(six)
        || n.strip_prefix(b"tmp").is_some_and(|r| r.len() == 8 && python_temporary(r))
        || office_temporary(n)
        || between(n, b"jpegoptim-", b".tmp").is_some()
        || matches!(word_temporary(n), Some(kind) if kind != b'L')
        || (n.len() == 8 && excel_temporary(n))
        || [b".org.chromium.Chromium.".as_slice(), b".com.google.Chrome."].iter().any(|p| n.starts_with(p));
    if anonymous {
        return Some(None);
    }
    let of = between(n, b".syncthing.", b".tmp").or_else(|| between(n, b"~syncthing~", b".tmp"));
    if let Some(of) = of {
        return Some(Some(of));
    }
    for suffix in [b"_exiftool_tmp".as_slice(), b".vsctmp", b".crdownload"] {
        if let Some(of) = n.strip_suffix(suffix).filter(|of| !of.is_empty()) {
            return Some(Some(of));
        }
    }
    for suffix in [b"@".as_slice(), b".part", b".tmp"] {
        if let Some(of) = n.strip_suffix(suffix).filter(|of| has_extension(of)) {
            return Some(Some(of.strip_prefix(b".").filter(|o| suffix == b".tmp" && has_extension(o)).unwrap_or(of)));
        }
    }
    if let Some(rest) = n.strip_suffix(b".partial") {
        let (of, key) = split(rest);
        return key
            .filter(|k| k.len() == 8 && k.iter().all(u8::is_ascii_alphanumeric) && has_extension(of))
            .map(|_| Some(of));
    }
    let (of, key) = split(n);
    let key = key.filter(|k| six(k))?;
    match of.strip_prefix(b".") {
        Some(of) if has_extension(of) && runs(key) >= 2 => Some(Some(of)),
        Some(of) if !of.is_empty() && runs(key) >= 3 => Some(Some(of)),
        None if has_extension(of) && runs(key) >= 3 => Some(Some(of)),
        _ => None,
    }
}

fn is_lock(n: &[u8]) -> bool {
    // Package managers' lock files are documents, not locks.
    const DOCUMENTS: [&[u8]; 12] = [
        b"Cargo.lock",
        b"yarn.lock",
        b"poetry.lock",
        b"Pipfile.lock",
        b"flake.lock",
        b"Gemfile.lock",
        b"composer.lock",
        b"uv.lock",
        b"bun.lock",
        b"pdm.lock",
        b"pubspec.lock",
        b"mix.lock",
    ];
    // vim tries to create 4913, then 123 more each time that is taken.
    const PROBES: [&[u8]; 4] = [b"4913", b"5036", b"5159", b"5282"];
    let (front, ext) = split(n);
    let vim = n.starts_with(b".")
        && front.len() > 1
        && ext.is_some_and(|e| e.len() == 3 && e.starts_with(b"sw") && e.iter().all(u8::is_ascii_lowercase));
    let database =
        [b"-journal".as_slice(), b"-wal", b"-shm"].iter().any(|s| n.strip_suffix(*s).is_some_and(has_extension));
    vim || PROBES.contains(&n)
        || n.strip_prefix(b".#").is_some_and(|r| !r.is_empty())
        || between(n, b"#", b"#").is_some()
        || between(n, b".", b".kate-swp").is_some()
        || between(n, b".~lock.", b"#").is_some()
        || n.strip_prefix(b"~$").is_some_and(|r| !r.is_empty())
        || database
        || (ext == Some(b"lock") && !DOCUMENTS.contains(&n))
}

fn is_junk(n: &[u8]) -> bool {
    const NAMES: [&[u8]; 16] = [
        b".DS_Store",
        b".Spotlight-V100",
        b".fseventsd",
        b".TemporaryItems",
        b".apdisk",
        b".DocumentRevisions-V100",
        b".VolumeIcon.icns",
        b".localized",
        b"Icon\r",
        b"Thumbs.db",
        b"ehthumbs.db",
        b"ehthumbs_vista.db",
        b"desktop.ini",
        b".directory",
        b".hidden",
        b"$RECYCLE.BIN",
    ];
    let hex = |r: &[u8]| r.len() >= 8 && r.iter().all(u8::is_ascii_hexdigit);
    NAMES.iter().any(|j| n.eq_ignore_ascii_case(j))
        || n.strip_prefix(b"._").is_some_and(|r| !r.is_empty())
        || n.strip_prefix(b".fuse_hidden").is_some_and(hex)
        || n.strip_prefix(b".nfs").is_some_and(hex)
}

fn is_sidecar(n: &[u8]) -> bool {
    split(n).1.is_some_and(|e| e.eq_ignore_ascii_case(b"xmp") || e.eq_ignore_ascii_case(b"thm"))
}

fn is_trash_dir(n: &[u8]) -> bool {
    n == b".Trash"
        || n == b".Trashes"
        || n.strip_prefix(b".Trash-").is_some_and(|r| !r.is_empty() && r.iter().all(u8::is_ascii_digit))
}

fn is_save_dir(n: &[u8]) -> bool {
    n == b".~tmp~" || n == b".rsync-partial" || between(n, b"(A Document Being Saved By ", b")").is_some()
}

/// `lu37581abc.tmp` of LibreOffice, `ps1A2B.tmp` of Photoshop; a digit tells them from `luna.tmp`.
fn office_temporary(n: &[u8]) -> bool {
    let libre =
        between(n, b"lu", b".tmp").is_some_and(|r| r[0].is_ascii_digit() && r.iter().all(u8::is_ascii_alphanumeric));
    let photoshop = between(n, b"ps", b".tmp")
        .is_some_and(|r| r.iter().all(u8::is_ascii_alphanumeric) && r.iter().any(u8::is_ascii_digit) && r.len() <= 8);
    libre || photoshop
}

/// `~WRD0001.tmp`, `~WRL0001.tmp`: the letter behind `~WR`.
fn word_temporary(n: &[u8]) -> Option<u8> {
    let (kind, _) = suffix_ci(n.strip_prefix(b"~WR")?, b".tmp")?.split_first()?;
    kind.is_ascii_uppercase().then_some(*kind)
}

/// Excel saves to eight hexadecimal digits without extension; all digits are a date.
fn excel_temporary(n: &[u8]) -> bool {
    n.iter().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b))
        && n.iter().any(u8::is_ascii_digit)
        && n.iter().any(u8::is_ascii_uppercase)
}

fn python_temporary(r: &[u8]) -> bool {
    r.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_') && runs(r) >= 3
}

/// `N.~3~` -> `N`.
fn numbered_backup(n: &[u8]) -> Option<&[u8]> {
    let inner = n.strip_suffix(b"~")?;
    let digits = inner.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 { None } else { inner[..inner.len() - digits].strip_suffix(b".~") }
}

/// `N~RF1a2b3c.TMP` -> `N`.
fn replace_file(n: &[u8]) -> Option<&[u8]> {
    let inner = suffix_ci(n, b".tmp")?;
    let at = inner.windows(3).rposition(|w| w == b"~RF")?;
    let key = &inner[at + 3..];
    (!key.is_empty() && key.iter().all(u8::is_ascii_hexdigit)).then(|| &inner[..at])
}

/// `N.sb-1a2b3c4d-x1Y2z3` -> `N`.
fn safe_save(n: &[u8]) -> Option<&[u8]> {
    let at = n.windows(4).rposition(|w| w == b".sb-")?;
    let key = &n[at + 4..];
    let alnum = |k: &[u8]| k.iter().all(u8::is_ascii_alphanumeric);
    (key.len() == 15 && key[8] == b'-' && alnum(&key[..8]) && alnum(&key[9..])).then(|| &n[..at])
}

fn blend_number(digits: &[u8]) -> bool {
    let number = std::str::from_utf8(digits).ok().and_then(|d| d.parse::<u8>().ok());
    number.is_some_and(|k| (1..=32).contains(&k)) && !digits.starts_with(b"0")
}

fn between<'a>(n: &'a [u8], front: &[u8], back: &[u8]) -> Option<&'a [u8]> {
    n.strip_prefix(front)?.strip_suffix(back).filter(|inner| !inner.is_empty())
}

fn suffix_ci<'a>(n: &'a [u8], suffix: &[u8]) -> Option<&'a [u8]> {
    let (front, back) = n.split_at(n.len().checked_sub(suffix.len())?);
    back.eq_ignore_ascii_case(suffix).then_some(front)
}

/// The name up to its last dot, and what follows it.
fn split(n: &[u8]) -> (&[u8], Option<&[u8]>) {
    match n.iter().rposition(|&b| b == b'.') {
        Some(at) if at > 0 && at + 1 < n.len() => (&n[..at], Some(&n[at + 1..])),
        _ => (n, None),
    }
}

/// Whether it looks like a file's name with an extension: `a.png`, not `v1.2` and not `.bashrc`.
fn has_extension(n: &[u8]) -> bool {
    split(n).1.is_some_and(|e| {
        e.len() <= 12 && e.iter().all(u8::is_ascii_alphanumeric) && e.iter().any(u8::is_ascii_alphabetic)
    })
}

fn six(r: &[u8]) -> bool {
    r.len() == 6 && r.iter().all(u8::is_ascii_alphanumeric)
}

/// How many words and numbers it falls into, a capital going with the small letters behind it: `iments` 1, `Final2` 2, `Xk3f9Q` 5.
/// Random keys have many, names that people type have one or two.
fn runs(r: &[u8]) -> usize {
    let kind = |b: u8| {
        if b.is_ascii_digit() {
            0
        } else if b.is_ascii_uppercase() {
            1
        } else {
            2
        }
    };
    let mut count = usize::from(!r.is_empty());
    for pair in r.windows(2) {
        let (before, after) = (kind(pair[0]), kind(pair[1]));
        if before != after && !(before == 1 && after == 2) {
            count += 1;
        }
    }
    count
}
