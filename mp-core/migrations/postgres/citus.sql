-- Spreads the tables of an mp store over the workers of a Citus cluster (11 or newer), on `slot`.
--
-- Run once, on the coordinator, while no store is open: after a store has made its tables in the
-- database, by the role that owns them, and with the search_path that the stores have:
--     psql --variable ON_ERROR_STOP=1 --file citus.sql 'postgres://…'
-- What the tables hold goes along. Into how many shards is said beforehand by the setting
-- citus.shard_count: 32 unless set, 256 at most of any use, there being so many slots.
--
-- On a cluster whose tables were spread when a store had only the first layout: connect a store once,
-- which makes the functions of the second, then run what follows the tables here, in a transaction.
-- Until then the coordinator carries out the commits itself, over more hops.
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

-- Sessions on a worker know nothing of the search_path of those on the coordinator, so the function
-- brings it along.
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION mp_commit_v2 SET search_path = %s', current_setting('search_path'));
END $$;

SELECT create_distributed_function(
    'mp_commit_v2(
        smallint, text, bigint, bigint, bigint, uuid, bytea,
        text[], bytea[], text[], bigint[], bytea[],
        text[], bytea[], text[], bigint[], bytea[], text[], text[]
    )',
    'p_slot',
    colocate_with => 'mp_partition'
);

COMMIT;
