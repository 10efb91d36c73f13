//! Extended attributes: `user.*` are kept with the node; some of them are the record itself (`ops::mapped`), and one is the asset's id.

use serde_json::json;

use super::mount::{Mount, Object};
use super::text::Text;
use super::{FsError, FsResult, XattrMode};
use crate::access::Who;
use crate::catalog::{Asset, ChangeKind, NodeKind, NodeRow, ReadTx};
use crate::media::Focus;
use crate::ops::mapped::{Facet, Words};
use crate::ops::{OpsError, assign, mapped, trail, verdicts};
use crate::policy::Verb;
use crate::types::{AssetId, Caller};
use crate::view::tree::{Dir, FOCUS};

/// Longest value: what the kernel allows.
const MAX_VALUE: usize = 65_536;

/// The quality that an export was written with; readable, never listed, so that copies do not carry it.
pub(super) const QUALITY: &[u8] = b"user.dam.export.quality";
/// What the manifest that it is signed by is called; likewise.
pub(super) const SIGNED: &[u8] = b"user.dam.export.signed";

/// A value that the record's own commands would not take either.
fn bad_value(e: OpsError) -> FsError {
    match e {
        OpsError::Usage { message, .. } => FsError::BadValue(message),
        other => other.into(),
    }
}

/// A focus is a point.
fn check_focus(name: &[u8], value: &[u8]) -> FsResult<()> {
    if name != FOCUS {
        return Ok(());
    }
    String::from_utf8_lossy(value).parse::<Focus>().map(drop).map_err(FsError::BadValue)
}

/// Whose attributes are asked for.
struct Bearer {
    node: NodeRow,
    asset: Option<Asset>,
    /// He may not have the file's bytes: of its attributes he has those that are the record. Any other may be a hash.
    masked: bool,
}

impl Bearer {
    fn shows(&self, name: &[u8]) -> bool {
        !self.masked || name == FOCUS || Facet::of(name).is_some()
    }
}

impl Mount {
    fn xattr_node(&self, who: &Who, ino: u64) -> FsResult<Option<Bearer>> {
        self.library.catalog.read(|tx| match self.object(tx, who, ino)? {
            Object::Node(node, asset) => {
                // The record is not that of a file which has lost its name to the asset's next one.
                let asset = Self::asset_of(tx, &node, asset)?.filter(|asset| node.asset == Some(asset.id));
                Ok(Some(Bearer { node: *node, asset: asset.map(|a| *a), masked: false }))
            }
            Object::Proxy { asset, node: Some(node), .. } => {
                Ok(Some(Bearer { node: *node, asset: Some(*asset), masked: true }))
            }
            _ => Ok(None),
        })
    }

    /// The asset that a file shows or speaks of, in whatever place: a version, an export and a record say whose they are.
    fn asset_behind(&self, tx: &dyn ReadTx, who: &Who, ino: u64) -> FsResult<Option<AssetId>> {
        let id = match self.object(tx, who, ino)? {
            Object::Node(node, asset) => return Ok(Self::asset_of(tx, &node, asset)?.map(|a| a.id)),
            Object::Version(_, asset) | Object::Proxy { asset, .. } => asset.id,
            Object::Export(export) => export.asset.id,
            Object::Clip(clip) => clip.asset.id,
            Object::Text(Text::Record(id) | Text::Why(id) | Text::Pending(id, _) | Text::Caption(id, _))
            | Object::Dir(Dir::VersionsOf(id)) => id,
            Object::Text(_) | Object::Dir(_) | Object::Link(_) | Object::Aside(_) => return Ok(None),
        };
        let asset = tx.asset(id)?.ok_or(FsError::NotFound)?;
        Ok(self.library.gate.decide(who, Verb::List, &asset).allowed.then_some(id))
    }

    /// One attribute.
    ///
    /// # Errors
    /// [`FsError::NoAttribute`]; [`FsError::Unsupported`] for what is not `user.*`, so that `ls` asks for labels and ACLs once and not of each file.
    pub fn getxattr(&self, caller: &Caller, ino: u64, name: &[u8]) -> FsResult<Vec<u8>> {
        if !name.starts_with(b"user.") {
            return Err(FsError::Unsupported("only user.* attributes are kept"));
        }
        let who = self.who(caller)?;
        if name == mapped::ID {
            let id = self.library.catalog.read(|tx| self.asset_behind(tx, &who, ino))?;
            return id.map(|id| id.to_string().into_bytes()).ok_or(FsError::NoAttribute);
        }
        if name == QUALITY {
            let object = self.library.catalog.read(|tx| self.object(tx, &who, ino))?;
            let Object::Export(export) = object else { return Err(FsError::NoAttribute) };
            let quality = self.explain(&who, "getxattr", self.export_quality(&export))?.ok_or(FsError::NoAttribute)?;
            return Ok(quality.to_string().into_bytes());
        }
        if name == SIGNED {
            let object = self.library.catalog.read(|tx| self.object(tx, &who, ino))?;
            let Object::Export(export) = object else { return Err(FsError::NoAttribute) };
            let manifest = self.explain(&who, "getxattr", self.export_manifest(&export))?;
            return manifest.map(String::into_bytes).ok_or(FsError::NoAttribute);
        }
        let found = self.xattr_node(&who, ino)?.filter(|bearer| bearer.shows(name));
        let Some(Bearer { node, asset, .. }) = found else { return Err(FsError::NoAttribute) };
        if let Some(asset) = &asset
            && let Some(facet) = Facet::of(name)
        {
            let value = facet.get(asset);
            self.library.served.note(who.id, asset.id, &facet, value.as_deref().unwrap_or_default());
            return value.ok_or(FsError::NoAttribute);
        }
        self.library.catalog.read(|tx| tx.xattr(node.id, name))?.ok_or(FsError::NoAttribute)
    }

    /// Every attribute's name, each with a NUL behind it. The id is not among them, so that copies do not carry it.
    ///
    /// # Errors
    /// When the caller may not know the file.
    pub fn listxattr(&self, caller: &Caller, ino: u64) -> FsResult<Vec<u8>> {
        let who = self.who(caller)?;
        let Some(bearer) = self.xattr_node(&who, ino)? else { return Ok(Vec::new()) };
        let Bearer { node, asset, .. } = &bearer;
        let mut names: Vec<Vec<u8>> = self
            .library
            .catalog
            .read(|tx| tx.xattrs(node.id))?
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| name.starts_with(b"user.") && bearer.shows(name))
            .collect();
        if let Some(asset) = asset {
            let of_record = mapped::list(asset, &names);
            names.retain(|name| Facet::of(name).is_none());
            names.extend(of_record);
        }
        names.sort();
        let mut out = Vec::new();
        for name in names {
            out.extend_from_slice(&name);
            out.push(0);
        }
        Ok(out)
    }

    /// Sets an attribute. Setting the id is accepted and ignored: programs that copy attributes must not fail over it.
    ///
    /// # Errors
    /// [`FsError::Unsupported`] for what is not `user.*`.
    pub fn setxattr(&self, caller: &Caller, ino: u64, name: &[u8], value: &[u8], mode: XattrMode) -> FsResult<()> {
        let who = self.who(caller)?;
        let set = || self.setxattr_as(&who, caller, ino, name, Some(value), mode);
        let result = Self::may_alter(&who).and_then(|()| set());
        self.explain(&who, "setxattr", result)
    }

    /// Removes an attribute.
    ///
    /// # Errors
    /// [`FsError::NoAttribute`] when there is none.
    pub fn removexattr(&self, caller: &Caller, ino: u64, name: &[u8]) -> FsResult<()> {
        let who = self.who(caller)?;
        let removed = || self.setxattr_as(&who, caller, ino, name, None, XattrMode::Any);
        let result = Self::may_alter(&who).and_then(|()| removed());
        self.explain(&who, "removexattr", result)
    }

    fn setxattr_as(
        &self,
        who: &Who,
        caller: &Caller,
        ino: u64,
        name: &[u8],
        value: Option<&[u8]>,
        mode: XattrMode,
    ) -> FsResult<()> {
        if !name.starts_with(b"user.") {
            return Err(FsError::Unsupported("only user.* attributes are kept"));
        }
        if value.is_some_and(|v| v.len() > MAX_VALUE) {
            return Err(FsError::Range);
        }
        let made = || FsError::ReadOnly("this is made by damfs and keeps no attributes".into());
        let bearer = self.xattr_node(who, ino)?.ok_or_else(made)?;
        if name == mapped::ID {
            return Ok(());
        }
        if !bearer.shows(name) {
            return Err(made());
        }
        let Bearer { node, asset, .. } = bearer;
        let mapped_to = asset.as_ref().zip(Facet::of(name));
        match &mapped_to {
            Some((asset, _)) => {
                self.may(who, Verb::Tag, asset)?;
                self.is_no_trash(&node, asset)?;
            }
            None if name == FOCUS && asset.is_some() => {
                if let Some(asset) = &asset {
                    self.may(who, Verb::Tag, asset)?;
                    self.is_no_trash(&node, asset)?;
                }
            }
            None if node.kind == NodeKind::Dir => Self::may_own(who, &node)?,
            None => self.library.catalog.read(|tx| self.may_change(tx, who, Verb::Edit, &node))?,
        }
        let hand = self.hand(who, caller);
        let now = hand.now;
        // The value is not for the log: it may be a prompt.
        let detail = json!({ "xattr": String::from_utf8_lossy(name), "removed": value.is_none() });
        self.library.catalog.write(|tx| -> FsResult<()> {
            let exists = match &mapped_to {
                Some((asset, facet)) => facet.get(asset).is_some(),
                None => tx.xattr(node.id, name)?.is_some(),
            };
            match (mode, exists) {
                (XattrMode::Create, true) => return Err(FsError::Exists),
                (XattrMode::Replace, false) => return Err(FsError::NoAttribute),
                _ if value.is_none() && !exists => return Err(FsError::NoAttribute),
                _ => {}
            }
            if let Some((asset, facet)) = &mapped_to {
                let id = asset.id;
                let mut asset = tx.asset(id)?.ok_or(FsError::NotFound)?;
                let (base, before) = (self.library.served.base(who.id, id, facet), asset.clone());
                if mapped::merge(&mut asset, facet, value, base.as_deref(), &Words::Given(tx, who))
                    .map_err(bad_value)?
                {
                    // As for `dam set`: nobody puts an asset past his own reach.
                    if !who.subject.is_admin() {
                        self.may(who, Verb::Tag, &asset).map_err(|_| {
                            let reason = format!("the change would put the file out of reach of {}", who.subject.name);
                            FsError::denied(Verb::Tag, id, reason)
                        })?;
                    }
                    let doubted = verdicts::doubted(&self.library, &before, &mut asset);
                    let mut detail = detail.clone();
                    if !doubted.is_empty() {
                        detail["changed"] = doubted.into();
                    }
                    asset.changed = now.max(asset.changed);
                    assign::store(tx, &asset)?;
                    trail::asset(tx, &hand, "set", asset.id, &detail)?;
                }
                mapped::mark(tx, node.id, name)?;
                return Ok(());
            }
            let changes = tx.xattr(node.id, name)?.as_deref() != value;
            match value {
                Some(value) => {
                    if node.kind == NodeKind::File {
                        mapped::check(name, value, &Words::Given(tx, who)).map_err(bad_value)?;
                        check_focus(name, value)?;
                    }
                    tx.set_xattr(node.id, name, value)?;
                }
                None => {
                    tx.remove_xattr(node.id, name)?;
                }
            }
            if let Some(mut row) = tx.node(node.id)? {
                row.ctime = now;
                tx.put_node(&row)?;
                tx.change(ChangeKind::Node, &row.id.to_string())?;
                if let Some(id) = row.asset.filter(|_| name == FOCUS) {
                    // What it is exported as is something else now.
                    tx.change(ChangeKind::Asset, &id.to_string())?;
                }
                if changes {
                    trail::named(tx, &hand, "xattr", &row, detail.clone())?;
                }
            }
            Ok(())
        })?;
        if let Some((asset, facet)) = mapped_to {
            self.library.served.note(who.id, asset.id, &facet, value.unwrap_or_default());
        }
        Ok(())
    }
}
