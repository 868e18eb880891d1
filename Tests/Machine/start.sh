# How long each daemon takes from the execution of its file to its first packet, which has its first
# Hello, and how much memory it takes while it idles on a link where nobody else is. The kernel says
# the times itself, in microseconds, by its trace events.
set -e
ip netns add here
ip link add v0 netns here type veth peer name v1
ip -n here link set lo up
ip -n here link set v0 up
ip link set v1 up
set +e
tracing=/sys/kernel/tracing
mount -t tracefs tracefs $tracing || failed "no trace events"
echo 1 > $tracing/events/sched/sched_process_exec/enable
echo 'name == "v0"' > $tracing/events/net/net_dev_start_xmit/filter
echo 1 > $tracing/events/net/net_dev_start_xmit/enable
settled() { ip -n here -6 address show dev v0 | grep 'scope link' | grep -qv tentative; }
wait_until "the link has an address" 20 settled

# first_packet NAME: milliseconds from the execution to the first packet over UDP of the daemon's
# own process; the kernel itself sends others, with longer headers.
first_packet() {
  awk -v name="$1" '
    { match($0, /[0-9]+\.[0-9]+: /); at = substr($0, RSTART, RLENGTH - 2) }
    /sched_process_exec/ && index($0, "/" name) { begin = at }
    /net_dev_start_xmit/ && begin && $1 ~ "^" name "-" && / transport_offset=54 / {
      printf "%.2f\n", (at - begin) * 1000
      exit
    }' $tracing/trace
}
sent() { [ "$(first_packet "$1")" ]; }

# begin NAME: starts a daemon as every small board might, and waits for its first packet.
begin() {
  echo > $tracing/trace
  ip netns exec here "$1" -I '' -S '' -L /dev/null -C 'default type wired hello-interval 4' v0 &
  daemon=$!
  sleep 0.5  # whoever looks in the meantime takes the processor from it
  wait_until "$1 sends its first Hello" 20 sent "$1"
}

for name in swabeld babeld; do
  for trial in 1 2 3 4 5; do
    begin $name
    first_packet $name >> /tmp/times-$name
    if [ $trial = 5 ]; then
      sleep 55  # by then it has given back what only the start needed
      memory "$name, idle" $daemon
      echo "MEMORY $name, its file: $(stat -c %s /usr/sbin/$name) octets"
    fi
    kill $daemon
    wait $daemon
  done
  echo "START $name, ms to the first Hello: $(sort -n /tmp/times-$name | tr '\n' ' ')"
done
median() { sort -n "/tmp/times-$1" | sed -n 3p; }
# The guest's clock counts instructions, and is slower than many boards. It takes 7 to 10 ms.
awk "BEGIN { exit !($(median swabeld) <= 12) }" ||
  failed "the first Hello comes after $(median swabeld) ms, babeld's after $(median babeld)"
exit $failures
