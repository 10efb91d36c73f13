CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counter (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE node (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 4),
  class INTEGER NOT NULL CHECK (class BETWEEN 0 AND 5),
  mode INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 4095),
  uid INTEGER NOT NULL, gid INTEGER NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  atime INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
  target BLOB,
  content BLOB CHECK (content IS NULL OR length(content) = 32),
  staged INTEGER NOT NULL CHECK (staged IN (0, 1)),
  asset BLOB CHECK (asset IS NULL OR length(asset) = 16),
  owner BLOB,
  made_by_process INTEGER NOT NULL,
  made_at INTEGER NOT NULL,
  mtime_set INTEGER NOT NULL CHECK (mtime_set IN (0, 1)),
  FOREIGN KEY (content) REFERENCES content (id) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (asset) REFERENCES asset (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX node_staged ON node (id) WHERE staged = 1;
CREATE INDEX node_class ON node (class, id) WHERE class IN (2, 5);
CREATE INDEX node_asset ON node (asset) WHERE asset IS NOT NULL;

CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  parent INTEGER NOT NULL REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
  name BLOB NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  node INTEGER NOT NULL REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (parent, name)
) STRICT;
CREATE INDEX entry_page ON entry (parent, id);
CREATE INDEX entry_node ON entry (node);

CREATE TABLE xattr (
  node INTEGER NOT NULL REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
  name BLOB NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (node, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE asset (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  ordinal INTEGER NOT NULL UNIQUE,
  view_name TEXT NOT NULL UNIQUE,
  view_stem TEXT NOT NULL,
  node INTEGER UNIQUE REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
  state TEXT NOT NULL CHECK (state IN ('active', 'archived', 'expired', 'held', 'trashed')),
  head BLOB REFERENCES version (id) DEFERRABLE INITIALLY DEFERRED,
  owner BLOB, owner_name TEXT NOT NULL,
  kind TEXT NOT NULL, format TEXT NOT NULL,
  width INTEGER, height INTEGER, orientation INTEGER NOT NULL CHECK (orientation BETWEEN 0 AND 8),
  created INTEGER NOT NULL, imported INTEGER NOT NULL, expires INTEGER,
  client TEXT, rating TEXT, rights TEXT, likeness TEXT, model TEXT, sampler TEXT, seed INTEGER, stage TEXT,
  prompt TEXT, negative TEXT, notes TEXT, generation TEXT,
  trashed_at INTEGER, trashed_parent INTEGER, trashed_name BLOB, trashed_by BLOB,
  changed INTEGER NOT NULL,
  words TEXT NOT NULL, prompt_words TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_stem ON asset (view_stem);
CREATE INDEX asset_head ON asset (head);
CREATE INDEX asset_format ON asset (format, ordinal);
CREATE INDEX asset_rating ON asset (rating, ordinal) WHERE rating IS NOT NULL;
CREATE INDEX asset_model ON asset (model, ordinal) WHERE model IS NOT NULL;
CREATE INDEX asset_created ON asset (created);

CREATE TABLE asset_value (
  facet TEXT NOT NULL CHECK (facet IN ('persona', 'campaign', 'tag', 'lora')),
  value TEXT NOT NULL,
  asset BLOB NOT NULL REFERENCES asset (id) DEFERRABLE INITIALLY DEFERRED,
  PRIMARY KEY (facet, value, asset)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_value_of ON asset_value (asset, facet, value);

CREATE TABLE asset_status (
  asset BLOB NOT NULL REFERENCES asset (id) DEFERRABLE INITIALLY DEFERRED,
  platform TEXT NOT NULL,
  value TEXT NOT NULL CHECK (value IN ('needs-review', 'approved', 'rejected', 'stale')),
  version BLOB, by_member BLOB, at INTEGER NOT NULL,
  PRIMARY KEY (asset, platform)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_status_value ON asset_status (platform, value, asset);

CREATE TABLE content (
  id BLOB PRIMARY KEY CHECK (length(id) = 32),
  size INTEGER NOT NULL CHECK (size >= 0)
) STRICT, WITHOUT ROWID;
CREATE TABLE content_extent (
  content BLOB NOT NULL REFERENCES content (id) DEFERRABLE INITIALLY DEFERRED,
  idx INTEGER NOT NULL,
  extent BLOB NOT NULL CHECK (length(extent) = 32),
  len INTEGER NOT NULL CHECK (len > 0),
  PRIMARY KEY (content, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX content_extent_of ON content_extent (extent);

CREATE TABLE version (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  no INTEGER NOT NULL UNIQUE,
  asset BLOB NOT NULL REFERENCES asset (id) DEFERRABLE INITIALLY DEFERRED,
  n INTEGER NOT NULL CHECK (n > 0),
  content BLOB NOT NULL REFERENCES content (id) DEFERRABLE INITIALLY DEFERRED,
  size INTEGER NOT NULL, mtime INTEGER NOT NULL, made_at INTEGER NOT NULL, made_by BLOB,
  format TEXT NOT NULL, kind TEXT NOT NULL, width INTEGER, height INTEGER, orientation INTEGER NOT NULL,
  UNIQUE (asset, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_content ON version (content);

CREATE TABLE tunnel (
  parent INTEGER NOT NULL, name BLOB NOT NULL,
  asset BLOB NOT NULL, node INTEGER NOT NULL, process INTEGER NOT NULL, member BLOB,
  at INTEGER NOT NULL, how INTEGER NOT NULL CHECK (how BETWEEN 0 AND 4),
  PRIMARY KEY (parent, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tunnel_asset ON tunnel (asset);
CREATE INDEX tunnel_at ON tunnel (at);

CREATE TABLE member (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  name TEXT NOT NULL UNIQUE CHECK (length(name) > 0),
  uid INTEGER UNIQUE, role TEXT NOT NULL, scope TEXT,
  active INTEGER NOT NULL CHECK (active IN (0, 1)), since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE folder_rule (
  folder INTEGER NOT NULL REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
  facet TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (folder, facet, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE word (facet TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (facet, value)) STRICT, WITHOUT ROWID;

CREATE TABLE rendition (
  no INTEGER NOT NULL UNIQUE,
  content BLOB NOT NULL, recipe BLOB NOT NULL CHECK (length(recipe) = 32), renderer INTEGER NOT NULL,
  size INTEGER, hash BLOB, since INTEGER NOT NULL,
  PRIMARY KEY (content, recipe, renderer),
  CHECK ((size IS NULL) = (hash IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
  no INTEGER PRIMARY KEY, at INTEGER NOT NULL, member BLOB, name TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('filed', 'duplicate', 'refused')), detail TEXT NOT NULL, asset BLOB
) STRICT;

CREATE TABLE change (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 4), id TEXT NOT NULL) STRICT;

CREATE TABLE audit (
  chain TEXT NOT NULL, seq INTEGER NOT NULL CHECK (seq > 0), at INTEGER NOT NULL,
  actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL,
  prev BLOB NOT NULL CHECK (length(prev) = 32), hash BLOB NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (chain, seq)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
