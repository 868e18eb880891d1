# Three routers in one machine, each joined to both others by a WireGuard tunnel over a link that
# delays and loses packets. Each has a network of its own on a dummy interface. The scene at
# the end decides how they run.

in_a() { ip netns exec a "$@"; }
control() { ip netns exec "$1" swabelctl -s "/run/$1.sock" $2 $3 $4 $5; }

# tunnel ONE OTHER NUMBER: a pair of links, and WireGuard over it.
tunnel() {
  ip link add "u$2" netns "$1" type veth peer name "u$1" netns "$2"
  for side in "$1 $2 1" "$2 $1 2"; do
    set -- $side "$3" $3
    ip -n "$1" address add "192.0.2.$((number * 4 + $3))/30" dev "u$2"
    ip -n "$1" link set "u$2" up
    ip netns exec "$1" tc qdisc add dev "u$2" root netem delay 10ms 2ms loss 1%
    ip -n "$1" link add "w$2" type wireguard
    ip -n "$1" link set "w$2" mtu 1420
    ip netns exec "$1" wg set "w$2" private-key "/tmp/key-$1" listen-port "$((51820 + number))" \
      peer "$(cat "/tmp/public-$2")" allowed-ips 0.0.0.0/0,::/0 \
      endpoint "192.0.2.$((number * 4 + 3 - $3)):$((51820 + number))"
    ip -n "$1" link set "w$2" up
  done
}

set -e
umask 077
for node in a b c; do
  ip netns add $node
  ip -n $node link set lo up
  wg genkey > /tmp/key-$node
  wg pubkey < /tmp/key-$node > /tmp/public-$node
done
number=0; tunnel a b
number=1; tunnel b c
number=2; tunnel a c
place=1
for node in a b c; do
  ip -n $node link add own type dummy
  ip -n $node address add 10.9.$place.1/24 dev own
  ip -n $node address add fd09:0:0:$place::1/64 dev own nodad
  ip -n $node link set own up
  cat > /tmp/$node.conf << END
local-path-readwrite /run/$node.sock
state-file /tmp/$node.state
pid-file /run/$node.pid
log-file /tmp/$node.log
interface w* type tunnel hello-interval 1 update-interval 4 link-local auto
redistribute if own allow
redistribute local deny
END
  place=$((place + 1))
done
set +e
@SCENE@
exit $failures
