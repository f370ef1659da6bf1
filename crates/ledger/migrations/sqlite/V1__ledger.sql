-- `serL`, in ASCII.
PRAGMA application_id = 1936028236;

CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    known_at INTEGER NOT NULL,
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    service TEXT NOT NULL,
    labels TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    subject TEXT NOT NULL,
    causes TEXT NOT NULL,
    evidence TEXT NOT NULL,
    body TEXT,
    body_digest BLOB NOT NULL,
    pruned_by INTEGER,
    link BLOB NOT NULL,
    UNIQUE (source, source_id)
) STRICT;

CREATE INDEX events_of_service ON events (service, position, kind);
CREATE INDEX events_of_subject ON events (service, subject, position);

CREATE TABLE evidence (
    digest BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    compressed BLOB,
    pruned_by INTEGER
) STRICT;

CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    id BLOB,
    link BLOB NOT NULL
) STRICT;

INSERT INTO head (one, position, id, link) VALUES (1, 0, NULL, zeroblob(32));

CREATE TABLE snapshots (
    projection TEXT NOT NULL,
    revision INTEGER NOT NULL,
    service TEXT NOT NULL,
    position INTEGER NOT NULL,
    link BLOB NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (projection, service)
) STRICT;
