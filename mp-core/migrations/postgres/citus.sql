-- Spreads the tables of an mp store over the workers of a Citus cluster (11 or newer), on `slot`.
--
-- Run once, on the coordinator, while no store is open: after a store has made its tables in the
-- database, by the role that owns them, and with the search_path that the stores have:
--     psql --variable ON_ERROR_STOP=1 --file citus.sql 'postgres://…'
-- What the tables hold goes along. Into how many shards is said beforehand by the setting
-- citus.shard_count: 32 unless set, 256 at most of any use, there being so many slots.
--
-- A store that connects finds out by itself. From then on each of its statements names one slot, and
-- Citus hands it on whole to the one worker that has it.

BEGIN;
-- Functions are distributed after tables in one transaction only over one connection to each node.
SET LOCAL citus.multi_shard_modify_mode = 'sequential';

SELECT create_reference_table('mp_meta');
SELECT create_distributed_table('mp_partition', 'slot');
SELECT create_distributed_table('mp_record', 'slot', colocate_with => 'mp_partition');
SELECT create_distributed_table('mp_delivery', 'slot', colocate_with => 'mp_partition');

-- mp_commit_v1 of the first layout, with its records written one at a time: on a worker each
-- statement is planned for its one shard, which for an INSERT of VALUES is short work, while an
-- INSERT of a SELECT goes through intermediate results. Sessions on a worker know nothing of the
-- search_path of those on the coordinator, so the function brings it along.
CREATE OR REPLACE FUNCTION mp_commit_v1(
    p_slot        smallint,
    p_partition   text,
    p_expect      bigint,
    p_next        bigint,
    p_at          bigint,
    p_commit_id   uuid,
    p_root        bytea,
    put_key       text[],
    put_value     bytea[],
    deliver_key   text[],
    deliver_due   bigint[],
    deliver_value bytea[],
    delete_key    text[],
    undeliver_key text[]
) RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
    FOR n IN 1 .. cardinality(put_key) LOOP
        INSERT INTO mp_record AS r (slot, partition, key, version, at, value)
        VALUES (p_slot, p_partition, put_key[n], p_next, p_at, put_value[n])
        ON CONFLICT (slot, partition, key) DO UPDATE
        SET version = excluded.version, at = excluded.at, value = excluded.value;
    END LOOP;
    FOR n IN 1 .. cardinality(deliver_key) LOOP
        INSERT INTO mp_delivery AS d
            (slot, partition, key, kind, version, due_at, wakes_at, value)
        VALUES (
            p_slot, p_partition, deliver_key[n], split_part(deliver_key[n], '/', 2), p_next,
            deliver_due[n], deliver_due[n], deliver_value[n]
        )
        ON CONFLICT (slot, partition, key) DO UPDATE
        SET version = excluded.version, due_at = excluded.due_at, lease = NULL,
            wakes_at = excluded.wakes_at, attempts = 0, last_error = NULL, value = excluded.value;
    END LOOP;
    IF cardinality(undeliver_key) > 0 THEN
        DELETE FROM mp_delivery
        WHERE slot = p_slot AND partition = p_partition AND key = ANY (undeliver_key);
    END IF;
    IF cardinality(delete_key) > 0 THEN
        UPDATE mp_record SET version = p_next, at = head_at, value = NULL
        WHERE slot = p_slot AND partition = p_partition AND key = ANY (delete_key)
            AND value IS NOT NULL;
        -- Nobody else writes here meanwhile: they wait for the head.
        SELECT max(version) INTO lapsed FROM mp_record
        WHERE slot = p_slot AND partition = p_partition AND value IS NULL
            AND at < head_at - 600000000;
        IF lapsed IS NOT NULL THEN
            DELETE FROM mp_record
            WHERE slot = p_slot AND partition = p_partition AND value IS NULL
                AND at < head_at - 600000000;
            UPDATE mp_partition SET forgotten = greatest(forgotten, lapsed)
            WHERE slot = p_slot AND partition = p_partition;
        END IF;
    END IF;
    RETURN true;
END $$;

SELECT create_distributed_function(
    'mp_commit_v1(
        smallint, text, bigint, bigint, bigint, uuid, bytea,
        text[], bytea[], text[], bigint[], bytea[], text[], text[]
    )',
    'p_slot',
    colocate_with => 'mp_partition'
);

COMMIT;
