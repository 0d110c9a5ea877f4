#!/usr/bin/env bash
# A Citus cluster of one coordinator and two workers on this machine, for trying things by hand.
#
#   cluster.sh start DIR    makes it in DIR, starts it, and prints the MP_CITUS_URL to set
#   cluster.sh stop DIR     stops it; what it kept stays in DIR
#
# PostgreSQL and the Citus extension (https://github.com/citusdata/citus) have to be installed. Its
# three servers share one disk and trust whoever reaches 127.0.0.1: it shows that things work, not how
# fast they are nor how they fail. PORT (9700) is the coordinator's port, the workers' are the next.
set -euo pipefail

main() {
    [ $# -eq 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 2; }
    command=$1 folder=$2 port=${PORT:-9700}
    binaries=${PG_BIN:-$(pg_config --bindir)}
    case $command in
    start) start ;;
    stop) for node in 0 1 2; do control "$node" stop -m fast; done ;;
    *) "$0" && exit 2 ;;
    esac
}

start() {
    mkdir -p "$folder"
    [ "$(id -u)" -ne 0 ] || chown postgres "$folder"
    local made=
    for node in 0 1 2; do
        [ -d "$folder/$node" ] || { make "$node" && made=1; }
        control "$node" start >/dev/null
    done
    [ -z "$made" ] || join
    # Citus turns TLS on, with a certificate that proves nothing.
    echo "MP_CITUS_URL=postgres://postgres@127.0.0.1:$port/mp?sslmode=disable"
}

make() {
    as_server "$binaries/initdb" --pgdata "$folder/$1" --username postgres --encoding UTF8 --locale C \
        --auth trust --no-sync >/dev/null
    as_server tee -a "$folder/$1/postgresql.conf" >/dev/null <<CONFIGURATION
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = $((port + $1))
shared_preload_libraries = 'citus'
wal_level = logical
max_connections = 300
max_prepared_transactions = 300
max_wal_size = '4GB'
citus.local_hostname = '127.0.0.1'
CONFIGURATION
}

join() {
    for node in 0 1 2; do
        psql_on "$node" postgres -c "CREATE DATABASE mp"
        psql_on "$node" mp -c "CREATE EXTENSION citus"
    done
    psql_on 0 mp -c "SELECT citus_set_coordinator_host('127.0.0.1', $port)"
    for node in 1 2; do
        psql_on 0 mp -c "SELECT citus_add_node('127.0.0.1', $((port + node)))"
    done
}

control() {
    as_server "$binaries/pg_ctl" --pgdata "$folder/$1" --log "$folder/$1.log" --wait "${@:2}"
}

psql_on() {
    "$binaries/psql" -X -q -o /dev/null -h 127.0.0.1 -p $((port + $1)) -U postgres -d "$2" "${@:3}"
}

# PostgreSQL refuses to be root.
as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
}

main "$@"
