#!/bin/sh
# Measures what one route costs a node that hears 10,000 routes from each of two neighbours: the
# instructions that Valgrind counts, whatever the load of the machine is, and the octets of memory.
# Fails if one of them is above its limit.
set -eu
cd "$(dirname "$0")/.."
swift build --quiet --package-path Fuzz --scratch-path .build/cost -c release --product RouteCost
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cost=$folder/RouteCost
# Valgrind gives up on the debug information of a newer compiler.
strip -g -o "$cost" .build/cost/release/RouteCost
status=0

# check NAME FOUND LIMIT UNIT
check() {
  printf '%-8s %6d %s (limit %d)\n' "$1" "$2" "$4" "$3"
  [ "$2" -le "$3" ] || status=1
}

# instructions PHASE: what the node's own work takes in this phase, for each route.
instructions() {
  valgrind --tool=callgrind --callgrind-out-file="$folder/counts" --toggle-collect='*measured*' \
    "$cost" "$1" 2> /dev/null
  awk '/^summary:/ { print int($2 / 10000) }' "$folder/counts"
}

check install "$(instructions install)" 34400 instructions
check switch "$(instructions switch)" 18400 instructions
check retract "$(instructions retract)" 13100 instructions
check memory "$("$cost" memory)" 270 octets
exit "$status"
