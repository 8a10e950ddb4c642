#!/bin/sh
# CPU time of one HTTP request: the example `health` against the same hyper service on tokio
# current_thread (bin/health_tokio.rs).
#
#     benches/http.sh
#
# Server on core 0, `wrk -t1 -c64` on core 1, keep-alive, GET /health. The user + system time the
# server used (/proc/PID/stat), divided by the requests wrk counted; the two servers take turns.
# Prints microseconds of CPU per request for each run, and the ratio of the medians. Above 1, ours
# needs less. Most of a request is the kernel's TCP on either side. Throughput and latency are not
# compared: wrk, not the server, may be what is slow.
#
# RUNS (5) pairs of DURATION (10) seconds each, on port PORT (18080).
set -eu

RUNS=${RUNS:-5}
DURATION=${DURATION:-10}
PORT=${PORT:-18080}

fail() {
    echo "http.sh: $1" >&2
    exit 1
}

for tool in wrk taskset curl; do
    command -v "$tool" >/dev/null || fail "$tool is not installed"
done
[ -r /proc/self/stat ] || fail "/proc/PID/stat is not there: this needs Linux"
[ "$(nproc)" -ge 2 ] || fail "this needs two cores, one for the server and one for wrk"

cd "$(dirname "$0")/.."
cargo build --quiet --profile bench --features hyper --example health
cargo build --quiet --profile bench -p taketurns-benches --bin health_tokio
status=0 # 7: nobody listens
curl -s "http://127.0.0.1:$PORT/" >/dev/null || status=$?
[ "$status" -eq 7 ] || fail "port $PORT is in use: give another one as PORT"
release=${CARGO_TARGET_DIR:-target}/release

server=
results=$(mktemp -d)
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$results"' EXIT
trap 'exit 130' INT TERM

# User + system time of process $1, in clock ticks. Its name, which may hold blanks, is cut off.
cpu_ticks() {
    sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

wait_until_it_serves() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 "$server" 2>/dev/null || fail "the server ended: see its message above"
        curl -fs -o "$results/body" "http://127.0.0.1:$PORT/health" && return
        sleep 0.1
    done
    fail "the server does not answer on port $PORT"
}

# Runs server $2 under load and adds its microseconds per request to the results of $1.
measure() {
    taskset -c 0 "$2" --addr "127.0.0.1:$PORT" >"$results/log" &
    server=$!
    wait_until_it_serves
    before=$(cpu_ticks "$server")
    taskset -c 1 wrk -t1 -c64 -d"${DURATION}s" "http://127.0.0.1:$PORT/health" >"$results/wrk"
    after=$(cpu_ticks "$server")
    kill "$server"
    wait "$server" || true # a server may leave SIGTERM to its default
    server=
    if grep -E 'Socket errors|Non-2xx' "$results/wrk"; then
        fail "$1 answered wrongly"
    fi
    requests=$(awk '/requests in/ { print $1 }' "$results/wrk")
    awk -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" -v requests="$requests" \
        'BEGIN { printf "%.3f\n", ticks / hertz * 1e6 / requests }' >"$results/last"
    cat "$results/last" >>"$results/$1"
    printf '%-10s %6s us of CPU per request (%s requests)\n' \
        "$1" "$(cat "$results/last")" "$requests"
}

median() {
    sort -n "$1" | awk '{ value[NR] = $1 }
        END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

run=0
while [ "$run" -lt "$RUNS" ]; do
    measure taketurns "$release/examples/health"
    measure tokio "$release/health_tokio"
    run=$((run + 1))
done

ours=$(median "$results/taketurns")
tokio=$(median "$results/tokio")
awk -v ours="$ours" -v tokio="$tokio" \
    'BEGIN { printf "\nmedians: taketurns %s, tokio %s; tokio / taketurns %.3f\n", ours, tokio, tokio / ours }'
