//! `saved/`: queries are made, renamed and removed as directories are.

use std::sync::Arc;
use std::time::Duration;

use super::inodes::Virtual;
use super::mount::Mount;
use super::{Entry, FsError, FsResult, attr};
use crate::access::Who;
use crate::catalog::{ReadTx, WriteTx};
use crate::ops::notices::Notice;
use crate::ops::saved;
use crate::types::{Caller, FileName};
use crate::view::tree::Dir;
use crate::view::tree::saved::Saved;

impl Mount {
    /// Whether an inode is `saved/`.
    pub(super) fn is_saved(&self, ino: u64) -> bool {
        matches!(self.inodes.get(ino).as_deref(), Some(Virtual::Dir(Dir::Saved)))
    }

    /// What a member sees in `saved/` under a name.
    pub(super) fn saved_as(&self, tx: &dyn ReadTx, who: &Who, name: &FileName) -> FsResult<Saved> {
        self.tree(tx, who).saved_as(text(name)?)?.ok_or(FsError::NotFound)
    }

    /// A new one, that asks nothing unless its name is a query or it is given one.
    pub(super) fn make_saved(&self, who: &Who, caller: &Caller, name: &FileName, query: Option<&str>) -> FsResult<()> {
        let hand = self.hand(who, caller);
        self.library.catalog.write(|tx| -> FsResult<()> {
            let name = text(name)?;
            if self.tree(tx, who).saved_as(name)?.is_some() {
                return Err(FsError::Exists);
            }
            Ok(saved::make(tx, who, name, query, &hand)?)
        })
    }

    /// `ln -s ../find/<query> saved/<name>`. The kernel wants the symbolic link that it asked for: it gets one that it believes for no time,
    /// and finds the directory when it looks next.
    pub(super) fn link_saved(
        &self,
        who: &Arc<Who>,
        caller: &Caller,
        parent: u64,
        name: &FileName,
        target: &[u8],
    ) -> FsResult<Entry> {
        let query = asked(target).ok_or_else(|| {
            FsError::NotPermitted("a link in saved/ leads to a query: ln -s ../find/QUERY saved/NAME".into())
        })?;
        self.make_saved(who, caller, name, Some(query))?;
        let link = Virtual::Link(target.into());
        let ino = self.inodes.path(&link, &format!("link {parent} {name}"));
        let attr = attr::link(ino, target.len() as u64, self.show, self.library.clock.now());
        self.inodes.remember(ino, link);
        Ok(Entry { attr, entry_ttl: Duration::ZERO, attr_ttl: Duration::ZERO })
    }

    pub(super) fn remove_saved(&self, who: &Who, caller: &Caller, name: &FileName) -> FsResult<()> {
        let hand = self.hand(who, caller);
        self.library.catalog.write(|tx| -> FsResult<()> {
            let saved = self.saved_as(tx, who, name)?;
            Ok(saved::drop_seen(tx, who, &saved, &hand)?)
        })
    }

    pub(super) fn rename_saved(
        &self,
        tx: &mut dyn WriteTx,
        (who, caller): (&Who, &Caller),
        saved: &Saved,
        new_name: &FileName,
        no_replace: bool,
    ) -> FsResult<()> {
        let name = text(new_name)?;
        if let Some(there) = self.tree(tx, who).saved_as(name)?
            && (no_replace || there.row.owner != saved.row.owner)
        {
            return Err(FsError::Exists);
        }
        Ok(saved::rename(tx, who, saved, name, &self.hand(who, caller))?)
    }

    /// One that names what is not there shows nothing, and `.dam/errors` says what that is.
    pub(super) fn explain_saved(&self, who: &Who, name: &FileName) {
        let fault = self.library.catalog.read(|tx| -> FsResult<Option<String>> {
            let row = self.saved_as(tx, who, name)?.row;
            Ok(saved::fault(tx, who, &row).filter(|_| row.query.is_some()))
        });
        if let Ok(Some(fault)) = fault {
            let (at, op) = (self.library.clock.now(), "saved".to_owned());
            let sentence = format!("saved/{name}: {fault}");
            self.library.notices.add(Notice { at, member: Some(who.id), op, sentence });
        }
    }
}

/// The query that a link's target leads to: the last part of a path, below a directory `find`.
fn asked(target: &[u8]) -> Option<&str> {
    let (above, query) = std::str::from_utf8(target).ok()?.trim_end_matches('/').rsplit_once('/')?;
    let above = above.trim_end_matches('/');
    (above.rsplit('/').next() == Some("find")).then_some(query)
}

fn text(name: &FileName) -> FsResult<&str> {
    std::str::from_utf8(name.as_bytes())
        .map_err(|_| FsError::NotPermitted("the name of a saved query is text in UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use super::asked;

    #[test]
    fn a_link_leads_to_a_query_below_find() {
        for (target, query) in [
            ("../find/tag=beach", Some("tag=beach")),
            ("find/tag=beach/", Some("tag=beach")),
            ("/home/anna/mnt/find/persona=luna,tag=beach", Some("persona=luna,tag=beach")),
            ("../find//tag=a", Some("tag=a")),
            ("../by/tag/beach", None),
            ("../find/tag=a/+and", None),
            ("find", None),
            ("../find/", None),
            ("../refind/tag=a", None),
            ("../library/find", None),
        ] {
            assert_eq!(asked(target.as_bytes()), query, "{target}");
        }
        assert_eq!(asked(b"../find/\xff"), None);
    }
}
