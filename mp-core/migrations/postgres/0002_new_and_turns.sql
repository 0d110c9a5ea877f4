-- The second layout of an mp store in PostgreSQL: writes that say what is new, and turns.
--
-- The store runs this by itself, once, as it does 0001_init.sql. Where that was run by hand, run this
-- after it in the same way, then
--     UPDATE mp_meta SET value = 2 WHERE name = 'layout';
-- and grant the store's role on mp_turn what it has on the other tables. On a Citus cluster that has
-- the first layout, citus.sql says what is to be done besides.
--
-- The functions of the first layout stay, for the processes that were started before.

-- A row for each slot, which nothing is ever written to: whoever locks it has the turn at a partition
-- of that slot for which several processes contend. Some databases of the first layout have it.
CREATE TABLE IF NOT EXISTS mp_turn (slot smallint PRIMARY KEY);

INSERT INTO mp_turn SELECT generate_series(0, 255) ON CONFLICT DO NOTHING;

-- Applies one batch to one partition if its head is the expected one (0: the partition must not
-- exist), and returns whether it was. All that it touches has one slot, its first argument, so
-- that a distributed engine can run it whole where that slot is.
--
-- The update of the head is the check as well: two commits on one head write the same row, and the
-- second finds another version in it. What follows is under that row's lock. Arrays may be NULL.
--
-- What is written beside the head takes its slot from the head's row: a distributed engine then sees
-- that it goes where it comes from, instead of collecting it first.
--
-- To look whether a key is there before it is inserted (ON CONFLICT) costs as much as to insert it. So
-- what the caller knows to be new is inserted at once; if something is there all the same, be it the
-- mark of a deletion, that insertion is taken back and made like any other. Such a block is a
-- transaction inside the transaction: to a distributed engine nothing is called new.
CREATE FUNCTION mp_commit_v2(
    p_slot        smallint,
    p_partition   text,
    p_expect      bigint,
    p_next        bigint,   -- the head version that the batch makes
    p_at          bigint,
    p_commit_id   uuid,
    p_root        bytea,    -- NULL leaves the root record as it is
    create_key    text[],   -- records and deliveries that the caller knows to be new
    create_value  bytea[],
    send_key      text[],
    send_due      bigint[],
    send_value    bytea[],
    put_key       text[],   -- others
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
    IF cardinality(create_key) > 0 THEN
        BEGIN
            INSERT INTO mp_record (slot, partition, key, version, at, value)
            SELECT p_slot, p_partition, w.key, p_next, p_at, w.value
            FROM unnest(create_key, create_value) AS w (key, value);
        EXCEPTION WHEN unique_violation THEN
            put_key := put_key || create_key;
            put_value := put_value || create_value;
        END;
    END IF;
    IF cardinality(send_key) > 0 THEN
        BEGIN
            INSERT INTO mp_delivery (slot, partition, key, kind, version, due_at, wakes_at, value)
            SELECT p_slot, p_partition, w.key, split_part(w.key, '/', 2), p_next, w.due, w.due, w.value
            FROM unnest(send_key, send_due, send_value) AS w (key, due, value);
        EXCEPTION WHEN unique_violation THEN
            deliver_key := deliver_key || send_key;
            deliver_due := deliver_due || send_due;
            deliver_value := deliver_value || send_value;
        END;
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

-- Applies one batch to each of many partitions, as mp_commit_v2 does, and returns the numbers
-- (from 1) of those that were applied. Each partition stands in p_partition once; put_n and the
-- like say which of them a record belongs to.
--
-- Partitions are given by slot and id, in the order of their index, so that whichever way a plan
-- takes, all lock the heads in one order; and they are created before others are updated. Then no
-- two wait for each other in a ring: who waits for a head that is updated holds smaller ones only, or
-- none but those that it has created, which nobody else can see yet.
--
-- Arrays are subscripted rather than joined: that takes the same short time however many there are.
CREATE FUNCTION mp_commit_many_v2(
    p_slot        smallint[],
    p_partition   text[],
    p_expect      bigint[],
    p_next        bigint[],
    p_at          bigint[],
    p_commit_id   uuid[],
    p_root        bytea[],
    create_n      integer[],
    create_key    text[],
    create_value  bytea[],
    send_n        integer[],
    send_key      text[],
    send_due      bigint[],
    send_value    bytea[],
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
    IF cardinality(create_n) > 0 THEN
        BEGIN
            INSERT INTO mp_record (slot, partition, key, version, at, value)
            SELECT p_slot[w.n], p_partition[w.n], w.key, p_next[w.n], p_at[w.n], w.value
            FROM unnest(create_n, create_key, create_value) AS w (n, key, value)
            WHERE applied[w.n];
        EXCEPTION WHEN unique_violation THEN
            put_n := put_n || create_n;
            put_key := put_key || create_key;
            put_value := put_value || create_value;
        END;
    END IF;
    IF cardinality(send_n) > 0 THEN
        BEGIN
            INSERT INTO mp_delivery (slot, partition, key, kind, version, due_at, wakes_at, value)
            SELECT p_slot[w.n], p_partition[w.n], w.key, split_part(w.key, '/', 2),
                p_next[w.n], w.due, w.due, w.value
            FROM unnest(send_n, send_key, send_due, send_value) AS w (n, key, due, value)
            WHERE applied[w.n];
        EXCEPTION WHEN unique_violation THEN
            deliver_n := deliver_n || send_n;
            deliver_key := deliver_key || send_key;
            deliver_due := deliver_due || send_due;
            deliver_value := deliver_value || send_value;
        END;
    END IF;
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
