//! Changing mode, owner, times and length; reading links.

use serde_json::{Value, json};

use super::handles::{Handle, OpenFile};
use super::mount::{Mount, Object};
use super::{FsError, FsResult, SetAttr, Stat, TimeChange};
use crate::access::Who;
use crate::catalog::{ChangeKind, NodeClass, NodeKind, NodeRow};
use crate::ops::record::Hand;
use crate::ops::trail;
use crate::policy::Verb;
use crate::types::{Caller, Timestamp, without_set_id};

impl Mount {
    /// Changes attributes of a node. Roles decide access; the mode bits are stored and shown.
    ///
    /// # Errors
    /// With a sentence for every refusal.
    pub fn setattr(&self, caller: &Caller, ino: u64, set: SetAttr) -> FsResult<Stat> {
        let who = self.who(caller)?;
        let result = Self::may_alter(&who).and_then(|()| self.setattr_as(&who, caller, ino, &set));
        self.explain(&who, "setattr", result)
    }

    fn setattr_as(&self, who: &Who, caller: &Caller, ino: u64, set: &SetAttr) -> FsResult<Stat> {
        let node = self.library.catalog.read(|tx| -> FsResult<NodeRow> {
            let Object::Node(node, _) = self.object(tx, who, ino)? else {
                return Err(FsError::ReadOnly("this is made by damfs and has no attributes to set".into()));
            };
            match node.kind {
                NodeKind::Dir => Self::may_own(who, &node)?,
                _ => self.may_change(tx, who, Verb::Edit, &node)?,
            }
            Ok(*node)
        })?;
        if let Some(uid) = set.uid.filter(|uid| *uid != node.uid && caller.uid != 0) {
            return Err(FsError::NotPermitted(format!("only root may give a file to user id {uid}")));
        }
        let foreign = |gid: u32| gid != node.gid && caller.uid != 0 && (node.uid != caller.uid || gid != caller.gid);
        if let Some(gid) = set.gid.filter(|gid| foreign(*gid)) {
            return Err(FsError::NotPermitted(format!(
                "only its owner may give a file to group {gid}, and only as one of it"
            )));
        }
        if let Some(size) = set.size {
            self.truncate(who, &node, size, set.fh)?;
        }
        let hand = self.hand(who, caller);
        let now = hand.now;
        let row = self.library.catalog.write(|tx| -> FsResult<NodeRow> {
            let Some(old) = tx.node(node.id)? else { return Ok(node.clone()) };
            let mut row = old.clone();
            if let Some(mode) = set.mode {
                row.mode = mode & 0o7777;
            }
            row.uid = set.uid.unwrap_or(row.uid);
            row.gid = set.gid.unwrap_or(row.gid);
            let given = set.uid.is_some() || set.gid.is_some();
            if row.kind == NodeKind::File && set.mode.is_none() && (given || (set.size.is_some() && caller.uid != 0)) {
                row.mode = without_set_id(row.mode);
            }
            if let Some(atime) = set.atime {
                row.atime = resolve(atime, now);
            }
            if let Some(mtime) = set.mtime {
                row.mtime = resolve(mtime, now);
                row.mtime_set = true;
            }
            row.ctime = now;
            tx.put_node(&row)?;
            tx.change(ChangeKind::Node, &row.id.to_string())?;
            let changed = changed(&old, &row);
            if !changed.is_empty() {
                trail::named(tx, &hand, "attr", &row, json!({ "changed": changed }))?;
            }
            // Inside, so that a version made at this moment has either both times or neither.
            if let Some(live) = self.library.live.get(node.id) {
                live.set_mode(row.mode);
                if set.mtime.is_some() {
                    live.set_mtime(row.mtime);
                }
            }
            Ok(row)
        })?;
        let attr = self.dated(who, self.node_attr(&row));
        Ok(Stat { attr, ttl: self.believe(&attr, self.ttl()) })
    }

    /// Whoever writes without root's rights takes a file's set-user-ID bits away, as on any filesystem.
    pub(super) fn drop_set_id(&self, caller: &Caller, file: &OpenFile) -> FsResult<()> {
        if caller.uid == 0 || !file.live.has_set_id() {
            return Ok(());
        }
        let hand = Hand::own(Some(file.by.member), self.library.clock.now());
        self.library.catalog.write(|tx| -> FsResult<()> {
            let Some(old) = tx.node(file.row.id)? else { return Ok(()) };
            let row = NodeRow { mode: without_set_id(old.mode), ctime: hand.now, ..old.clone() };
            tx.put_node(&row)?;
            tx.change(ChangeKind::Node, &row.id.to_string())?;
            trail::named(tx, &hand, "attr", &row, json!({ "changed": changed(&old, &row) }))?;
            file.live.set_mode(row.mode);
            Ok(())
        })
    }

    fn truncate(&self, who: &Who, node: &NodeRow, size: u64, fh: Option<u64>) -> FsResult<()> {
        if node.kind != NodeKind::File {
            return Err(if node.kind == NodeKind::Dir { FsError::IsDir } else { FsError::Invalid("no file") });
        }
        if size > 1 << 50 {
            return Err(FsError::TooLarge);
        }
        if let Some(Ok(handle)) = fh.map(|fh| self.handles.get(fh))
            && let Handle::File(file) = handle.as_ref()
        {
            file.gate.may_write(self)?;
            self.begin(file)?;
            return Ok(file.live.set_len(&self.library, file.by, size)?);
        }
        let by = self.writer(who.id);
        let live = self.library.live.open(&self.library, node.id, Some(self.number))?;
        if live.seen().size != size || node.class == NodeClass::Scratch {
            self.part(&live, by, false)?;
            live.set_len(&self.library, by, size)?;
        }
        Ok(())
    }

    /// A symbolic link's target.
    ///
    /// # Errors
    /// [`FsError::Invalid`] for anything else.
    pub fn readlink(&self, caller: &Caller, ino: u64) -> FsResult<Vec<u8>> {
        let who = self.who(caller)?;
        match self.library.catalog.read(|tx| self.object(tx, &who, ino))? {
            Object::Node(node, _) if node.kind == NodeKind::Symlink => Ok(node.target.unwrap_or_default()),
            Object::Link(target) => Ok(target.into_vec()),
            _ => Err(FsError::Invalid("not a symbolic link")),
        }
    }
}

/// The attributes that differ, for the audit log.
fn changed(old: &NodeRow, new: &NodeRow) -> Vec<Value> {
    let octal = |mode: u32| Value::from(format!("{mode:04o}"));
    let nanos = |time: Timestamp| Value::from(time.as_nanos());
    let all = [
        ("mode", octal(old.mode), octal(new.mode)),
        ("uid", old.uid.into(), new.uid.into()),
        ("gid", old.gid.into(), new.gid.into()),
        ("atime", nanos(old.atime), nanos(new.atime)),
        ("mtime", nanos(old.mtime), nanos(new.mtime)),
    ];
    let differs = all.into_iter().filter(|(_, old, new)| old != new);
    differs.map(|(attribute, old, new)| json!({ "attribute": attribute, "old": old, "new": new })).collect()
}

fn resolve(change: TimeChange, now: Timestamp) -> Timestamp {
    match change {
        TimeChange::Now => now,
        TimeChange::At(time) => time,
    }
}
