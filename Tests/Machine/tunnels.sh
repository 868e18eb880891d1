start=$(now)
for node in a b c; do
  ip netns exec $node swabeld -D -I /run/$node.pid -c /tmp/$node.conf || failed "start of $node"
done
took "three daemons have started" 5 "$start"
# The kernel would choose a source address of the links below, to which c has no route.
own_of() { case $1 in *:*) echo fd09:0:0:1::1 ;; *) echo 10.9.1.1 ;; esac; }
for far in 10.9.2.1 10.9.3.1 fd09:0:0:2::1 fd09:0:0:3::1; do
  wait_until "a reaches $far" 20 in_a ping -c 1 -W 1 -I $(own_of $far) $far
done
# With a Hello a second the tunnels have been known for long enough after this.
sleep 4
through() { in_a ip route get "$1" | grep -q "dev $2 "; }
# What the daemons say of the two ways, where traffic does not take the one that it should.
told() {
  control a explain 10.9.3.0/24
  control a show neighbours
  control c show neighbours
  tail -n 60 /tmp/a.log
}
wait_until "traffic from a to c is direct" 20 through 10.9.3.1 wc
control a show neighbours
in_a wg show wc latest-handshakes | grep -q '[1-9]' || failed "no handshake"
# The kernel's own WireGuard tells over netlink; elsewhere in the tests wireguard-go does. The text
# is broken into lines where they are full.
control a explain interface wc | tee /tmp/explained
tr -s ' \n' ' ' < /tmp/explained | grep -q 'WireGuard peer .* last handshake [0-9]' ||
  failed "explain does not name the handshake"

# The direct link dies silently: what it carries is lost, and the carrier stays.
ip netns exec a tc qdisc change dev uc root netem loss 100%
ip netns exec c tc qdisc change dev ua root netem loss 100%
wait_until "traffic to c goes through b after a silent loss" 8 through 10.9.3.1 wb || told
wait_until "a reaches c again" 8 in_a ping -c 1 -W 1 -I 10.9.1.1 10.9.3.1
ip netns exec a tc qdisc change dev uc root netem delay 10ms 2ms loss 1%
ip netns exec c tc qdisc change dev ua root netem delay 10ms 2ms loss 1%
wait_until "traffic to c is direct again" 30 through 10.9.3.1 wc || told

# Here a link is cut with its carrier.
ip -n a link set wc down
wait_until "traffic to c goes through b after the link is down" 2 through 10.9.3.1 wb || told
ip -n a link set wc up
wait_until "traffic to c is direct after the link is up" 30 through 10.9.3.1 wc || told

# A restart in place changes no route: the kernel would say so.
ip -n a monitor route > /tmp/changes &
monitor=$!
start=$(now)
control a restart
wait_until "the daemon answers after its restart" 5 control a show counters
sleep 8
kill $monitor
if grep -E '10\.9\.|fd09:' /tmp/changes; then
  failed "the restart changed routes"
  told
fi
in_a ping -c 3 -i 0.2 -W 1 -I 10.9.1.1 10.9.3.1 | tail -2

# Memory of a daemon that has been idle for a while, beside babeld's with the same neighbours.
memory swabeld "$(cat /run/b.pid)"
for node in a b c; do
  control $node stop || failed "stop of $node"
done
wait_until "no route is left" 5 sh -c '! ip -n a route | grep -q 10.9.3'
for node in a b c; do
  ip -n $node address add fe80::$((number = number + 1))/64 dev own
  ip netns exec $node babeld -D -I /run/$node.babeld -L /tmp/$node.babeld.log -S /tmp/$node.bs \
    -C 'redistribute if own allow' -C 'redistribute local deny' \
    -h 1 $(ip -n $node -o link show type wireguard | awk -F'[ :]+' '{ print $2 }') || failed babeld
done
sleep 10
memory babeld "$(cat /run/b.babeld)"
