CREATE TABLE events (
    position BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    known_at BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    occurred_at BIGINT NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    labels TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    causes TEXT COLLATE "C" NOT NULL,
    evidence TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C",
    body_digest BYTEA NOT NULL,
    pruned_by BIGINT,
    link BYTEA NOT NULL,
    UNIQUE (source, source_id)
);

CREATE INDEX events_of_service ON events (service, position, kind);
CREATE INDEX events_of_subject ON events (service, subject, position);

CREATE TABLE evidence (
    digest BYTEA PRIMARY KEY,
    size BIGINT NOT NULL,
    compressed BYTEA,
    pruned_by BIGINT
);

CREATE TABLE head (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    position BIGINT NOT NULL,
    id BYTEA,
    link BYTEA NOT NULL
);

INSERT INTO head (one, position, id, link) VALUES (1, 0, NULL, decode(repeat('00', 32), 'hex'));

CREATE TABLE snapshots (
    projection TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    link BYTEA NOT NULL,
    state BYTEA NOT NULL,
    PRIMARY KEY (projection, service)
);
