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

[ $# -eq 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 2; }
file=$1 url=$2

# Prints rows as CSV. NULL is an empty field; texts are quoted, so that an empty one is not.
rows() {
    sqlite3 -readonly -batch -bail -csv -newline $'\n' "$file" "$1"
}

# Quotes a text for CSV, in SQL.
text() {
    echo "CASE WHEN $1 IS NOT NULL THEN hex($1) END"
}

{
    cat <<SQL
BEGIN;
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
    echo "COPY moved_partition FROM STDIN (FORMAT csv);"
    rows "SELECT slot, partition, head, hex(commit_id), at, forgotten, version, $(text value)
          FROM mp_partition"
    echo "\\."
    echo "COPY moved_record FROM STDIN (FORMAT csv);"
    rows "SELECT p.slot, p.partition, r.key, r.version, r.at, $(text r.value)
          FROM mp_record AS r JOIN mp_partition AS p ON p.id = r.partition_id"
    echo "\\."
    echo "COPY moved_delivery FROM STDIN (FORMAT csv);"
    rows "SELECT p.slot, p.partition, d.key, d.kind, d.version, d.due_at, d.lease, d.wakes_at,
              d.attempts, $(text d.last_error), $(text d.value)
          FROM mp_delivery AS d JOIN mp_partition AS p ON p.id = d.partition_id"
    echo "\\."
    cat <<SQL
INSERT INTO mp_partition (slot, partition, head, commit_id, at, forgotten, version, value)
SELECT slot, partition, head, commit_id, at, forgotten, version, decode(value, 'hex')
FROM moved_partition;
INSERT INTO mp_record (slot, partition, key, version, at, value)
SELECT slot, partition, key, version, at, decode(value, 'hex') FROM moved_record;
INSERT INTO mp_delivery
    (slot, partition, key, kind, version, due_at, lease, wakes_at, attempts, last_error, value)
SELECT slot, partition, key, kind, version, due_at, lease, wakes_at, attempts,
    convert_from(decode(last_error, 'hex'), 'UTF8'), decode(value, 'hex')
FROM moved_delivery;
COMMIT;
SQL
} | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$url"
