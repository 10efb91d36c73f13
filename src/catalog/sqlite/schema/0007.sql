-- Groups of the system whose people are members, and what they may by it.
CREATE TABLE group_grant (
    name TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    role TEXT NOT NULL CHECK (role <> ''),
    scope TEXT,
    since INTEGER NOT NULL,
    ends INTEGER
) STRICT, WITHOUT ROWID;

-- Which members are in them, as the system said. Never taken back by an undo.
CREATE TABLE group_seat (
    member BLOB NOT NULL CHECK (length(member) = 16) REFERENCES member (id) DEFERRABLE INITIALLY DEFERRED,
    granted TEXT NOT NULL REFERENCES group_grant (name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    seen INTEGER NOT NULL,
    PRIMARY KEY (member, granted)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_seat_granted ON group_seat (granted);

-- As which login a member was in one: whoever has his user id under another is another person.
CREATE TABLE group_login (
    member BLOB NOT NULL PRIMARY KEY CHECK (length(member) = 16) REFERENCES member (id) DEFERRABLE INITIALLY DEFERRED,
    login TEXT NOT NULL CHECK (login <> '')
) STRICT, WITHOUT ROWID;
