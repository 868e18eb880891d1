# The shipped unit under Debian's systemd, which is process 1 here: with the README's configuration,
# and with one that was written for babeld. The other router is a namespace behind a tunnel.
set -e
umask 022
ip netns add far
ip -n far link set lo up
ip link add u0 type veth peer name u1 netns far
ip address add 203.0.113.1/24 dev u0
ip -n far address add 203.0.113.2/24 dev u1
ip link set u0 up
ip -n far link set u1 up
for side in here far; do
  (umask 077 && wg genkey > /tmp/key-$side)
  wg pubkey < /tmp/key-$side > /tmp/public-$side
done
# tunnel OTHER OWN-KEY ENDPOINT WORDS: the words lead into the namespace.
tunnel() {
  other=$1 key=$2 endpoint=$3
  shift 3
  "$@" ip link add wg0 type wireguard
  "$@" wg set wg0 private-key "$key" listen-port 51820 peer "$(cat "/tmp/public-$other")" \
    allowed-ips 0.0.0.0/0,::/0 endpoint "$endpoint:51820"
  "$@" ip link set wg0 mtu 1420 up
}
tunnel far /tmp/key-here 203.0.113.2 env
tunnel here /tmp/key-far 203.0.113.1 ip netns exec far
for address in 10.20.1.1/32 fd20:0:0:1::1/128 10.30.1.1/32; do
  ip address add $address dev lo
done
ip -n far address add 10.20.2.1/32 dev lo
ip -n far address add fd20:0:0:2::1/128 dev lo
cat > /tmp/far.conf << END
local-path-readwrite /run/far.sock
interface wg* type tunnel hello-interval 2 link-local auto
redistribute local ip 10.20.0.0/16 allow
redistribute local ip fd20::/32 allow
redistribute local deny
END
ip netns exec far swabeld -D -c /tmp/far.conf -I /run/far.pid -L /tmp/far.log -S /tmp/far.state
set +e

process() { systemctl show -P MainPID "$1"; }
active() { [ "$(systemctl is-active "$1")" = active ]; }
# Routes of the daemon to the other router, and of that one to us.
learned() { ip route show proto babel | grep -q '^10.20.2.1 '; }
learned6() { ip -6 route show proto babel | grep -q '^fd20:0:0:2::1 '; }
far_learned() { ip -n far route show proto babel | grep -q "^$1 "; }
journal() { journalctl --no-pager -o cat -u swabeld "$@"; }
watch() {
  ip monitor route > /tmp/changes &
  watchers=$!
  ip -n far monitor route > /tmp/far-changes &
  watchers="$watchers $!"
}
# unchanged WHAT [FILE]: no route came or went since `watch`, at the other router either.
unchanged() {
  sleep 5
  kill $watchers
  if grep -hE '10\.20\.|fd20:' /tmp/changes $2; then
    failed "$1 changed routes"
    journal -n 30
  fi
}
# other_process WAS: another process than that runs, and is ready.
other_process() { active swabeld && [ "$(process swabeld)" != "$1" ]; }

# 1. What the README says.
begin=$(now)
{
@README@
} || {
  failed "the README's block for the daemon"
  journal
  exit 1
}
took "systemctl restart, the first start" 20 "$begin"
systemctl --no-pager status swabeld | head -n 12
wait_until "the route is there" 20 learned
wait_until "the IPv6 route is there" 20 learned6
wait_until "the other router has ours" 20 far_learned 10.20.1.1
wait_until "the other router answers" 10 ping -c 1 -W 1 -I 10.20.1.1 10.20.2.1
[ "$(systemctl is-enabled swabeld)" = enabled ] || failed "it is not enabled"
swabelctl show neighbours

was=$(process swabeld)
watch
sed -i 's|^redistribute local deny|redistribute local ip 10.30.0.0/16 allow\n&|
  s|hello-interval 2|hello-interval 8|' /etc/babeld.conf
systemctl reload swabeld || failed "reload"
[ "$(process swabeld)" = "$was" ] || failed "a reload starts another process"
wait_until "what a reload announces is known" 10 far_learned 10.30.1.1
sleep 1
kill $watchers
if grep -h Deleted /tmp/changes /tmp/far-changes; then failed "a reload removed routes"; fi

# Under emulation a start can take seconds. Hellos are rare enough now that the other router waits
# for so long, once it has heard one that says so.
systemctl restart swabeld || failed "restart"
wait_until "the other router has both" 10 far_learned 10.30.1.1
sleep 4
was=$(process swabeld)
watch
# Ways there and back lead by routes of the daemons.
ip netns exec far ping -q -i 0.001 -W 1 -I 10.20.2.1 10.20.1.1 > /tmp/pings &
pings=$!
sleep 0.5
systemctl restart swabeld || failed "restart"
other_process "$was" || failed "a restart keeps the process"
was=$(process swabeld)
cp /usr/local/sbin/swabeld /tmp/new
mv /tmp/new /usr/local/sbin/swabeld
systemctl restart swabeld || failed "an upgrade"
other_process "$was" || failed "an upgrade keeps the process"
unchanged "systemctl restart" /tmp/far-changes
kill -INT $pings
wait $pings
grep 'packet loss' /tmp/pings
grep -q ' 0% packet loss' /tmp/pings || failed "losses"
[ "$(sed -n 's/ packets transmitted.*//p' /tmp/pings)" -gt 4000 ] || failed "too few pings"

# After a crash the router has another identifier, and the other router learns its routes anew.
was=$(process swabeld)
watch
kill -9 "$was"
wait_until "systemd starts it again after a crash" 20 other_process "$was"
unchanged "a crash"

watch
cp /etc/babeld.conf /tmp/good
echo 'interface wg0 hello-intervall 2' >> /etc/babeld.conf
systemctl restart swabeld 2> /dev/null && failed "it starts with a mistake in the configuration"
journal -n 20 | grep -m 1 'hello-intervall' || failed "the journal does not name the mistake"
mv /tmp/good /etc/babeld.conf
systemctl restart swabeld || failed "a start after the mistake is mended"
unchanged "a mistake in the configuration"
learned || failed "the route was lost"

systemd-analyze security --no-pager swabeld.service > /tmp/security
grep -E '^✗|Overall' /tmp/security | cut -c 1-100
exposure=$(sed -nE 's/.*Overall exposure.*swabeld\.service: ([0-9.]+).*/\1/p' /tmp/security)
awk "BEGIN { exit !($exposure + 0 > 0 && $exposure + 0 <= @EXPOSURE@) }" ||
  failed "the unit's exposure is '$exposure', more than @EXPOSURE@"

systemctl stop swabeld || failed "stop"
wait_until "no route is left after a stop" 5 sh -c '! ip route show proto babel | grep -q .'
wait_until "the other router has none" 5 sh -c '! ip -n far route show proto babel | grep -q .'

# 2. A machine with babeld, and the change to ours as the README describes it.
ip address replace fe80::1:1/64 dev wg0
cat > /etc/babeld.conf << END
local-path /run/babeld.sock
log-file /var/log/babeld.log
state-file /var/lib/babel-state
interface wg0 type tunnel hello-interval 8
redistribute local ip 10.20.0.0/16 allow
redistribute local deny
END
systemctl enable babeld
systemctl start babeld || failed "babeld does not start"
wait_until "babeld has the route" 20 learned
begin=$(now)
@MIGRATION@
took "the change from babeld" 20 "$begin"
active swabeld || failed "it is not active"
active babeld && failed "babeld still runs"
wait_until "the route is there again" 20 learned
swabelctl show neighbours
[ -S /run/babeld.sock ] || failed "there is no /run/babeld.sock"
grep -m 1 'is used instead of /var/lib/babel-state' /var/log/babeld.log ||
  failed "the log does not name the state file that is used"
if ! systemctl reload swabeld 2> /dev/null; then
  journal -n 20 | grep -m 1 'local-path-readwrite' || {
    failed "the journal does not say what a reload needs"
    journal -n 20
  }
fi
was=$(process swabeld)
watch
systemctl restart swabeld || failed "restart"
other_process "$was" || failed "a restart keeps the process"
unchanged "a restart soon after the change from babeld"
systemctl stop swabeld || failed "stop"
[ -f /var/lib/swabeld/babel-state ] || failed "there is no state file"
[ ! -e /run/babeld.sock ] || failed "the socket is left"
ip route show proto babel | grep . && failed "routes are left"

# 3. A place that is closed: the journal names one that is open.
sed -i 's|^local-path .*|local-path /srv/babeld.sock|' /etc/babeld.conf
systemctl start swabeld 2> /dev/null && failed "it starts with a socket in /srv"
systemctl stop swabeld
journal -n 20 | grep -m 1 '/run/swabeld/babeld.sock' || {
  failed "the journal does not name another place"
  journal -n 20
}
exit $failures
