#!/usr/bin/env bash
# Moves an mp store from a SQLite file to PostgreSQL, or to Citus through its coordinator.
#
#   from_sqlite.sh FILE URL
#
# Stop whatever writes the file first. The database at URL must have the tables, made by a store that
# connected there once, and nothing in them. All is moved or nothing: heads, versions, leases, what
# is dead, and what was deleted a short while ago. The file is only read.
#
# It needs sqlite3, and psql 14 or newer.
set -euo pipefail

main() {
    [ $# -eq 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 2; }
    # What sqlite3 cannot read to its end, psql is not told to commit.
    {
        begin
        copy_rows "$1"
        finish
    } | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$2"
}

begin() {
    cat <<'SQL'
BEGIN;
-- Whoever makes the first commit there meanwhile waits, and comes after.
LOCK TABLE mp_partition, mp_record, mp_delivery IN SHARE ROW EXCLUSIVE MODE;
CREATE TEMPORARY TABLE moved_meta (name text, value bigint) ON COMMIT DROP;
CREATE TEMPORARY TABLE moved_partition (
    slot smallint, partition text, head bigint, commit_id uuid, at bigint, forgotten bigint,
    version bigint, value text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE moved_record (
    slot smallint, partition text, key text, version bigint, at bigint, value text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE moved_delivery (
    slot smallint, partition text, key text, kind text, version bigint, due_at bigint, lease bigint,
    wakes_at bigint, attempts integer, last_error text, value text
) ON COMMIT DROP;
SQL
}

# Prints all rows of one moment as CSV. NULL is an empty field; an empty text is quoted. What may have
# any character is written in hexadecimal.
copy_rows() {
    sqlite3 -readonly -batch -bail -csv -newline $'\n' "$1" <<'SQL'
BEGIN;
.print COPY moved_meta FROM STDIN (FORMAT csv);
SELECT name, value FROM mp_meta;
.print '\.'
.print COPY moved_partition FROM STDIN (FORMAT csv);
SELECT slot, partition, head, hex(commit_id), at, forgotten, version, hex(value)
FROM mp_partition;
.print '\.'
.print COPY moved_record FROM STDIN (FORMAT csv);
SELECT p.slot, p.partition, r.key, r.version, r.at,
    CASE WHEN r.value IS NOT NULL THEN hex(r.value) END
FROM mp_record AS r JOIN mp_partition AS p ON p.id = r.partition_id;
.print '\.'
.print COPY moved_delivery FROM STDIN (FORMAT csv);
SELECT p.slot, p.partition, d.key, d.kind, d.version, d.due_at, d.lease, d.wakes_at, d.attempts,
    CASE WHEN d.last_error IS NOT NULL THEN hex(d.last_error) END, hex(d.value)
FROM mp_delivery AS d JOIN mp_partition AS p ON p.id = d.partition_id;
.print '\.'
SQL
}

finish() {
    cat <<'SQL'
DO $$
DECLARE
    theirs jsonb := (SELECT jsonb_object_agg(name, value) FROM moved_meta);
    ours   jsonb := (SELECT jsonb_object_agg(name, value) FROM mp_meta);
BEGIN
    IF theirs->'layout' IS DISTINCT FROM '1' OR ours->'layout' IS DISTINCT FROM '2' THEN
        RAISE 'the layouts are % and %: this script knows the first and the second',
            theirs->'layout', ours->'layout';
    END IF;
    IF theirs->'slots' IS DISTINCT FROM ours->'slots' THEN
        RAISE 'the stores have % and % slots', theirs->'slots', ours->'slots';
    END IF;
    IF EXISTS (SELECT 1 FROM mp_partition) OR EXISTS (SELECT 1 FROM mp_record)
        OR EXISTS (SELECT 1 FROM mp_delivery)
    THEN
        RAISE 'the target is not empty: move into tables that nothing was written to';
    END IF;
END $$;
INSERT INTO mp_partition (slot, partition, head, commit_id, at, forgotten, version, value)
SELECT slot, partition, head, commit_id, at, forgotten, version, decode(value, 'hex')
FROM moved_partition;
INSERT INTO mp_record (slot, partition, key, version, at, value)
SELECT slot, partition, key, version, at, decode(value, 'hex') FROM moved_record;
-- An error text may have a NUL, which only values can keep here: it becomes a space.
INSERT INTO mp_delivery
    (slot, partition, key, kind, version, due_at, lease, wakes_at, attempts, last_error, value)
SELECT slot, partition, key, kind, version, due_at, lease, wakes_at, attempts,
    convert_from(decode(
        replace(replace(regexp_replace(last_error, '..', '\&,', 'g'), '00,', '20'), ',', ''),
        'hex'
    ), 'UTF8'),
    decode(value, 'hex')
FROM moved_delivery;
COMMIT;
SQL
}

main "$@"
