//! Places of the virtual tree, and how values are written as names.

use std::sync::Arc;

use super::bin::{Bin, BinPart};
use crate::catalog::{Asset, VersionRow};
use crate::policy::platforms::Placement;
use crate::policy::{Expr, Field, FieldKind, Term, Test};
use crate::types::{AssetId, FileName, NodeId, Timestamp};

/// The name of the directory that narrows a query.
pub const AND: &str = "+and";

/// The name of the directory of what has no value of a facet.
pub const NONE: &str = "none";

/// A directory that no node stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dir {
    /// The mount itself.
    Root,
    /// `by/`
    By,
    /// `by/<facet>/`; for [`Field::Status`] `by/status/<platform>/`
    Field(Field),
    /// `by/too-small/`
    TooSmall,
    /// `by/created/`, and of every other field of dates.
    Years(Field),
    /// `by/created/<year>/`
    Year(Field, i16),
    /// `by/similar/`
    Similar,
    /// The files that match.
    Query(QueryDir),
    /// `<query>/+and/`
    Narrow(QueryDir),
    /// `<query>/+and/<facet>/`; for [`Field::Status`] `<query>/+and/status/<platform>/`
    NarrowField(QueryDir, Field),
    /// `find/`
    Find,
    /// `saved/`
    Saved,
    /// `review/`
    Review,
    /// `platforms/`
    Platforms,
    /// `platforms/<platform>/`
    Platform(String),
    /// `platforms/<platform>/<placement>/`
    Placement(String, String),
    /// `versions/<folder>/`, by the folder's node.
    VersionsTree(NodeId),
    /// `versions/<folder>/<file>/`
    VersionsOf(AssetId),
    /// `trash/`
    Trash,
    /// `trash/<date>/`
    TrashDay(String),
    /// `.Trash-<uid>/` and its parts; found by its own user alone, and listed nowhere.
    Bin(Bin),
    /// `records/<folder>/`, by the folder's node.
    RecordsTree(NodeId),
    /// `.dam/`
    Control,
    /// `.dam/why/`
    Why,
    /// `.dam/why/library/<folder>/`, by the folder's node.
    WhyTree(NodeId),
    /// `.dam/why/platforms/...`: as the place itself, with what is not shown there. Resolves when typed and lists nothing.
    WhyExports(Box<Dir>),
}

/// A directory that is a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryDir {
    /// The path as it was reached: two paths are two directories, also when they ask the same.
    pub path: String,
    /// What its files satisfy.
    pub expr: Expr,
    /// What a file that is put here gets, in path order; empty unless `plain`.
    pub sets: Vec<(Field, String)>,
    /// Whether the query is nothing but values that one asset can have together: no not, or, range, words or none.
    pub plain: bool,
    /// The fields of which its files have no value, when that is all that it asks.
    pub lacks: Vec<Field>,
    /// The tag whose children are directories here (`by/tag/a/`).
    pub tag: Option<String>,
    /// Reached through `+and`: lists files only, so that the tree ends.
    pub narrowed: bool,
}

/// What a name of the virtual tree stands for.
#[derive(Debug, Clone)]
pub enum Item {
    /// A directory of the virtual tree.
    Dir(Dir),
    /// `library/`, `inbox/`: from here on nodes and entries.
    Node(NodeId),
    /// An asset's current file.
    Asset(Asset),
    /// An earlier or the current version, read-only.
    Version(Asset, VersionRow),
    /// A version as a placement takes it.
    Export(Asset, VersionRow, Arc<Placement>),
    /// A version's clip as a placement takes it, finished: its bytes' length and BLAKE3, and when it was first made so.
    Clip { asset: Asset, version: VersionRow, placement: Arc<Placement>, size: u64, hash: [u8; 32], since: Timestamp },
    /// A note that an asset's clip for a placement is not finished.
    Pending(Asset, Arc<Placement>),
    /// What stands beside an export when it is posted.
    Caption(Asset, Arc<Placement>),
    /// An asset in the trash.
    Trashed(Asset),
    /// An asset's record as text.
    Record(Asset),
    /// Why the caller may or may not.
    Why(WhyTarget),
    /// Another text made when it is read.
    Text(TextFile),
}

/// What a reason is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyTarget {
    /// An asset.
    Asset(AssetId),
}

/// A text made when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFile {
    /// `.dam/status`
    Status,
    /// `.dam/errors`
    Errors,
    /// `.dam/README`
    Readme,
    /// `inbox/.report`
    InboxReport,
    /// `records/.library.json`
    Library,
    /// `.trackerignore`, `.nomedia`: empty, tell indexers to stay away.
    Marker,
}

/// The path of a directory, the same for the same place and for no other: the key of its inode. Directories that mirror folders are
/// named by the folder's number, so that renaming a folder does not change theirs.
#[must_use]
pub fn path_of(dir: &Dir) -> String {
    match dir {
        Dir::Root => String::new(),
        Dir::By => "by".to_owned(),
        Dir::Field(field) => format!("by/{}", field_path(field)),
        Dir::TooSmall => "by/too-small".to_owned(),
        Dir::Years(field) => format!("by/{field}"),
        Dir::Year(field, year) => format!("by/{field}/{year:04}"),
        Dir::Similar => super::tree::SIMILAR.to_owned(),
        Dir::Query(query) => query.path.clone(),
        Dir::Narrow(query) => format!("{}/{AND}", query.path),
        Dir::NarrowField(query, field) => format!("{}/{AND}/{}", query.path, field_path(field)),
        Dir::Find => "find".to_owned(),
        Dir::Saved => "saved".to_owned(),
        Dir::Review => "review".to_owned(),
        Dir::Platforms => "platforms".to_owned(),
        Dir::Platform(platform) => format!("platforms/{platform}"),
        Dir::Placement(platform, placement) => format!("platforms/{platform}/{placement}"),
        Dir::VersionsTree(node) => mirror("versions", *node),
        Dir::VersionsOf(asset) => format!("versions#{asset}"),
        Dir::Trash => "trash".to_owned(),
        Dir::TrashDay(day) => format!("trash/{day}"),
        Dir::Bin(bin) => bin.path(),
        Dir::RecordsTree(node) => mirror("records", *node),
        Dir::Control => ".dam".to_owned(),
        Dir::Why => ".dam/why".to_owned(),
        Dir::WhyTree(node) => mirror(".dam/why/library", *node),
        Dir::WhyExports(place) => format!(".dam/why/{}", path_of(place)),
    }
}

fn mirror(top: &str, node: NodeId) -> String {
    if node == NodeId::LIBRARY { top.to_owned() } else { format!("{top}#{node}") }
}

fn field_path(field: &Field) -> String {
    match field {
        Field::Status(platform) => format!("status/{platform}"),
        // What a person looks for there is a prompt.
        Field::Family => "prompt".to_owned(),
        other => other.to_string(),
    }
}

/// Whether something may be made, renamed or removed in it; what exactly is `fs`'s to say.
#[must_use]
pub fn is_writable(dir: &Dir) -> bool {
    match dir {
        Dir::Query(_) | Dir::Saved => true,
        Dir::Field(field) | Dir::NarrowField(_, field) => takes_words(field),
        Dir::Bin(bin) => !matches!(bin.part, BinPart::Folder(_)),
        Dir::TrashDay(_) => true,
        _ => false,
    }
}

/// The value that `mkdir` (or `rmdir`) of a name means here: a word of an open vocabulary.
#[must_use]
pub fn new_word(dir: &Dir, name: &FileName) -> Option<(Field, String)> {
    let text = std::str::from_utf8(name.as_bytes()).ok()?;
    match dir {
        Dir::Field(_) | Dir::NarrowField(..) if text == NONE => None,
        Dir::Field(Field::Tag) => Some((Field::Tag, decode_level(text)?)),
        Dir::Field(field) if takes_words(field) => Some((field.clone(), decode(text)?)),
        Dir::Query(QueryDir { tag: Some(tag), narrowed: false, .. }) => {
            Some((Field::Tag, format!("{tag}/{}", decode_level(text)?)))
        }
        Dir::NarrowField(_, Field::Tag) => Some((Field::Tag, decode_tag(text)?)),
        Dir::NarrowField(_, field) if takes_words(field) => Some((field.clone(), decode(text)?)),
        _ => None,
    }
}

/// Whether a field has an open vocabulary, whose words are made by `mkdir`.
#[must_use]
pub fn takes_words(field: &Field) -> bool {
    field.is_settable()
        && !matches!(field, Field::Owner | Field::Reviewer)
        && matches!(field.kind(), FieldKind::Open | FieldKind::Tree)
}

impl QueryDir {
    /// The files of one value of a field.
    #[must_use]
    pub(super) fn value(path: String, field: Field, value: String) -> Self {
        let expr = Expr::is(field.clone(), value.clone());
        let (lacks, tag) = (Vec::new(), None);
        Self { path, expr, sets: vec![(field, value)], plain: true, lacks, tag, narrowed: false }
    }

    /// The files that a typed query finds.
    #[must_use]
    pub(super) fn typed(path: String, expr: Expr) -> Self {
        let sets = equalities(&expr);
        let lacks = lacking(&expr).unwrap_or_default();
        Self { path, expr, plain: sets.is_some(), sets: sets.unwrap_or_default(), lacks, tag: None, narrowed: false }
    }

    /// Those of its files that satisfy another query too.
    #[must_use]
    pub(super) fn narrow(&self, path: String, expr: Expr) -> Self {
        let both = self.expr.clone().and(expr);
        Self { narrowed: true, ..Self::typed(path, both) }
    }
}

/// The values that a query asks for, when it is nothing but values that one asset can have together.
fn equalities(expr: &Expr) -> Option<Vec<(Field, String)>> {
    let one = std::slice::from_ref(expr);
    let parts = if let Expr::And(parts) = expr { parts } else { one };
    let mut sets: Vec<(Field, String)> = Vec::with_capacity(parts.len());
    for part in parts {
        let Expr::Term(Term { field, test: Test::Is(value) }) = part else { return None };
        if !field.is_multi() && sets.iter().any(|(f, v)| f == field && v != value) {
            return None;
        }
        if !sets.iter().any(|(f, v)| f == field && v == value) {
            sets.push((field.clone(), value.clone()));
        }
    }
    (!sets.is_empty()).then_some(sets)
}

/// The fields that are to have no value, when a query asks nothing else.
fn lacking(expr: &Expr) -> Option<Vec<Field>> {
    let one = std::slice::from_ref(expr);
    let parts = if let Expr::And(parts) = expr { parts } else { one };
    let lacks = parts.iter().map(|part| match part {
        Expr::Term(Term { field, test: Test::Empty }) => Some(field.clone()),
        _ => None,
    });
    lacks.collect()
}

/// A value as a name: percent-encoded where a name could not hold it or would mean something else.
/// `None` when it is too long for a name.
pub(super) fn encode(value: &str) -> Option<FileName> {
    encode_as(value, false, false)
}

/// As [`encode`], spelled so that it differs from a file of that name.
pub(super) fn encode_apart(value: &str) -> Option<FileName> {
    encode_as(value, false, true)
}

/// A tag in one name, `.` between its levels.
pub(super) fn encode_tag(tag: &str) -> Option<FileName> {
    encode_as(tag, true, false)
}

fn encode_as(value: &str, tag: bool, apart: bool) -> Option<FileName> {
    let mut out = String::with_capacity(value.len());
    let reserved = [AND, NONE].contains(&value);
    for (at, c) in value.char_indices() {
        let hex = |n: usize| value.as_bytes().get(at + n).is_some_and(u8::is_ascii_hexdigit);
        let literal_percent = c == '%' && !(hex(1) && hex(2));
        let special = c == '/' || c.is_control() || (c == '%' && !literal_percent) || (c == '.' && (at == 0 || tag));
        if tag && c == '/' {
            out.push('.');
        } else if special || (at == 0 && (reserved || apart)) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push('%');
                out.extend(
                    [byte >> 4, byte & 15]
                        .map(|d| char::from_digit(u32::from(d), 16).unwrap_or('0').to_ascii_uppercase()),
                );
            }
        } else {
            out.push(c);
        }
    }
    FileName::new(out).ok()
}

/// The value that a name stands for. A `%` without two digits behind it stands for itself.
pub(super) fn decode(name: &str) -> Option<String> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digit = |n: usize| tail.get(n).and_then(|d| char::from(*d).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                rest = &tail[2..];
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).ok().filter(|v| !v.trim().is_empty() && !v.contains('\0'))
}

/// One level of a tag.
pub(super) fn decode_level(name: &str) -> Option<String> {
    decode(name).filter(|v| !v.contains('/'))
}

/// A whole tag written with `.` between its levels.
pub(super) fn decode_tag(name: &str) -> Option<String> {
    let levels: Option<Vec<String>> = name.split('.').map(decode_level).collect();
    Some(levels?.join("/"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_their_names() {
        for (value, name) in [
            ("luna", "luna"),
            ("red dress", "red dress"),
            ("a/b", "a%2Fb"),
            (".hidden", "%2Ehidden"),
            ("..", "%2E."),
            ("v1.5", "v1.5"),
            ("100%", "100%"),
            ("%41", "%2541"),
            ("+and", "%2Band"),
            ("+1", "+1"),
            ("none", "%6Eone"),
            ("a\nb", "a%0Ab"),
            ("é", "é"),
        ] {
            let encoded = encode(value).unwrap();
            assert_eq!(encoded.to_text(), name);
            assert_eq!(decode(name).as_deref(), Some(value));
            assert_eq!(decode(&encode_apart(value).unwrap().to_text()).as_deref(), Some(value));
        }
        assert_eq!(encode_apart("x.png").unwrap().to_text(), "%78.png");
        assert_eq!(encode(&"x".repeat(256)), None);
        for name in ["%00", "%FF", "  "] {
            assert_eq!(decode(name), None, "{name}");
        }
    }

    #[test]
    fn tags_come_back_from_their_names() {
        for (tag, name) in [("a", "a"), ("a/b", "a.b"), ("v1.5/x", "v1%2E5.x"), ("a/.b", "a.%2Eb")] {
            assert_eq!(encode_tag(tag).unwrap().to_text(), name);
            assert_eq!(decode_tag(name).as_deref(), Some(tag));
        }
        assert_eq!(decode_tag("a..b"), None);
        assert_eq!(decode_tag("a%2Fb"), None);
    }

    #[test]
    fn only_plain_values_say_what_a_file_gets() {
        let sets = |text: &str| {
            let q = QueryDir::typed(String::new(), crate::policy::parse(text).unwrap());
            assert_eq!(q.plain, !q.sets.is_empty());
            q.sets.iter().map(|(f, v)| format!("{f}={v}")).collect::<Vec<_>>().join(",")
        };
        assert_eq!(sets("persona=luna,tag=a.b,rating=safe"), "persona=luna,tag=a/b,rating=safe");
        assert_eq!(sets("persona=luna,persona=mira"), "persona=luna,persona=mira");
        assert_eq!(sets("persona=luna,persona=luna"), "persona=luna");
        for text in [
            "not.persona=luna",
            "persona=luna+mira",
            "created=2026",
            "persona=none",
            "text=red",
            "rating=safe,rating=adult",
            "any(persona=luna;tag=x)",
            "width=1..2",
            "persona=luna,not.tag=x",
        ] {
            assert_eq!(sets(text), "", "{text}");
        }
    }

    #[test]
    fn what_lacks_values_alone_says_which() {
        let lacks = |text: &str| QueryDir::typed(String::new(), crate::policy::parse(text).unwrap()).lacks;
        assert_eq!(lacks("tag=none"), [Field::Tag]);
        assert_eq!(lacks("tag=none,rating=none"), [Field::Tag, Field::Rating]);
        for text in ["tag=none,persona=luna", "not.tag=none", "tag=none+a", "tag=a"] {
            assert_eq!(lacks(text), [], "{text}");
        }
        assert!(QueryDir::typed(String::new(), Expr::nothing()).lacks.is_empty());
    }

    #[test]
    fn paths_differ() {
        let bin = Bin { member: crate::types::MemberId::from_bytes([1; 16]), uid: 1, part: BinPart::Top };
        let q = QueryDir::value("by/persona/luna".into(), Field::Persona, "luna".into());
        let dirs = [
            Dir::Root,
            Dir::By,
            Dir::Field(Field::Persona),
            Dir::Field(Field::AnyStatus),
            Dir::Field(Field::Status("x".into())),
            Dir::TooSmall,
            Dir::Years(Field::Created),
            Dir::Year(Field::Created, 2026),
            Dir::Years(Field::Imported),
            Dir::Year(Field::Imported, 2026),
            Dir::Query(q.clone()),
            Dir::Narrow(q.clone()),
            Dir::NarrowField(q, Field::Tag),
            Dir::Find,
            Dir::Saved,
            Dir::Platforms,
            Dir::Platform("x".into()),
            Dir::Placement("x".into(), "y".into()),
            Dir::VersionsTree(NodeId::LIBRARY),
            Dir::VersionsTree(NodeId(20)),
            Dir::VersionsOf(AssetId::from_bytes([1; 16])),
            Dir::Trash,
            Dir::TrashDay("d".into()),
            Dir::Bin(bin),
            Dir::Bin(bin.part(BinPart::Files)),
            Dir::Bin(bin.part(BinPart::Info)),
            Dir::Bin(bin.part(BinPart::Expunged)),
            Dir::Bin(bin.part(BinPart::Folder(NodeId(20)))),
            Dir::RecordsTree(NodeId::LIBRARY),
            Dir::RecordsTree(NodeId(20)),
            Dir::Control,
            Dir::Why,
            Dir::WhyTree(NodeId::LIBRARY),
            Dir::WhyTree(NodeId(20)),
            Dir::WhyExports(Box::new(Dir::Platforms)),
        ];
        let paths: std::collections::BTreeSet<String> = dirs.iter().map(path_of).collect();
        assert_eq!(paths.len(), dirs.len());
    }

    #[test]
    fn words_are_made_where_vocabularies_are_open() {
        let name = FileName::new("new").unwrap();
        let tag = QueryDir { tag: Some("a".into()), ..QueryDir::value("by/tag/a".into(), Field::Tag, "a".into()) };
        assert_eq!(new_word(&Dir::Field(Field::Persona), &name), Some((Field::Persona, "new".into())));
        assert_eq!(new_word(&Dir::Query(tag.clone()), &name), Some((Field::Tag, "a/new".into())));
        assert_eq!(new_word(&Dir::NarrowField(tag, Field::Campaign), &name), Some((Field::Campaign, "new".into())));
        let years = Dir::Years(Field::Created);
        for dir in [Dir::By, Dir::Field(Field::Rating), Dir::Field(Field::Format), Dir::Find, years, Dir::Root] {
            assert_eq!(new_word(&dir, &name), None, "{dir:?}");
        }
        assert_eq!(new_word(&Dir::Field(Field::Persona), &FileName::new(NONE).unwrap()), None);
    }
}
