-- Who is to review an asset, and until when.
ALTER TABLE asset ADD COLUMN reviewer TEXT CHECK (reviewer <> '');
ALTER TABLE asset ADD COLUMN due INTEGER;

-- Why a verdict is what it is, and by which text of its platform.
ALTER TABLE asset_status ADD COLUMN reason TEXT CHECK (reason <> '');
ALTER TABLE asset_status ADD COLUMN guideline TEXT CHECK (guideline <> '');

CREATE TABLE asset_remark (
    asset INTEGER NOT NULL REFERENCES asset (ordinal) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    no INTEGER NOT NULL CHECK (no >= 0),
    at INTEGER NOT NULL,
    by_member BLOB CHECK (length(by_member) = 16),
    version INTEGER CHECK (version BETWEEN 1 AND 4294967295),
    about TEXT CHECK (about <> ''),
    text TEXT NOT NULL CHECK (text <> ''),
    PRIMARY KEY (asset, no)
) STRICT, WITHOUT ROWID;
