#!/bin/sh
# Measures what single steps of the daemon's work cost: instructions, and how often memory is asked
# for. Fails if a step takes more than it may: 2 % more than when its limit was set.
set -eu
cd "$(dirname "$0")/.."
. Tests/counting.sh
prepare StepCost
status=0

printf '%-46s %12s %7s %11s %5s\n' "" instructions limit allocations limit

# step LIMIT ALLOCATIONS TITLE ARGUMENT...: what one step takes. Sets each to its instructions.
step() {
  limit=$1 memory=$2 title=$3
  shift 3
  count "$@"
  steps=${said% *}
  each=$((instructions / steps))
  allocations=$(awk "BEGIN { printf \"%.2f\", ${said#* } / $steps }")
  mark=
  if [ "$each" -gt "$limit" ] || awk "BEGIN { exit !($allocations > $memory) }"; then
    status=1 mark=" !"
  fi
  printf '%-46s %12d %7d %11s %5s%s\n' "$title" "$each" "$limit" "$allocations" "$memory" "$mark"
}

step 723 0.00 "Update of a full packet, decoded" decode
step 950 0.01 "Update, encoded" encode
step 118844 0.00 "HMAC-SHA256 of 1,300 octets, checked" hmac 1300
step 18926 0.00 "HMAC-SHA256 of 60 octets, checked" hmac 60
step 110478 0.00 "BLAKE2s of 1,300 octets, checked" blake2s 1300
step 14823 0.00 "BLAKE2s of 60 octets, checked" blake2s 60
step 2259 0.00 "Update heard that says nothing new" same
step 7149 0.01 "Update heard with a better metric, and told on" metric
step 6731 0.01 "retraction, other way taken, and told on" switch
step 11333 3.00 "line of dump" dump
step 17083 12.50 "line of a configuration of 1,000" lines 1000
step 17311 12.90 "line of a configuration of 10,000" lines 10000
step 579 0.00 "decision of in with 5 rules" in 5
for chain in in out install redistribute; do
  most=780
  if [ "$chain" = redistribute ]; then most=800; fi
  for rules in 10 100 1000 10000; do
    step "$most" 0.00 "decision of $chain with $rules rules" "$chain" "$rules"
    [ "$rules" != 10 ] || few=$each
    if [ "$rules" = 1000 ] && [ $((each * 2)) -gt $((few * 3)) ]; then
      echo "with 1,000 rules it takes more than 1.5 times as much as with ten"
      status=1
    fi
  done
done
exit "$status"
