#!/bin/sh
# Measures what one route costs a node that hears 10,000 routes from each of two neighbours: the
# instructions, and the octets of memory. Then it compares what a route costs among 1,000 and among
# 16,000. Fails if something is above its limit.
set -eu
cd "$(dirname "$0")/.."
. Tests/counting.sh
prepare RouteCost
status=0

# check NAME FOUND LIMIT UNIT
check() {
  printf '%-8s %6d %s (limit %d)\n' "$1" "$2" "$4" "$3"
  [ "$2" -le "$3" ] || status=1
}

# phase NAME LIMIT: what the node's own work takes in this phase, for each route.
phase() {
  count "$1"
  check "$1" $((instructions / 10000)) "$2" instructions
}

# flat NAME: a route among many takes as much as one among few.
flat() {
  count "$1" 1000
  few=$((instructions / 1000))
  count "$1" 16000
  many=$((instructions / 16000))
  printf '%-8s %6d instructions among 1,000 routes, %d among 16,000\n' "$1" "$few" "$many"
  [ $((many * 100)) -le $((few * 105)) ] || status=1
}

phase install 34400
phase switch 18400
phase retract 13100
phase expire 54300
check memory "$("$program" memory)" 270 octets
for name in install switch retract expire; do flat "$name"; done
exit "$status"
