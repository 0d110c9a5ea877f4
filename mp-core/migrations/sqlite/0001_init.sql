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

-- One row for each partition: its head, and its root record.
CREATE TABLE mp_partition (
    id        INTEGER PRIMARY KEY,  -- what the other tables call it; never used again
    partition TEXT NOT NULL UNIQUE, -- '{app}/{kind}/{id}': the unit of atomicity
    slot      INTEGER NOT NULL,     -- a stable hash of the partition
    head      INTEGER NOT NULL,     -- the head version, which every commit moves on
    at        INTEGER NOT NULL,     -- the head's time, which never runs back
    commit_id BLOB NOT NULL,        -- the 16 bytes of the last commit's id
    forgotten INTEGER NOT NULL,     -- deletions up to this version may be forgotten
    version   INTEGER NOT NULL,     -- the head version that last wrote the root
    value     TEXT NOT NULL         -- the root, as JSON
) STRICT;

-- All other records that decisions read.
CREATE TABLE mp_record (
    id           INTEGER PRIMARY KEY,
    partition_id INTEGER NOT NULL,
    key          TEXT NOT NULL,
    version      INTEGER NOT NULL, -- the head version that last wrote or deleted this record
    at           INTEGER NOT NULL, -- when
    value        TEXT,             -- JSON; NULL marks a record deleted a short while ago
    UNIQUE (partition_id, key)
) STRICT;

-- What followers of a partition ask for.
CREATE INDEX mp_record_changed ON mp_record (partition_id, version);

-- The deletion marks, in the order in which they are forgotten.
CREATE INDEX mp_record_deleted ON mp_record (partition_id, at) WHERE value IS NULL;

CREATE TABLE mp_delivery (
    id           INTEGER PRIMARY KEY,
    partition_id INTEGER NOT NULL,
    slot         INTEGER NOT NULL,
    key          TEXT NOT NULL,              -- '~o/{kind}/{id}' or '~t/{kind}/{id}'
    kind         TEXT NOT NULL,              -- the key's second segment
    version      INTEGER NOT NULL,           -- the head version that last wrote it
    due_at       INTEGER NOT NULL,           -- since when it is or was due
    lease        INTEGER,                    -- until when it is leased
    wakes_at     INTEGER,                    -- when it next comes up: lease or due_at; NULL if dead
    attempts     INTEGER NOT NULL DEFAULT 0, -- leases since it was last written or re-driven
    last_error   TEXT,
    value        TEXT NOT NULL,              -- the message, as JSON
    UNIQUE (partition_id, key)
) STRICT;

-- The slot rides along so that other workers' deliveries are passed over inside the index.
CREATE INDEX mp_delivery_due ON mp_delivery (kind, wakes_at, slot) WHERE wakes_at IS NOT NULL;

CREATE INDEX mp_delivery_dead ON mp_delivery (partition_id, key) WHERE wakes_at IS NULL;

INSERT INTO mp_meta (name, value) VALUES ('slots', 256), ('fence', 0);

-- Every live record, its value pretty enough to read and safe to pass to the json functions.
CREATE VIEW mp_json AS
SELECT partition,
       key,
       version,
       CASE WHEN json_valid(value) THEN json(value) ELSE value END AS value,
       strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch')
           || printf('.%06dZ', at % 1000000) AS at
FROM (SELECT partition, '' AS key, version, value, at
      FROM mp_partition
      UNION ALL
      SELECT partition, key, record.version, record.value, record.at
      FROM mp_record AS record
      JOIN mp_partition ON mp_partition.id = partition_id
      WHERE record.value IS NOT NULL);

-- One row for each partition.
CREATE VIEW mp_head AS
SELECT partition,
       slot,
       head,
       lower(hex(commit_id)) AS commit_id,
       strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch')
           || printf('.%06dZ', at % 1000000) AS at
FROM mp_partition;

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
       CASE WHEN json_valid(work.value) THEN json(work.value) ELSE work.value END AS value
FROM mp_delivery AS work
JOIN mp_partition ON mp_partition.id = partition_id
ORDER BY wakes_at IS NULL, wakes_at;
