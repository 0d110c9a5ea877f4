-- The first layout of an mp store in PostgreSQL (14 or newer).
--
-- The store runs this by itself when it connects, once, however many processes start together.
-- Where its role may not create tables, run it by hand as one that may, in one transaction and in
-- the schema that the store's search_path begins with, then
--     INSERT INTO mp_meta (name, value) VALUES ('layout', 1);
-- and grant the store's role SELECT, INSERT, UPDATE and DELETE on the tables.
--
-- Times are microseconds since 1970-01-01T00:00:00Z by the callers' clocks. The views at the end
-- show them, and the values, as a person reads them: SELECT * FROM mp_json;

CREATE TABLE mp_meta (
    name  text PRIMARY KEY, -- 'layout': how many of these files were applied
                            -- 'slots': how many slots partitions are spread over, fixed for ever
    value bigint NOT NULL
);

-- One row for each partition: its head and, in the same row, its root record, so that a commit of
-- the root alone is the update of one row. No index but the key's, and room in each page, so that
-- such an update touches no index at all (HOT).
CREATE TABLE mp_partition (
    slot      smallint NOT NULL,         -- a stable hash of the partition's id
    partition text COLLATE "C" NOT NULL, -- '{app}/{kind}/{id}': the unit of atomicity
    head      bigint NOT NULL,           -- the version that the last commit made
    commit_id uuid NOT NULL,             -- the id of that commit
    at        bigint NOT NULL,           -- when it was made; it never runs back
    forgotten bigint NOT NULL DEFAULT 0, -- deletions up to this version may be forgotten
    version   bigint NOT NULL,           -- the head version that last wrote the root record
    value     bytea NOT NULL,            -- the root record: JSON text in UTF-8
    PRIMARY KEY (slot, partition)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0
);

-- The other records of the partitions, without the deliveries.
CREATE TABLE mp_record (
    slot      smallint NOT NULL,
    partition text COLLATE "C" NOT NULL,
    key       text COLLATE "C" NOT NULL,
    version   bigint NOT NULL, -- the head version that last wrote or deleted this record
    at        bigint NOT NULL, -- when
    value     bytea,           -- JSON; NULL marks a record that was deleted a short while ago
    PRIMARY KEY (slot, partition, key)
) WITH (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0
);

-- What followers of a partition ask for. The condition always holds; it is there so that only those
-- who state it get this index: to a planner without statistics it looks as good for finding one key
-- as the primary key, and would read a whole partition for it.
CREATE INDEX mp_record_changed ON mp_record (slot, partition, version) WHERE version > 0;

-- The deletion marks, in the order in which they are forgotten.
CREATE INDEX mp_record_deleted ON mp_record (slot, partition, at) WHERE value IS NULL;

CREATE TABLE mp_delivery (
    slot       smallint NOT NULL,
    partition  text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,  -- '~o/{kind}/{id}' or '~t/{kind}/{id}'
    kind       text COLLATE "C" NOT NULL,  -- the key's second segment
    version    bigint NOT NULL,            -- the head version that last wrote it
    due_at     bigint NOT NULL,            -- since when it is or was due
    lease      bigint,                     -- until when it is leased
    wakes_at   bigint,                     -- when it next comes up: lease or due_at; NULL if dead
    attempts   integer NOT NULL DEFAULT 0, -- leases since it was last written or re-driven
    last_error text,
    value      bytea NOT NULL,             -- the message, as JSON
    PRIMARY KEY (slot, partition, key)
) WITH (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0
);

-- The longest due of a kind come first whatever their slot; the slot rides along so that other
-- workers' deliveries are passed over inside the index.
CREATE INDEX mp_delivery_due ON mp_delivery (kind, wakes_at, slot) WHERE wakes_at IS NOT NULL;

CREATE INDEX mp_delivery_dead ON mp_delivery (slot, partition, key) WHERE wakes_at IS NULL;

-- A row of two kilobytes and more has its value compressed. LZ4 takes a tenth of the processor time
-- of the server's own method, which for a root of 3 kB is more than all the rest of its commit; a
-- server that was built without LZ4 keeps to its own.
DO $$ BEGIN
    ALTER TABLE mp_partition ALTER COLUMN value SET COMPRESSION lz4;
    ALTER TABLE mp_record ALTER COLUMN value SET COMPRESSION lz4;
    ALTER TABLE mp_delivery ALTER COLUMN value SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$;

-- Applies one batch to one partition if its head is the expected one (0: the partition must not
-- exist), and returns whether it was. All that it touches has one slot, its first argument, so
-- that a distributed engine can run it whole where that slot is.
--
-- The update of the head is the check as well: two commits on one head write the same row, and the
-- second finds another version in it. What follows is under that row's lock. Arrays may be NULL.
--
-- What is written beside the head takes its slot from the head's row: a distributed engine then sees
-- that it goes where it comes from, instead of collecting it first.
CREATE FUNCTION mp_commit_v1(
    p_slot        smallint,
    p_partition   text,
    p_expect      bigint,
    p_next        bigint,   -- the head version that the batch makes
    p_at          bigint,
    p_commit_id   uuid,
    p_root        bytea,    -- NULL leaves the root record as it is
    put_key       text[],
    put_value     bytea[],
    deliver_key   text[],
    deliver_due   bigint[],
    deliver_value bytea[],
    delete_key    text[],
    undeliver_key text[]
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    head_at bigint;
    lapsed  bigint;
BEGIN
    IF p_expect = 0 THEN
        INSERT INTO mp_partition (slot, partition, head, commit_id, at, version, value)
        VALUES (p_slot, p_partition, p_next, p_commit_id, p_at, p_next, p_root)
        ON CONFLICT (slot, partition) DO NOTHING
        RETURNING at INTO head_at;
    ELSE
        UPDATE mp_partition SET
            head = p_next,
            commit_id = p_commit_id,
            at = greatest(at, p_at),
            version = CASE WHEN p_root IS NULL THEN version ELSE p_next END,
            value = coalesce(p_root, value)
        WHERE slot = p_slot AND partition = p_partition AND head = p_expect
        RETURNING at INTO head_at;
    END IF;
    IF head_at IS NULL THEN
        RETURN false;
    END IF;
    IF cardinality(put_key) > 0 THEN
        INSERT INTO mp_record AS r (slot, partition, key, version, at, value)
        SELECT h.slot, h.partition, w.key, p_next, p_at, w.value
        FROM mp_partition h CROSS JOIN unnest(put_key, put_value) AS w (key, value)
        WHERE h.slot = p_slot AND h.partition = p_partition
        ON CONFLICT (slot, partition, key) DO UPDATE
        SET version = excluded.version, at = excluded.at, value = excluded.value;
    END IF;
    IF cardinality(deliver_key) > 0 THEN
        INSERT INTO mp_delivery AS d
            (slot, partition, key, kind, version, due_at, wakes_at, value)
        SELECT h.slot, h.partition, w.key, split_part(w.key, '/', 2), p_next, w.due, w.due, w.value
        FROM mp_partition h
            CROSS JOIN unnest(deliver_key, deliver_due, deliver_value) AS w (key, due, value)
        WHERE h.slot = p_slot AND h.partition = p_partition
        ON CONFLICT (slot, partition, key) DO UPDATE
        SET version = excluded.version, due_at = excluded.due_at, lease = NULL,
            wakes_at = excluded.wakes_at, attempts = 0, last_error = NULL, value = excluded.value;
    END IF;
    IF cardinality(undeliver_key) > 0 THEN
        DELETE FROM mp_delivery d USING unnest(undeliver_key) AS w (key)
        WHERE d.slot = p_slot AND d.partition = p_partition AND d.key = w.key;
    END IF;
    IF cardinality(delete_key) > 0 THEN
        UPDATE mp_record r SET version = p_next, at = head_at, value = NULL
        FROM unnest(delete_key) AS w (key)
        WHERE r.slot = p_slot AND r.partition = p_partition AND r.key = w.key
            AND r.value IS NOT NULL;
        -- Deletions forget older ones: ten minutes (600,000,000 microseconds) are promised.
        WITH gone AS (
            DELETE FROM mp_record r
            WHERE r.slot = p_slot AND r.partition = p_partition AND r.value IS NULL
                AND r.at < head_at - 600000000
            RETURNING r.version
        )
        SELECT max(version) INTO lapsed FROM gone;
        IF lapsed IS NOT NULL THEN
            UPDATE mp_partition SET forgotten = greatest(forgotten, lapsed)
            WHERE slot = p_slot AND partition = p_partition;
        END IF;
    END IF;
    RETURN true;
END $$;

-- Applies one batch to each of many partitions, as mp_commit_v1 does, and returns the numbers
-- (from 1) of those that were applied. Each partition stands in p_partition once; put_n and the
-- like say which of them a record belongs to.
--
-- Partitions are given by slot and id, in the order of their index, so that whichever way a plan
-- takes, all lock the heads in one order; and they are created before others are updated. Then no
-- two wait for each other in a ring: who waits for a head that is updated holds smaller ones only, or
-- none but those that it has created, which nobody else can see yet.
--
-- Arrays are subscripted rather than joined: that takes the same short time however many there are.
CREATE FUNCTION mp_commit_many_v1(
    p_slot        smallint[],
    p_partition   text[],
    p_expect      bigint[],
    p_next        bigint[],
    p_at          bigint[],
    p_commit_id   uuid[],
    p_root        bytea[],
    put_n         integer[],
    put_key       text[],
    put_value     bytea[],
    deliver_n     integer[],
    deliver_key   text[],
    deliver_due   bigint[],
    deliver_value bytea[],
    delete_n      integer[],
    delete_key    text[],
    undeliver_n   integer[],
    undeliver_key text[]
) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
    applied boolean[] := array_fill(false, ARRAY[cardinality(p_slot)]);
    numbers integer[];
    created text[];
    made    integer[];
    n       integer;
BEGIN
    IF 0 = ANY (p_expect) THEN
        WITH inserted AS (
            INSERT INTO mp_partition (slot, partition, head, commit_id, at, version, value)
            SELECT b.slot, b.partition, b.next, b.commit_id, b.at, b.next, b.root
            FROM unnest(p_slot, p_partition, p_expect, p_next, p_at, p_commit_id, p_root)
                AS b (slot, partition, expect, next, at, commit_id, root)
            WHERE b.expect = 0
            ON CONFLICT (slot, partition) DO NOTHING
            RETURNING partition
        )
        SELECT array_agg(inserted.partition) INTO created FROM inserted;
        made := ARRAY(
            SELECT b.n::integer
            FROM unnest(p_partition, p_expect) WITH ORDINALITY AS b (partition, expect, n)
            WHERE b.expect = 0 AND b.partition = ANY (created)
        );
    END IF;
    WITH moved AS (
        UPDATE mp_partition h SET
            head = b.next,
            commit_id = b.commit_id,
            at = greatest(h.at, b.at),
            version = CASE WHEN b.root IS NULL THEN h.version ELSE b.next END,
            value = coalesce(b.root, h.value)
        FROM unnest(p_slot, p_partition, p_expect, p_next, p_at, p_commit_id, p_root)
            WITH ORDINALITY AS b (slot, partition, expect, next, at, commit_id, root, n)
        WHERE b.expect > 0 AND h.slot = b.slot AND h.partition = b.partition AND h.head = b.expect
        RETURNING b.n::integer AS n
    )
    SELECT made || array_agg(moved.n) INTO numbers FROM moved;
    IF numbers IS NULL THEN
        RETURN '{}';
    END IF;
    FOREACH n IN ARRAY numbers LOOP
        applied[n] := true;
    END LOOP;
    IF cardinality(put_n) > 0 THEN
        INSERT INTO mp_record AS r (slot, partition, key, version, at, value)
        SELECT p_slot[w.n], p_partition[w.n], w.key, p_next[w.n], p_at[w.n], w.value
        FROM unnest(put_n, put_key, put_value) AS w (n, key, value)
        WHERE applied[w.n]
        ON CONFLICT (slot, partition, key) DO UPDATE
        SET version = excluded.version, at = excluded.at, value = excluded.value;
    END IF;
    IF cardinality(deliver_n) > 0 THEN
        INSERT INTO mp_delivery AS d
            (slot, partition, key, kind, version, due_at, wakes_at, value)
        SELECT p_slot[w.n], p_partition[w.n], w.key, split_part(w.key, '/', 2),
            p_next[w.n], w.due, w.due, w.value
        FROM unnest(deliver_n, deliver_key, deliver_due, deliver_value) AS w (n, key, due, value)
        WHERE applied[w.n]
        ON CONFLICT (slot, partition, key) DO UPDATE
        SET version = excluded.version, due_at = excluded.due_at, lease = NULL,
            wakes_at = excluded.wakes_at, attempts = 0, last_error = NULL, value = excluded.value;
    END IF;
    IF cardinality(undeliver_n) > 0 THEN
        DELETE FROM mp_delivery d USING unnest(undeliver_n, undeliver_key) AS w (n, key)
        WHERE applied[w.n] AND d.slot = p_slot[w.n] AND d.partition = p_partition[w.n]
            AND d.key = w.key;
    END IF;
    IF cardinality(delete_n) > 0 THEN
        -- Dated by the head, which does not run back, and not by the batch: else a clock that
        -- jumped back would have a deletion forgotten too early.
        UPDATE mp_record r SET version = h.head, at = h.at, value = NULL
        FROM unnest(delete_n, delete_key) AS w (n, key), mp_partition h
        WHERE applied[w.n] AND h.slot = p_slot[w.n] AND h.partition = p_partition[w.n]
            AND r.slot = h.slot AND r.partition = h.partition AND r.key = w.key
            AND r.value IS NOT NULL;
        WITH gone AS (
            DELETE FROM mp_record r
            USING (SELECT DISTINCT w.n FROM unnest(delete_n) AS w (n)) AS w, mp_partition h
            WHERE applied[w.n] AND h.slot = p_slot[w.n] AND h.partition = p_partition[w.n]
                AND r.slot = h.slot AND r.partition = h.partition AND r.value IS NULL
                AND r.at < h.at - 600000000
            RETURNING r.slot, r.partition, r.version
        )
        UPDATE mp_partition h SET forgotten = greatest(h.forgotten, g.version)
        FROM (SELECT slot, partition, max(version) AS version FROM gone GROUP BY 1, 2) AS g
        WHERE h.slot = g.slot AND h.partition = g.partition;
    END IF;
    RETURN numbers;
END $$;

INSERT INTO mp_meta (name, value) VALUES ('slots', 256);

-- Shows microseconds as RFC 3339 text in UTC.
CREATE FUNCTION mp_time(micros bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_char(
        timestamp '1970-01-01' + micros * interval '1 microsecond',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
    )
$$;

-- Shows a value as JSON, or as a JSON string if it is not JSON.
CREATE FUNCTION mp_value(value bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(value, 'UTF8')::jsonb;
EXCEPTION WHEN data_exception THEN
    RETURN to_jsonb(encode(value, 'escape'));
END $$;

-- Every live record.
CREATE VIEW mp_json AS
SELECT slot, partition, key, version, mp_value(value) AS value, mp_time(at) AS at
FROM (
    SELECT slot, partition, '' AS key, version, value, at FROM mp_partition
    UNION ALL
    SELECT slot, partition, key, version, value, at FROM mp_record WHERE value IS NOT NULL
) AS r;

-- One row for each partition.
CREATE VIEW mp_head AS
SELECT slot, partition, head, commit_id, mp_time(at) AS at FROM mp_partition;

-- Work that waits, is leased, or lies dead, with what comes up next first and the dead last.
CREATE VIEW mp_work AS
SELECT
    CASE WHEN wakes_at IS NULL THEN 'dead' WHEN lease IS NULL THEN 'waiting' ELSE 'leased' END
        AS state,
    kind,
    slot,
    partition,
    key,
    mp_time(coalesce(wakes_at, due_at)) AS at,
    attempts,
    last_error,
    mp_value(value) AS value
FROM mp_delivery
ORDER BY wakes_at NULLS LAST;
