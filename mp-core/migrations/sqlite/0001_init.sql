-- The first layout of an mp store in SQLite.
--
-- Times are microseconds since 1970-01-01T00:00:00Z by the callers' clocks. The views at the end
-- show them, and the values, as a person reads them: SELECT * FROM mp_json;

CREATE TABLE mp_meta (
    name  TEXT PRIMARY KEY, -- 'layout': how many of these files were applied
                            -- 'slots': how many slots partitions are spread over, fixed for ever
                            -- 'fence': moved on after a failed COMMIT, to make certain that it failed
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mp_record (
    id        INTEGER PRIMARY KEY,
    partition TEXT NOT NULL,    -- '{app}/{kind}/{id}': the unit of atomicity
    slot      INTEGER NOT NULL, -- a stable hash of the partition
    key       TEXT NOT NULL,    -- '' is the root, and its row is the head of the partition
    version   INTEGER NOT NULL, -- the head version that last wrote or deleted this record
    at        INTEGER NOT NULL, -- when; on the root: the head's time, which never runs back
    head      INTEGER,          -- root only: the head version
    commit_id BLOB,             -- root only: the 16 bytes of the last commit's id
    forgotten INTEGER,          -- root only: deletions up to this version may be forgotten
    value     TEXT,             -- JSON; NULL marks a record that was deleted a short while ago
    UNIQUE (partition, key)
) STRICT;

-- What followers of a partition ask for. Without the root, so that a commit that writes nothing
-- else touches no index at all.
CREATE INDEX mp_record_changed ON mp_record (partition, version) WHERE key <> '';

-- The deletion marks, in the order in which they are forgotten.
CREATE INDEX mp_record_deleted ON mp_record (partition, at) WHERE value IS NULL;

CREATE TABLE mp_delivery (
    id         INTEGER PRIMARY KEY,
    partition  TEXT NOT NULL,
    slot       INTEGER NOT NULL,
    key        TEXT NOT NULL,              -- '~o/{kind}/{id}' or '~t/{kind}/{id}'
    kind       TEXT NOT NULL,              -- the key's second segment
    version    INTEGER NOT NULL,           -- the head version that last wrote it
    due_at     INTEGER NOT NULL,           -- since when it is or was due
    lease      INTEGER,                    -- until when it is leased
    wakes_at   INTEGER,                    -- when it next comes up: lease or due_at; NULL if dead
    attempts   INTEGER NOT NULL DEFAULT 0, -- leases since it was last written or re-driven
    last_error TEXT,
    value      TEXT NOT NULL,              -- the message, as JSON
    UNIQUE (partition, key)
) STRICT;

-- The slot rides along so that other workers' deliveries are passed over inside the index.
CREATE INDEX mp_delivery_due ON mp_delivery (kind, wakes_at, slot) WHERE wakes_at IS NOT NULL;

CREATE INDEX mp_delivery_dead ON mp_delivery (partition, key) WHERE wakes_at IS NULL;

INSERT INTO mp_meta (name, value) VALUES ('slots', 256), ('fence', 0);

-- Every live record, its value pretty enough to read and safe to pass to the json functions.
CREATE VIEW mp_json AS
SELECT partition,
       key,
       version,
       CASE WHEN json_valid(value) THEN json(value) ELSE value END AS value,
       strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch')
           || printf('.%06dZ', at % 1000000) AS at
FROM mp_record
WHERE value IS NOT NULL;

-- One row for each partition.
CREATE VIEW mp_head AS
SELECT partition,
       slot,
       head,
       lower(hex(commit_id)) AS commit_id,
       strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch')
           || printf('.%06dZ', at % 1000000) AS at
FROM mp_record
WHERE key = '';

-- Work that waits, is leased, or lies dead, with what comes up next first and the dead last.
CREATE VIEW mp_work AS
SELECT CASE WHEN wakes_at IS NULL THEN 'dead' WHEN lease IS NULL THEN 'waiting' ELSE 'leased' END
           AS state,
       kind,
       partition,
       key,
       strftime('%Y-%m-%dT%H:%M:%S', coalesce(wakes_at, due_at) / 1000000, 'unixepoch')
           || printf('.%06dZ', coalesce(wakes_at, due_at) % 1000000) AS at,
       attempts,
       last_error,
       CASE WHEN json_valid(value) THEN json(value) ELSE value END AS value
FROM mp_delivery
ORDER BY wakes_at IS NULL, wakes_at;
