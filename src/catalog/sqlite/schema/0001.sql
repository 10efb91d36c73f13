-- Subset that PostgreSQL shares: ids and numbers made by us, integer nanoseconds, explicit order, no upsert by REPLACE.
-- The words that a column may hold are spelled out: a list of more than two would be a table made anew for each row that is written.
-- Who did something (owner, by_member, made_by) is history and refers to no row: versions are restored before members.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
    name TEXT NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL CHECK (last >= 0)
) STRICT, WITHOUT ROWID;

-- A commit that changes this one row under full synchronisation is a barrier.
CREATE TABLE barrier (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    passed INTEGER NOT NULL
) STRICT;
INSERT INTO barrier (one, passed) VALUES (1, 0);

CREATE TABLE content (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    size INTEGER NOT NULL CHECK (size >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE content_extent (
    content BLOB NOT NULL REFERENCES content (id) DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL CHECK (position >= 0),
    extent BLOB NOT NULL CHECK (length(extent) = 32),
    length INTEGER NOT NULL CHECK (length BETWEEN 0 AND 4294967295),
    PRIMARY KEY (content, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE node (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id > 0),
    kind TEXT NOT NULL CHECK (kind = 'file' OR kind = 'dir' OR kind = 'symlink' OR kind = 'fifo' OR kind = 'socket'),
    class TEXT NOT NULL CHECK (
        class = 'plain' OR class = 'asset' OR class = 'scratch' OR class = 'local' OR class = 'aside'
        OR class = 'inbox'
    ),
    mode INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 4095),
    uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),
    gid INTEGER NOT NULL CHECK (gid BETWEEN 0 AND 4294967295),
    size INTEGER NOT NULL CHECK (size >= 0),
    atime INTEGER NOT NULL,
    mtime INTEGER NOT NULL,
    ctime INTEGER NOT NULL,
    target BLOB,
    content BLOB REFERENCES content (id) DEFERRABLE INITIALLY DEFERRED,
    staged INTEGER NOT NULL CHECK (staged IN (0, 1)),
    asset BLOB REFERENCES asset (id) DEFERRABLE INITIALLY DEFERRED,
    owner BLOB CHECK (length(owner) = 16),
    made_by_process INTEGER NOT NULL CHECK (made_by_process BETWEEN 0 AND 4294967295),
    made_at INTEGER NOT NULL,
    mtime_set INTEGER NOT NULL CHECK (mtime_set IN (0, 1))
) STRICT;
-- Nodes whose bytes are in no store yet, and files of assets that have none: a new file is first the one, then the other.
CREATE INDEX node_unsettled ON node (id) WHERE staged = 1 OR (class = 'asset' AND content IS NULL);
-- Nearly all nodes are assets', and nobody asks for all of those.
CREATE INDEX node_class ON node (class) WHERE class <> 'asset';
CREATE INDEX node_asset ON node (asset) WHERE asset IS NOT NULL;

CREATE TABLE entry (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id > 0),
    parent INTEGER NOT NULL REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
    name BLOB NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    node INTEGER NOT NULL REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE UNIQUE INDEX entry_name ON entry (parent, name);
CREATE UNIQUE INDEX entry_listing ON entry (parent, id);
CREATE INDEX entry_node ON entry (node);

CREATE TABLE xattr (
    node INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    name BLOB NOT NULL CHECK (length(name) > 0),
    value BLOB NOT NULL,
    PRIMARY KEY (node, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE asset (
    ordinal INTEGER NOT NULL PRIMARY KEY CHECK (ordinal > 0),
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    view_name TEXT NOT NULL CHECK (view_name <> ''),
    view_stem TEXT NOT NULL CHECK (view_stem <> ''),
    -- Its other name, where a namesake has the plain one.
    marked_name TEXT CHECK (marked_name <> ''),
    marked_stem TEXT CHECK (marked_stem <> ''),
    named INTEGER CHECK (named > 0),
    node INTEGER REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
    state TEXT NOT NULL CHECK (
        state = 'active' OR state = 'archived' OR state = 'expired' OR state = 'held' OR state = 'trashed'
    ),
    head BLOB REFERENCES version (id) DEFERRABLE INITIALLY DEFERRED,
    owner BLOB CHECK (length(owner) = 16),
    owner_name TEXT NOT NULL,
    -- Without a version the bytes have not been looked at yet.
    kind TEXT NOT NULL CHECK (
        kind = 'image' OR kind = 'video' OR kind = 'audio' OR kind = 'document' OR kind = 'other'
        OR (kind = '' AND head IS NULL)
    ),
    format TEXT NOT NULL,
    width INTEGER CHECK (width BETWEEN 0 AND 4294967295),
    height INTEGER CHECK (height BETWEEN 0 AND 4294967295),
    orientation INTEGER NOT NULL CHECK (orientation BETWEEN 0 AND 255),
    created INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    expires INTEGER,
    client TEXT,
    rating TEXT CHECK (rating = 'safe' OR rating = 'suggestive' OR rating = 'adult'),
    stars INTEGER CHECK (stars BETWEEN 0 AND 10),
    rights TEXT CHECK (rights = 'exclusive' OR rights = 'editorial' OR rights = 'unrestricted'),
    likeness TEXT CHECK (likeness = 'synthetic' OR likeness = 'self' OR likeness = 'licensed'),
    model TEXT,
    sampler TEXT,
    seed INTEGER,
    stage TEXT CHECK (
        stage = 'draft' OR stage = 'internal-review' OR stage = 'client-approval' OR stage = 'approved'
        OR stage = 'rejected' OR stage = 'published'
    ),
    prompt TEXT,
    negative TEXT,
    notes TEXT,
    generator TEXT,
    trashed_at INTEGER,
    trashed_parent INTEGER,
    trashed_name BLOB,
    trashed_by BLOB CHECK (length(trashed_by) = 16),
    -- The asset that it went along with.
    trashed_with BLOB CHECK (length(trashed_with) = 16),
    -- Follows from prompt and model.
    family TEXT CHECK (length(family) = 12),
    -- Follows from the bytes of the current version.
    duplicate TEXT CHECK (length(duplicate) = 16),
    changed INTEGER NOT NULL,
    CHECK ((trashed_at IS NULL) = (trashed_parent IS NULL) AND (trashed_at IS NULL) = (trashed_name IS NULL)),
    CHECK (duplicate IS NULL OR head IS NOT NULL),
    CHECK ((marked_name IS NULL) = (marked_stem IS NULL)),
    CHECK (named IS NOT NULL OR state = 'trashed')
) STRICT;
CREATE INDEX asset_view_stem ON asset (view_stem, (named IS NULL), named);
CREATE UNIQUE INDEX asset_marked_stem ON asset (marked_stem) WHERE marked_stem IS NOT NULL;
CREATE INDEX asset_node ON asset (node) WHERE node IS NOT NULL;
CREATE INDEX asset_head ON asset (head) WHERE head IS NOT NULL;
CREATE INDEX asset_trashed_with ON asset (trashed_with) WHERE trashed_with IS NOT NULL;
CREATE INDEX asset_client ON asset (client) WHERE client IS NOT NULL;
CREATE INDEX asset_model ON asset (model) WHERE model IS NOT NULL;
CREATE INDEX asset_family ON asset (family) WHERE family IS NOT NULL;
CREATE INDEX asset_duplicate ON asset (duplicate) WHERE duplicate IS NOT NULL;
CREATE INDEX asset_created ON asset (created);
CREATE INDEX asset_trashed ON asset (trashed_at) WHERE trashed_at IS NOT NULL AND node IS NOT NULL;
CREATE INDEX asset_expires ON asset (expires) WHERE expires IS NOT NULL;

-- What is searched and the long texts: beside the row, so that what does not need them does not read them.
CREATE TABLE asset_text (
    asset INTEGER NOT NULL PRIMARY KEY REFERENCES asset (ordinal) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    words TEXT NOT NULL,
    prompt_words TEXT NOT NULL
) STRICT;

CREATE TABLE generation (
    asset INTEGER NOT NULL PRIMARY KEY REFERENCES asset (ordinal) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    json TEXT NOT NULL
) STRICT;

CREATE TABLE asset_value (
    asset INTEGER NOT NULL REFERENCES asset (ordinal) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    facet TEXT NOT NULL CHECK (facet = 'persona' OR facet = 'campaign' OR facet = 'tag' OR facet = 'lora'),
    value TEXT NOT NULL CHECK (value <> ''),
    PRIMARY KEY (asset, facet, value)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX asset_value_asset ON asset_value (facet, value, asset);

CREATE TABLE asset_property (
    asset INTEGER NOT NULL REFERENCES asset (ordinal) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL CHECK (name <> ''),
    value TEXT NOT NULL,
    PRIMARY KEY (asset, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE asset_conflict (
    asset INTEGER NOT NULL REFERENCES asset (ordinal) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    field TEXT NOT NULL CHECK (field <> ''),
    other TEXT,
    version INTEGER NOT NULL CHECK (version BETWEEN 0 AND 4294967295),
    by_member BLOB CHECK (length(by_member) = 16),
    at INTEGER NOT NULL,
    PRIMARY KEY (asset, field)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX asset_conflict_field ON asset_conflict (field, asset);

CREATE TABLE asset_status (
    asset INTEGER NOT NULL REFERENCES asset (ordinal) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    platform TEXT NOT NULL CHECK (platform <> ''),
    value TEXT NOT NULL CHECK (value = 'needs-review' OR value = 'approved' OR value = 'rejected' OR value = 'stale'),
    version BLOB REFERENCES version (id) DEFERRABLE INITIALLY DEFERRED,
    by_member BLOB CHECK (length(by_member) = 16),
    at INTEGER NOT NULL,
    PRIMARY KEY (asset, platform)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX asset_status_platform ON asset_status (platform, value, asset);
CREATE INDEX asset_status_value ON asset_status (value, asset);
CREATE INDEX asset_status_version ON asset_status (version) WHERE version IS NOT NULL;

CREATE TABLE version (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    no INTEGER NOT NULL UNIQUE CHECK (no > 0),
    asset BLOB NOT NULL REFERENCES asset (id) DEFERRABLE INITIALLY DEFERRED,
    n INTEGER NOT NULL CHECK (n BETWEEN 1 AND 4294967295),
    content BLOB NOT NULL REFERENCES content (id) DEFERRABLE INITIALLY DEFERRED,
    size INTEGER NOT NULL CHECK (size >= 0),
    mtime INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    made_by BLOB CHECK (length(made_by) = 16),
    format TEXT NOT NULL,
    kind TEXT NOT NULL,
    width INTEGER CHECK (width BETWEEN 0 AND 4294967295),
    height INTEGER CHECK (height BETWEEN 0 AND 4294967295),
    orientation INTEGER NOT NULL CHECK (orientation BETWEEN 0 AND 255)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX version_of ON version (asset, n);
CREATE INDEX version_content ON version (content);

CREATE TABLE tunnel (
    parent INTEGER NOT NULL,
    name BLOB NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    asset BLOB NOT NULL REFERENCES asset (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    node INTEGER NOT NULL,
    process INTEGER NOT NULL CHECK (process BETWEEN 0 AND 4294967295),
    member BLOB CHECK (length(member) = 16),
    at INTEGER NOT NULL,
    how TEXT NOT NULL CHECK (
        how = 'aside' OR how = 'moved' OR how = 'removed' OR how = 'removed-without-delete'
        OR how = 'aside-in-view' OR how = 'removed-in-view'
    ),
    taken TEXT NOT NULL CHECK (json_valid(taken)),
    PRIMARY KEY (parent, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tunnel_asset ON tunnel (asset);

CREATE TABLE member (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    uid INTEGER UNIQUE CHECK (uid BETWEEN 0 AND 4294967295),
    role TEXT NOT NULL,
    scope TEXT,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE folder_rule (
    folder INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    facet TEXT NOT NULL CHECK (facet <> ''),
    value TEXT NOT NULL CHECK (value <> ''),
    PRIMARY KEY (folder, facet)
) STRICT, WITHOUT ROWID;

CREATE TABLE word (
    facet TEXT NOT NULL CHECK (facet <> ''),
    value TEXT NOT NULL CHECK (value <> ''),
    PRIMARY KEY (facet, value)
) STRICT, WITHOUT ROWID;

-- What saved/ lists: queries under names of their owners' choice.
CREATE TABLE saved (
    name TEXT NOT NULL CHECK (name <> ''),
    owner BLOB NOT NULL CHECK (length(owner) = 16),
    query TEXT CHECK (query <> ''),
    -- A list of roles.
    roles TEXT NOT NULL CHECK (json_valid(roles)),
    until INTEGER,
    since INTEGER NOT NULL,
    PRIMARY KEY (name, owner)
) STRICT, WITHOUT ROWID;

CREATE TABLE rendition (
    no INTEGER NOT NULL PRIMARY KEY CHECK (no > 0),
    content BLOB NOT NULL REFERENCES content (id) DEFERRABLE INITIALLY DEFERRED,
    recipe BLOB NOT NULL CHECK (length(recipe) = 32),
    renderer INTEGER NOT NULL CHECK (renderer BETWEEN 0 AND 4294967295),
    size INTEGER CHECK (size >= 0),
    hash BLOB CHECK (length(hash) = 32),
    quality INTEGER CHECK (quality BETWEEN 1 AND 100),
    -- Why it cannot be rendered.
    failure TEXT CHECK (failure <> ''),
    since INTEGER NOT NULL,
    CHECK ((size IS NULL) = (hash IS NULL) AND (size IS NULL) <> (failure IS NULL)),
    CHECK (quality IS NULL OR size IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX rendition_of ON rendition (content, recipe, renderer);
CREATE INDEX rendition_hash ON rendition (hash) WHERE hash IS NOT NULL;

CREATE TABLE look (
    content BLOB NOT NULL PRIMARY KEY REFERENCES content (id) DEFERRABLE INITIALLY DEFERRED,
    way INTEGER NOT NULL CHECK (way BETWEEN 0 AND 4294967295),
    look BLOB CHECK (length(look) = 8),
    -- Why it has none.
    failure TEXT CHECK (failure <> ''),
    CHECK ((look IS NULL) <> (failure IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    no INTEGER NOT NULL PRIMARY KEY CHECK (no > 0),
    at INTEGER NOT NULL,
    member BLOB CHECK (length(member) = 16),
    name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    asset BLOB CHECK (length(asset) = 16)
) STRICT;

CREATE TABLE change (
    seq INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    kind TEXT NOT NULL CHECK (
        kind = 'node' OR kind = 'entry' OR kind = 'asset' OR kind = 'access' OR kind = 'inbox'
        OR kind = 'word' OR kind = 'saved'
    ),
    id TEXT NOT NULL
) STRICT;

CREATE TABLE audit (
    chain TEXT NOT NULL,
    seq INTEGER NOT NULL CHECK (seq >= 0),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    prev BLOB NOT NULL CHECK (length(prev) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (chain, seq)
) STRICT, WITHOUT ROWID;

-- What changes were, so that they can be taken back: a row per transaction, steps as JSON (catalog/journal.rs).
CREATE TABLE journal (
    seq INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    turn INTEGER NOT NULL CHECK (turn > 0),
    member BLOB CHECK (length(member) = 16),
    at INTEGER NOT NULL,
    undoes INTEGER CHECK (undoes > 0),
    steps TEXT NOT NULL CHECK (json_valid(steps))
) STRICT;
CREATE INDEX journal_turn ON journal (turn, member);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER version_is_not_changed BEFORE UPDATE ON version
-- Its asset may get another id, and with that one the number that it had there.
WHEN NEW.asset = OLD.asset OR EXISTS (SELECT 1 FROM asset WHERE id = NEW.asset) OR NEW.id <> OLD.id OR NEW.no <> OLD.no
    OR NEW.content <> OLD.content OR NEW.size <> OLD.size OR NEW.mtime <> OLD.mtime OR NEW.made_at <> OLD.made_at
    OR NEW.made_by IS NOT OLD.made_by OR NEW.format <> OLD.format OR NEW.kind <> OLD.kind
    OR NEW.width IS NOT OLD.width OR NEW.height IS NOT OLD.height OR NEW.orientation <> OLD.orientation
BEGIN
    SELECT RAISE(ABORT, 'a version is immutable');
END;
