#!/usr/bin/env bash
# Kills evenings at the night market at random moments, and lets each be run on to its end.
#
#   examples/night_market/kill_rounds.sh [ROUNDS [VISITORS]]
#
# A round begins an evening on a fresh file, kills it (SIGKILL) as soon as the file shows that a
# random number of operations is done, runs it again to its end, and audits the file. It passes if
# the resumed run says that every invariant holds, and the audit says
# so too and has counted the same. Three rounds in four have to go on between 5 % and 95 % of the
# evening. Also taken from the environment:
#
#   MP_KILL_ROUNDS=20  MP_KILL_VISITORS=20000  MP_KILL_SEED=1  (round n takes seed MP_KILL_SEED + n)
#   MP_KILL_PROFILE=release  (dev is built sooner, and then slower)
#
# The files of rounds that fail are kept, and named.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

rounds=${1:-${MP_KILL_ROUNDS:-20}}
visitors=${2:-${MP_KILL_VISITORS:-20000}}
first_seed=${MP_KILL_SEED:-1}
profile=${MP_KILL_PROFILE:-release}
[ "$rounds" -gt 0 ] && [ "$visitors" -gt 0 ] || exit 2

folder=$(mktemp -d) || exit 1
market=$folder/night_market
running=
failed=0
between=0

main() {
    for tool in sqlite3 python3; do
        command -v "$tool" >/dev/null || { echo "$tool is missing: install it" && exit 1; }
    done
    trap clean_up EXIT
    cargo build --quiet --profile "$profile" -p mp-examples --example night_market || exit 1
    # A copy, so that every round runs the same program whatever is built meanwhile.
    cp "${CARGO_TARGET_DIR:-target}/${profile/dev/debug}/examples/night_market" "$market" || exit 1
    measure || exit 1
    printf '%5s %6s %12s %12s %12s %8s  %s\n' \
        round seed "killed after" "resumed at" operations percent verdict
    for round in $(seq "$rounds"); do
        run_round "$round"
    done
    summarise
}

# Counts the operations of a whole evening, to know when to kill the others.
measure() {
    hold "$first_seed" "$folder/whole" >"$folder/whole.json" ||
        { echo "an evening that nobody kills fails" && return 1; }
    whole=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["operations"])' \
        <"$folder/whole.json") || return 1
    rm -f "$folder"/whole*
    echo "a whole evening with $visitors visitors has $whole operations; $rounds are killed"
}

run_round() {
    local seed=$((first_seed + $1)) store="$folder/round-$1" after verdict resumed=0 of=0
    # After any number of operations alike: none may matter more than another.
    after=$(random_between $((whole * 6 / 100)) $((whole * 90 / 100)))
    hold "$seed" "$store" >/dev/null 2>&1 &
    running=$!
    until [ "$(operations_in "$store")" -ge "$after" ] || ! kill -0 "$running" 2>/dev/null; do
        sleep 0.05
    done
    # In one group, so that the shell does not tell of the death.
    { kill -KILL "$running" && wait "$running"; } 2>/dev/null
    running=

    verdict=
    hold "$seed" "$store" >"$store.run.json" || verdict="the run on failed ($?); "
    audit "$store" >"$store.audit.json" || verdict+="the audit failed ($?); "
    read -r resumed of agreed < <(compare "$store.run.json" "$store.audit.json")
    [ "$agreed" = yes ] || verdict+="not agreed on: ${agreed:-anything}"
    if [ -z "$verdict" ]; then
        rm -f "$store"*
    else
        failed=$((failed + 1))
    fi
    if ((resumed * 100 >= of * 5 && resumed * 100 <= of * 95 && of > 0)); then
        between=$((between + 1))
    fi
    printf '%5d %6d %12d %12d %12d %8s  %s\n' \
        "$1" "$seed" "$after" "$resumed" "$of" "$(percent "$resumed" "$of") %" "${verdict:-ok}"
}

# Replaces the shell that it runs in, if it runs in the background: so the kill hits the market.
hold() {
    local arguments=(--visitors "$visitors" --seed "$1" --store "sqlite:$2" --json)
    if [ "$BASHPID" = "$$" ]; then
        "$market" "${arguments[@]}"
    else
        exec "$market" "${arguments[@]}"
    fi
}

audit() {
    "$market" --audit "$1" --json
}

# Prints where the run went on, how many operations it came to, and whether the audit agrees.
compare() {
    python3 - "$@" <<'PYTHON'
import json, sys

run, audit = (json.load(open(path)) for path in sys.argv[1:])
counts = audit["counts"]
differ = [name for name in counts if name in run and run[name] != counts[name]]
broken = {name for each in (run, audit) for name, holds in each["invariants"].items() if not holds}
if set(run["invariants"]) != set(audit["invariants"]):
    differ.append("invariants")
agreed = "yes" if not differ and not broken else "/".join(sorted(broken) + differ)
print(run["resumed_at_operation"], run["operations"], agreed)
PYTHON
}

summarise() {
    local needed=$(((rounds * 3 + 3) / 4))
    echo
    [ "$failed" -eq 0 ] || echo "the files of the rounds that failed are kept in $folder"
    if [ "$between" -lt "$needed" ]; then
        echo "too few rounds went on between 5 % and 95 %: $needed are needed"
        failed=$((failed + 1))
    fi
    echo "$rounds evenings killed and run on: $between between 5 % and 95 %, $failed failures"
    [ "$failed" -eq 0 ]
}

clean_up() {
    [ -z "$running" ] || kill -KILL "$running" 2>/dev/null
    if [ "$failed" -eq 0 ] || ! compgen -G "$folder/round-*" >/dev/null; then
        rm -rf "$folder"
    fi
}

# Prints how many operations the file of an evening shows; none while it has no records.
operations_in() {
    local shown
    shown=$(sqlite3 -readonly "$1" "SELECT sum(json_extract(value, '$.done.operations'))
        FROM mp_partition WHERE partition GLOB 'temple-street/tick/*'" 2>/dev/null)
    echo "${shown:-0}"
}

random_between() {
    echo $(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1)))
}

percent() {
    awk -v part="$1" -v of="$2" 'BEGIN { printf "%.1f", of ? 100 * part / of : 0 }'
}

main
