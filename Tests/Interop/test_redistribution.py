"""What is announced follows the kernel's routes, whatever happens to them."""

import json
import signal
import time
from random import Random

import pytest
from crossroads import Gateway, asleep, network
from daemons import Swabeld
from netns import wait_until
from speaker import Speaker


@pytest.mark.alone
@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "running"])
def test_overflow(lab, stopped):
    """20,000 changes of kernel routes in one burst, while the daemon sleeps (its socket
    overflows) or not: two seconds later everything is announced or retracted, and what was done
    to our routes is repaired."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    half = 5000

    def routes(start):
        return [f"10.91.{i >> 8}.{i & 255}/32" for i in range(start, start + half)] + [
            network(f"fd91:0:0:{i:x}::/64") for i in range(start, start + half)]

    old, new = routes(1), routes(1 + half)
    n.batch([f"route add {prefix} dev lo proto static" for prefix in old])
    node = Swabeld(n, ["l0"], own=["10.91.0.0/16", "fd91::/32"],
                   parameters="type wired hello-interval 1 update-interval 60")
    way = Gateway(b, "l0", "fe80::2", "10.77.1.2", "l0")
    speaker = way.speaker
    speaker.adjacent(node)
    learned = [f"10.99.{i}.0/24" for i in range(30)] + [
        network(f"fd99:0:0:{i:x}::/64") for i in range(30)]
    way.announce(0, learned)
    wait_until(lambda: n.reaches() == set(learned), 5, "routes are learned")
    wait_until(lambda: set(old) <= set(speaker.routes()), 10, "all announced")
    wait_until(lambda: node.dump("xroute"), 5, "calm")

    def burst():
        begin = time.monotonic()
        n.batch([f"route del {prefix} dev lo proto static" for prefix in old]
                + [f"route add {prefix} dev lo proto static" for prefix in new]
                + [f"route del {prefix} proto 42" for prefix in learned[:5] + learned[30:35]])
        print(f"burst of {time.monotonic() - begin:.2f} s")

    if stopped:
        end = asleep(node, burst)
    else:
        burst()
        end = time.monotonic()

    def told():
        known = speaker.routes()
        return set(known) >= set(new) and not set(known) & set(old)

    wait_until(told, 2, lambda: (
        f"{len(set(speaker.routes()) & set(new))} of {len(new)} announced, "
        f"{len(set(speaker.routes()) & set(old))} of {len(old)} not retracted"), every=0.02)
    took = time.monotonic() - end
    wait_until(lambda: n.reaches() == set(learned), 2, "our routes are back")
    print(f"all told {took:.2f} s after the burst, all repaired {time.monotonic() - end:.2f} s")
    assert len(node.dump("xroute")) >= len(new)
    overflowed = "notifications were lost" in node.process.text()
    assert overflowed == stopped, node.process.text()[-500:]


def offered(n, tables=("main",)):
    """The prefixes of others in the kernel's tables, as they are to be announced."""
    found = set()
    for family in ("-4", "-6"):
        for table in tables:
            # No table, no routes: then this is a failure.
            text = n.ip(family, "-j", "route", "show", "table", table, check=False)
            for row in json.loads(text) if text.rstrip().endswith("]") else []:
                if row.get("protocol") not in ("babel", "kernel"):
                    found.add(network(row["dst"]))
    return found


def test_redistribution(lab):
    """Whatever happens to the kernel's routes, told or untold, what is announced follows."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    for number in (1, 2):
        lab.veth(n, b, (f"m{number}", f"m{number}"))  # 10.77.2.0/24, 10.77.3.0/24
    node = Swabeld(n, ["l0"], own=["10.91.0.0/16", "fd91::/32"], statements=[
        "import-table 254", "import-table 1000"])
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    six, four = "fd91:0:1::/64", "10.91.1.0/24"
    hops = {"4a": "via 10.77.2.2 dev m1", "4b": "via 10.77.3.2 dev m2",
            "6a": "via fe80::2 dev m1", "6b": "via fe80::2 dev m2"}

    def ask(line):
        for key, hop in hops.items():
            line = line.replace(f"<{key}>", hop)
        words = line.format(six=six, four=four).split()
        if words[0] == "route" and words[1] not in ("del", "flush") and "proto" not in words:
            at = 3 if words[2] in ("blackhole", "unreachable", "prohibit") else 2
            words[at + 1:at + 1] = ["proto", "static"]
        n.ip(*words)
        told(line)

    def told(what, *own):
        def same():
            xroutes = {row["prefix"] for row in node.dump("xroute")}
            return xroutes == offered(n, ("main", "1000")) | set(own) == set(speaker.routes())

        wait_until(same, 2, lambda: (
            f"after `{what}`: kernel {sorted(offered(n, ('main', '1000')))}, ours "
            f"{sorted(row['prefix'] for row in node.dump('xroute'))}, told "
            f"{sorted(speaker.routes())}"), every=0.05)
        time.sleep(0.15)
        assert same(), what

    for family, prefix in (("4", "{four}"), ("6", "{six}")):
        one, two = f"<{family}a>", f"<{family}b>"
        for line in (
                # Two routes for one prefix, either of which goes first.
                f"route add {prefix} {one} metric 10", f"route add {prefix} {two} metric 20",
                f"route del {prefix} metric 10", f"route add {prefix} {one} metric 10",
                f"route del {prefix} metric 20", f"route del {prefix} metric 10",
                # Replaced and changed in place.
                f"route add {prefix} {one}", f"route replace {prefix} {two}",
                f"route change {prefix} {one}", f"route replace blackhole {prefix}",
                f"route replace {prefix} {two}", f"route del {prefix}",
                # A route with several next hops, which go one by one.
                f"route add {prefix} nexthop {one} nexthop {two}", f"route del {prefix}",
                f"route add {prefix} {one}", f"route append {prefix} {two}",
                f"route del {prefix} {one}", f"route del {prefix} {two}",
                f"route add {prefix} {one}", f"route append {prefix} {two}",
                f"route del {prefix} {two}", f"route del {prefix}",
                f"route add {prefix} nexthop {one} nexthop {two}",
                f"route replace {prefix} {one}", f"route del {prefix}",
                # Other types and other tables.
                f"route add unreachable {prefix}", f"route del unreachable {prefix}",
                f"route add prohibit {prefix} table 1000", f"route add {prefix} {one}",
                f"route del prohibit {prefix} table 1000", f"route del {prefix}",
                f"route add {prefix} {one} table 1000", f"route add {prefix} {one} table 999",
                f"route del {prefix} table 1000", "route flush table 999",
        ):
            ask(line if family == "4" or "flush" not in line else "-6 " + line)
    ask("route add {four} <4a> tos 0x10")
    ask("route add {four} <4a>")
    ask("route del {four} tos 0")
    ask("route del {four} tos 0x10")
    # The kernel removes these routes and sends no notification.
    ask("route add {four} <4a>")
    ask("route add {six} <6a>")
    ask("link set m1 down")
    ask("link set m1 up")
    ask("route add {four} <4a>")
    ask("route add 10.91.2.0/24 <4b>")
    ask("route add 10.91.3.0/24 nexthop <4a> nexthop <4b>")
    ask("addr del 10.77.2.1/24 dev m1")
    ask("addr add 10.77.2.1/24 dev m1")
    ask("route add {four} <4a> src 10.77.3.1")
    ask("addr add 10.77.30.1/24 dev m2")
    ask("addr del 10.77.3.1/24 dev m2")
    n.ip("addr", "add", "10.91.9.9/32", "dev", "lo")
    told("an address more", "10.91.9.9/32")
    n.ip("addr", "del", "10.91.9.9/32", "dev", "lo")
    told("an address less")
    ask("link del m2")
    ask("link set m1 name m9")
    ask("route flush table main proto static")


def test_flapping(lab):
    """Routes come and go while the tables are being read, again and again: in the end what is
    announced is what is there."""
    n, b = lab.namespace("n"), lab.namespace("b")
    lab.veth(n, b)
    n.batch([f"route add {10}.90.{i >> 8}.{i & 255}/32 dev lo proto static" for i in range(4000)])
    n.batch([f"route add fd90:0:0:{i:x}::/64 dev lo proto static" for i in range(4000)])
    node = Swabeld(n, ["l0"], own=["10.91.0.0/16", "fd91::/32"], parameters=(
        "type wired hello-interval 1 update-interval 60"))
    speaker = Speaker(b, "l0")
    speaker.adjacent(node)
    flapping = [f"10.91.0.{i}/32" for i in range(200)] + [
        network(f"fd91:0:0:{i:x}::/64") for i in range(200)]
    random = Random(lab.title)
    present: set[str] = set()
    for _ in range(25):
        lines = []
        for prefix in random.choices(flapping, k=600):
            lines.append(f"route {'del' if prefix in present else 'add'} {prefix} dev lo "
                         "proto static")
            present ^= {prefix}
        node.process.child.send_signal(signal.SIGUSR2)
        n.batch(lines)
        time.sleep(0.1)  # no second reading comes to correct the first

        def wrong():
            return {row["prefix"] for row in node.dump("xroute")} ^ present

        wait_until(lambda: not wrong(), 2, lambda: f"announced and not there, or not: {wrong()}")
    wait_until(lambda: set(speaker.routes()) == present, 2, "and is known elsewhere")
