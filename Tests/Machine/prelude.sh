# What the scripts of all guests begin with. They say times, in seconds of the guest's clock, and
# memory; a line that begins with FAILED is a failure.

now() { cut -d' ' -f1 /proc/uptime; }
since() { awk "BEGIN { printf \"%.2f\", $(now) - $1 }"; }
failed() { echo "FAILED $*"; failures=1; }
failures=0

# took WHAT SECONDS BEGIN: says how long something took, and whether that is too long.
took() {
  if awk "BEGIN { exit !($(now) - $3 > $2) }"; then failed "$1: not within $2 s"; fi
  echo "TIME $1: $(since "$3") of $2"
}

# wait_until WHAT SECONDS COMMAND...: says how long it took.
wait_until() {
  what=$1 bound=$2 start=$(now)
  shift 2
  until "$@" > /dev/null 2>&1; do
    if awk "BEGIN { exit !($(now) - $start > $bound) }"; then
      failed "$what: not within $bound s"
      return 1
    fi
    sleep 0.05
  done
  echo "TIME $what: $(since "$start") of $bound"
}

# memory NAME PID: what of a process is in memory, in kB. Rss counts pages that others have mapped,
# too, Pss a share of these; Anonymous is what is in no file. These three are counted when they are
# asked for. The kernel keeps VmRSS and its parts by the way, and may be late by some hundred kB.
# The programs are in a file system in memory here, so their pages are RssShmem and not RssFile.
memory() {
  awk -v name="$1" '
    FILENAME ~ /rollup$/ { if (/^(Rss|Pss|Anonymous):/) counted = counted " " $1 " " $2 }
    FILENAME ~ /status$/ { if (/^(VmRSS|Rss)/) kept = kept " " $1 " " $2 }
    END { print "MEMORY " name " kB:" counted "; kept by the way:" kept }
  ' "/proc/$2/smaps_rollup" "/proc/$2/status"
}
