# One WireGuard interface with two peers on each router, instead of two interfaces.
other_end() { case $1$2 in
  ab) echo 192.0.2.2 ;; ba) echo 192.0.2.1 ;; bc) echo 192.0.2.6 ;; cb) echo 192.0.2.5 ;;
  ac) echo 192.0.2.10 ;; ca) echo 192.0.2.9 ;; esac; }
for node in a b c; do
  for peer in a b c; do
    [ $peer = $node ] || ip -n $node link delete w$peer
  done
  ip -n $node link add wg0 type wireguard
  ip -n $node link set wg0 mtu 1420
  ip netns exec $node wg set wg0 private-key /tmp/key-$node listen-port 51900
  for peer in a b c; do
    [ $peer = $node ] || ip netns exec $node wg set wg0 peer "$(cat /tmp/public-$peer)" \
      endpoint "$(other_end $node $peer):51900" persistent-keepalive 25
  done
  ip -n $node link set wg0 up
  interval="hello-interval 1 update-interval 4"
  sed -i "s/^interface .*/interface wg0 type tunnel $interval wireguard-peers true/" /tmp/$node.conf
  ip netns exec $node swabeld -D -I /run/$node.pid -c /tmp/$node.conf || failed "start of $node"
done
has() { # has PEER PREFIX: whether a's interface gives the prefix to the peer
  in_a wg show wg0 allowed-ips | grep "^$(cat /tmp/public-$1)" | grep -q " *$2"; }
for far in 10.9.2.1 10.9.3.1; do
  wait_until "a reaches $far" 20 in_a ping -c 1 -W 1 -I 10.9.1.1 $far
done
wait_until "a gives c's prefix to c" 10 has c 10.9.3.0/24
wait_until "a gives c's IPv6 prefix to c" 10 has c fd09:0:0:3::/64
sleep 5
control a show wireguard -w
control a show neighbours
ip netns exec a tc qdisc change dev uc root netem loss 100%
ip netns exec c tc qdisc change dev ua root netem loss 100%
wait_until "c's prefix goes to b after a silent loss" 8 has b 10.9.3.0/24
wait_until "a reaches c by b" 12 in_a ping -c 1 -W 1 -I 10.9.1.1 10.9.3.1
ip netns exec a tc qdisc change dev uc root netem delay 10ms 2ms loss 1%
ip netns exec c tc qdisc change dev ua root netem delay 10ms 2ms loss 1%
wait_until "c's prefix goes to c again" 30 has c 10.9.3.0/24
wait_until "a reaches c again" 12 in_a ping -c 1 -W 1 -I 10.9.1.1 10.9.3.1
sleep 3
in_a wg show wg0 allowed-ips | sort > /tmp/before
control a restart
sleep 6
in_a wg show wg0 allowed-ips | sort > /tmp/after
cmp /tmp/before /tmp/after || failed "the restart changed allowed-ips"
wait_until "a reaches c after the restart" 5 in_a ping -c 1 -W 1 -I 10.9.1.1 10.9.3.1
cat /tmp/after
kill -9 "$(cat /run/a.pid)"
rm -f /run/a.pid
sleep 1
ip netns exec a swabeld -D -I /run/a.pid -c /tmp/a.conf || failed "start of a after a crash"
sleep 12
wait_until "a reaches c after a crash" 5 in_a ping -c 1 -W 1 -I 10.9.1.1 10.9.3.1
control a stop
in_a wg show wg0 allowed-ips
if in_a wg show wg0 allowed-ips | grep -E '10\.9|fd09|fe80'; then
  failed "a stop leaves allowed-ips"
fi
grep -v '^$' /tmp/a.log | grep -v "debug:" | tail -n 25
for node in b c; do control $node stop; done
