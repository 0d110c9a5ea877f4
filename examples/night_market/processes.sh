#!/usr/bin/env bash
# Has three processes hold evenings at the night market together, and kills one in the middle.
#
#   examples/night_market/processes.sh [ROUNDS [VISITORS]]
#
# A round begins three processes on one store, kills (SIGKILL) one of them at a random moment, starts
# another in its place or not, and waits for all others to end. It passes if they all report the same
# evening, with every invariant true, and an audit of the records says so too and has counted the
# same. Each round is held on a SQLite file and on a private PostgreSQL server; where PostgreSQL is
# not installed, that half is skipped and says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export MP_PROCESSES_ROUNDS=${1:-10} MP_PROCESSES_VISITORS=${2:-2000}
exec cargo test --release -p mp-examples --example night_market processes:: -- \
    --nocapture --test-threads 1
