//! What a directory takes, and the sentence for what it does not.

use super::{FsError, FsResult};
use crate::ops::value;
use crate::policy::{Expr, FieldKind};
use crate::types::FileName;
use crate::view::tree::{Dir, QueryDir, board};

/// The query whose plain values a new file here would get; a sentence for every other place.
pub(super) fn writable(dir: &Dir) -> FsResult<&QueryDir> {
    match dir {
        Dir::Query(query) if query.plain && query.sets.iter().all(|(f, _)| f.is_settable()) => Ok(query),
        Dir::Query(query) if query.plain => Err(FsError::NotPermitted(format!(
            "`{}` follows from the files themselves; put new files into library/ or a view by persona, campaign, tag or rating, and remove files in library/",
            query.path
        ))),
        Dir::Query(query) if board::is_board(query) => Err(FsError::NotPermitted(format!(
            "`{}` is the board: move a file here from another stage's folder, and put new files into library/",
            query.path
        ))),
        Dir::Query(query) if query.expr == Expr::nothing() => {
            Err(FsError::NotPermitted(format!("`{}` asks nothing that is there: dam saved tells why", query.path)))
        }
        Dir::Query(query) => Err(FsError::NotPermitted(format!(
            "`{}` is a query with not, or, or a range: it cannot say what a file put here should get",
            query.path
        ))),
        other => Err(refuse_place(other)),
    }
}

/// The query whose files are saved where it shows them: it may not say what a new file gets, and has room for what a save needs on its way.
pub(super) fn saved_in(dir: &Dir) -> FsResult<&QueryDir> {
    match dir {
        Dir::Query(query) => Ok(query),
        other => Err(refuse_place(other)),
    }
}

/// Why a directory takes no new word.
pub(super) fn refuse_word(dir: &Dir, name: &FileName) -> FsError {
    let (Dir::Field(field) | Dir::NarrowField(_, field)) = dir else { return refuse_place(dir) };
    match field.kind() {
        FieldKind::Closed(known) if field.is_settable() => {
            let known = known.iter().map(|&word| word.to_owned());
            value::unknown(&field.to_string(), &name.to_text(), known).into()
        }
        _ => refuse_place(dir),
    }
}

/// Why a directory takes nothing new.
pub(super) fn refuse_place(dir: &Dir) -> FsError {
    match dir {
        Dir::Platforms | Dir::Platform(_) | Dir::Placement(..) => {
            FsError::ReadOnly("platforms/ is rendered from what is approved; change the asset in library/".into())
        }
        Dir::VersionsTree(_) | Dir::VersionsOf(_) => {
            FsError::ReadOnly("versions/ keeps what was; copy a version back into library/ to restore it".into())
        }
        Dir::RecordsTree(_) => FsError::ReadOnly("records/ is written by damfs; use `dam set`".into()),
        Dir::Control | Dir::Why | Dir::WhyTree(_) | Dir::WhyExports(_) => {
            FsError::ReadOnly(".dam/ is written by damfs".into())
        }
        Dir::Trash | Dir::TrashDay(_) => {
            FsError::ReadOnly("the trash takes only what is removed; move a file out of it to restore it".into())
        }
        Dir::Saved => FsError::NotPermitted(
            "saved/ keeps queries: mkdir 'saved/persona=luna' and rename it, or ln -s ../find/QUERY saved/NAME".into(),
        ),
        Dir::Review => FsError::NotPermitted(
            "review/ has a folder for each stage, and no others: move files from one to another".into(),
        ),
        Dir::Bin(_) => FsError::NotPermitted(
            "a desktop's trash takes files that are moved into its files/, and the desktop's own notes".into(),
        ),
        _ => FsError::NotPermitted("this directory is made of the library's metadata; put files into library/".into()),
    }
}
