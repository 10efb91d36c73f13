-- Second factors: never taken back by an undo, told by no record.
CREATE TABLE second_factor (
    member BLOB NOT NULL PRIMARY KEY CHECK (length(member) = 16)
        REFERENCES member (id) DEFERRABLE INITIALLY DEFERRED,
    -- Wrapped by the key of this number.
    epoch INTEGER NOT NULL CHECK (epoch > 0),
    secret BLOB NOT NULL CHECK (length(secret) = 60),
    enrolled INTEGER NOT NULL,
    last_step INTEGER NOT NULL CHECK (last_step >= 0),
    wrong INTEGER NOT NULL CHECK (wrong >= 0),
    blocked INTEGER,
    unlocked INTEGER,
    -- Hashes of 32 bytes, one behind the other.
    recovery BLOB NOT NULL CHECK (length(recovery) % 32 = 0)
) STRICT, WITHOUT ROWID;
