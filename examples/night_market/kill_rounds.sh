#!/usr/bin/env bash
# Kills evenings at random moments, lets them go on, and holds the books to account.
#
#   examples/night_market/kill_rounds.sh [ROUNDS [VISITORS]]
#
# Each round starts an evening on a fresh file, kills it with signal 9 at a random moment of its first
# three quarters (the last is closing time, when little is done), runs it again to the end, and
# demands that every invariant holds and that the independent audit agrees. At least three quarters of the rounds must have gone on between 5 %
# and 95 % of the evening's operations. The defaults are 20 rounds of 20,000 visitors.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

rounds=${1:-${MP_KILL_ROUNDS:-20}}
visitors=${2:-${MP_KILL_VISITORS:-20000}}

main() {
    cargo build --quiet --release -p mp-examples --example night_market || exit 1
    market=$(target_directory)/release/examples/night_market
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    measure
    amid=0 failed=0
    printf '%5s  %9s  %11s  %7s  %s\n' round "killed at" "resumed at" "share" outcome
    for ((round = 1; round <= rounds; round++)); do
        one_round
        rm -f "$folder"/round.sqlite*
    done
    echo "$rounds rounds, $failed failed, $amid resumed between 5 % and 95 %"
    [ "$failed" -eq 0 ] && [ $((amid * 4)) -ge $((rounds * 3)) ]
}

target_directory() {
    cargo metadata --no-deps --format-version 1 |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])'
}

# Learns how long an evening takes when nobody kills it, in milliseconds.
measure() {
    local started
    started=$(date +%s%3N)
    evening 0 >"$folder/whole.json" || exit 1
    whole=$(($(date +%s%3N) - started))
    rm -f "$folder"/round.sqlite*
    echo "an evening of $visitors visitors takes $whole ms; killing $rounds"
}

evening() {
    "$market" --visitors "$visitors" --seed "$1" --store "sqlite:$folder/round.sqlite" --json
}

one_round() {
    local wait resumed share outcome=held
    wait=$((whole / 20 + (RANDOM * 32768 + RANDOM) % (whole * 7 / 10)))
    kill_one "$wait"
    evening "$round" >"$folder/resumed.json" || outcome="invariants broken"
    "$market" --audit "$folder/round.sqlite" --json >"$folder/audit.json" || outcome="audit disagrees"
    read -r resumed share < <(python3 - "$folder/resumed.json" <<'END'
import json, sys
try:
    report = json.load(open(sys.argv[1]))
    resumed = report["resumed_at_operation"]
    print(resumed, round(100 * resumed / report["operations"], 1))
except ValueError:
    print("- -1")
END
)
    printf '%5s  %6s ms  %11s  %5s %%  %s\n' "$round" "$wait" "$resumed" "$share" "$outcome"
    [ "$outcome" = held ] || failed=$((failed + 1))
    if python3 -c "exit(not 5 <= $share <= 95)"; then amid=$((amid + 1)); fi
}

# Starts an evening and kills it after so many milliseconds.
kill_one() {
    evening "$round" >/dev/null 2>&1 &
    local pid=$!
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
}

main
