"""`swabelmesh apply` and `diff` on a node: they touch what is different and nothing else, and say
what they did and what failed."""

from __future__ import annotations

import re
import time

from mesh import MESHES_WITHIN, Mesh, program
from netns import measured, run, wait_until


def of_two_and_more(lab, form: str = "commands", names: str = "ab") -> Mesh:
    """A mesh that runs."""
    mesh = Mesh(lab)
    for name in names:
        mesh.add(name, form)
    mesh.swabelmesh("write")
    for name in names:
        mesh.nodes[name].install()
    mesh.until_whole()
    return mesh


def differs(node) -> str:
    """What `diff` says when it finds something, with its status 3."""
    return node.paste("cd /run/mesh", f"swabelmesh diff {node.name} && exit 1; [ $? = 3 ]")


def test_each_difference_is_mended(lab):
    """Whatever somebody changed by hand is named, and put right, with the tunnel's session."""
    node = of_two_and_more(lab).nodes["a"]
    peer = node.paste("wg show wg-b peers").strip()
    begin = node.paste("wg show wg-b latest-handshakes").split()[1]
    (node.root / "run/psk").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    for damage, said in [
            ("ip link set wg-b mtu 1300", "wg-b: mtu 1300, not mtu 1440, up"),
            ("ip address del 10.20.1.1/32 dev lo", "lo: address 10.20.1.1/32 is missing"),
            ("ip -6 address flush dev wg-b", "wg-b: address fe80::"),
            ("wg set wg-b listen-port 51999", "wg-b: port 51999, not 51820"),
            (f"wg set wg-b peer {peer} allowed-ips ::/0", "wg-b: not everything may pass"),
            (f"wg set wg-b peer {peer} persistent-keepalive 7", "wg-b: keepalive 7, not 0"),
            (f"wg set wg-b peer {peer} preshared-key /run/psk", "wg-b: another preshared key"),
            (f"wg set wg-b peer {peer} remove", "wg-b: no peer b"),
            ("ip link set wg-b down", "wg-b: mtu 1440, down, not mtu 1440, up"),
            ("ip link delete wg-b", "wg-b: missing: the tunnel to b"),
            ("echo '# mine' >> /etc/babeld.conf", "daemon: /etc/babeld.conf")]:
        node.paste(damage)
        shown = differs(node)
        assert said in shown, shown
        assert shown == node.paste(
            "cd /run/mesh; swabelmesh apply a --dry-run || [ $? = 3 ]"), "it only says so"
        assert f"done: {said}" in node.swabelmesh("apply", "a") or "babeld.conf" in said
        assert node.is_as_written(), damage
        if "mtu 1300" in damage:
            assert node.paste("wg show wg-b latest-handshakes").split()[1] == begin
    node.mesh.until_whole()


def test_what_is_equal_is_not_touched(lab):
    """Not the interface, not its session, not the daemon; and no secret is shown."""
    mesh = of_two_and_more(lab, "wg-quick", "abc")
    a = mesh.nodes["a"]
    before = a.paste("wg show wg-b dump; ip -d link show wg-b"), a.daemon()
    secrets = [word for line in (mesh.output / "a/plan").read_text().splitlines()
               for word in re.findall(r"(?:private|preshared) (\S+)", line)]
    secrets += re.findall(r"value (\S+)", (mesh.output / "a/babeld.conf").read_text())
    mesh.add("d", "wg-quick")
    mesh.listed.remove("c")
    mesh.swabelmesh("write")
    a.bring()
    said = differs(a) + a.swabelmesh("apply", "a")
    assert "done: wg-d: missing: the tunnel to d" in said
    assert "done: wg-c: not part of the mesh any more" in said
    assert "wg-b" not in said.replace("wg-b.conf", "")
    assert secrets and not [secret for secret in secrets if secret in said]
    after = a.paste("wg show wg-b dump; ip -d link show wg-b"), a.daemon()

    def counted(text: str) -> list[str]:
        """Without what counts packets and seconds."""
        words = text.split()
        return words[:9] + words[11:]
    assert counted(before[0]) == counted(after[0]) and before[1] == after[1]
    assert a.paste("ls /run/enabled").split() == ["swabeld", "wg-quick@wg-b", "wg-quick@wg-d"]


def test_what_is_wrong_is_named(lab):
    """Before anything is changed, or, for a part that fails, while the rest is done."""
    mesh = of_two_and_more(lab)
    a = mesh.nodes["a"]
    state = a.paste("wg show all dump; ip address; cat /etc/babeld.conf")
    assert "apply takes one NODE" in a.refuses("apply", "a", "x")
    assert "open nobody/plan: No such file" in a.refuses("apply", "nobody")
    plan = a.root / "run/mesh/a/plan"
    right = plan.read_text()
    plan.write_text(right.replace("private ", "private A", 1))
    assert "a/plan:" in a.refuses("apply", "a")
    plan.write_text(right.replace("format commands", "format nixos"))
    assert "nixos-rebuild switch" in a.refuses("apply", "a")
    plan.write_text(right)
    conf = a.root / "run/mesh/a/babeld.conf"
    text = conf.read_text()
    conf.write_text(text + "nonsense\n")
    assert "a/babeld.conf: this is not the file" in a.refuses("apply", "a")
    plan.write_text("".join(line for line in right.splitlines(keepends=True)
                            if not line.startswith("file babeld.conf ")))
    assert "nonsense" in a.refuses("apply", "a")
    conf.write_text(text)
    plan.write_text(right)
    assert a.paste("wg show all dump; ip address; cat /etc/babeld.conf").count("wg-b") == \
        state.count("wg-b") and a.is_as_written()

    # One tunnel cannot be made; the other one and the daemon's configuration are in effect.
    for name in ("c", "d"):
        mesh.add(name, "commands")
    mesh.swabelmesh("write")
    a.bring()
    (a.root / "run/bin/wireguard-go").write_text(
        "#!/bin/sh\n[ $1 != wg-c ] || { echo no room; exit 1; }\nexec /usr/bin/wireguard-go $@\n")
    (a.root / "run/bin/wireguard-go").chmod(0o755)
    (a.root / "run/bin/ip").write_text(
        "#!/bin/sh\ncase \"$*\" in *'add dev wg-c'*) exit 2; esac\nexec /bin/ip \"$@\"\n")
    (a.root / "run/bin/ip").chmod(0o755)
    said = a.refuses("apply", "a")
    assert "failed: wg-c: missing: the tunnel to c: " in said
    assert "not tried: wg-c: key, port" in said
    assert "done: wg-d: missing: the tunnel to d" in said and "failed: 1; " in said
    assert "wg-c" in (a.root / "etc/babeld.conf").read_text()
    for name in ("ip", "wireguard-go"):
        (a.root / "run/bin" / name).unlink()
    assert "done: wg-c: " in a.swabelmesh("apply", "a") and a.is_as_written()

    # A reload has failed: it is tried again, although the file is in its place.
    a.paste("sed -i '/interface wg-d/d' /etc/babeld.conf; swabelctl reload > /dev/null; "
            "cp /run/mesh/a/babeld.conf /etc/babeld.conf")
    assert "daemon: it has not read: interface wg-d" in differs(a)
    assert "done: daemon: " in a.swabelmesh("apply", "a") and a.is_as_written()

    # No daemon runs.
    b = mesh.nodes["b"]
    b.paste("kill $(cat /run/babeld.pid); while [ -e /run/babeld.pid ]; do sleep 0.05; done")
    assert "the daemon does not run; start it" in b.apply()
    assert "daemon: it does not run" in differs(b), "its files are as they should be"
    assert "the daemon does not run; start it" in b.apply()
    b.paste("systemctl start swabeld")
    wait_until(b.is_as_written, 20, "the daemon does not run")


def vanishes(node, name: str) -> None:
    """An interface goes; wireguard-go needs a moment to notice."""
    node.paste(f"ip link delete {name}")
    wait_until(lambda: name not in node.tunnels(), 10, f"{name} is still there")


def test_units_of_tunnels(lab):
    """What systemd believes of a tunnel can be wrong, and what it would start at the next boot is
    put right, too."""
    mesh = of_two_and_more(lab, "wg-quick", "abcd")
    a = mesh.nodes["a"]
    a.apply()

    # Somebody has deleted the interface, and systemd takes it for started.
    vanishes(a, "wg-b")
    assert "done: wg-b: missing: the tunnel to b" in a.swabelmesh("apply", "a")
    assert "wg-b" in a.tunnels() and a.is_as_written()

    # It stays away, whatever systemd says.
    vanishes(a, "wg-b")
    a.paste("mv /run/bin/systemctl /run/bin/real; ln -s /bin/true /run/bin/systemctl")
    assert "failed: wg-b: missing: the tunnel to b: wg-quick has run" in a.refuses("apply", "a")
    a.paste("mv /run/bin/real /run/bin/systemctl")
    a.swabelmesh("apply", "a")

    # Somebody has disabled the unit.
    a.paste("systemctl disable wg-quick@wg-b")
    assert "wg-b: not started at boot" in differs(a)
    assert "done: wg-b: not started at boot" in a.swabelmesh("apply", "a")
    assert a.paste("systemctl is-enabled wg-quick@wg-b") == "enabled\n" and a.is_as_written()

    # A node goes whose tunnel is down already; and at another one apply is killed halfway.
    vanishes(a, "wg-c")
    a.paste("mv /run/bin/systemctl /run/bin/real")
    (a.root / "run/bin/systemctl").write_text(
        "#!/bin/sh\n/run/bin/real \"$@\"\n[ \"$*\" != 'stop wg-quick@wg-d' ] || kill -9 $PPID\n")
    a.paste("chmod +x /run/bin/systemctl")
    for name in "cd":
        mesh.listed.remove(name)
    mesh.swabelmesh("write")
    a.bring()
    said = "wg-c: not part of the mesh any more, but set up for the next boot"
    assert said in differs(a)
    assert f"done: {said}" in a.refuses("apply", "a")
    a.paste("mv /run/bin/real /run/bin/systemctl")
    wait_until(lambda: "wg-d" not in a.tunnels(), 10, "wg-d is still there")
    assert "wg-d: not part of the mesh any more, but set up for" in a.swabelmesh("apply", "a")
    assert a.is_as_written()
    assert a.paste("ls /run/enabled /etc/wireguard | grep wg-").split() == [
        "wg-b.conf", "wg-quick@wg-b"]
    assert a.paste("cat /var/lib/swabelmesh/lab").split("interface ")[1:] == [
        "wg-b\naddress 10.20.1.1/32\n"]


def test_nobody_listens(lab):
    """Whoever reads what apply says may go away: the work is done all the same."""
    a = of_two_and_more(lab).nodes["a"]
    a.paste("ip link set wg-b mtu 1300; ip address del 10.20.1.1/32 dev lo")
    # The reader ends before anything is said.
    said = a.paste("cd /run/mesh; set +e",
                   "mkfifo /run/pipe; sleep 0 < /run/pipe & exec 3> /run/pipe; wait",
                   "swabelmesh apply a >&3 2>&3; echo $?")
    assert said == "1\n", said
    assert a.is_as_written()

    # The session is lost halfway.
    vanishes(a, "wg-b")
    (a.root / "run/bin/ip").write_text("#!/bin/sh\ncase \"$*\" in *'link set'*) kill -HUP $PPID; "
                                       "esac\nexec /bin/ip \"$@\"\n")
    (a.root / "run/bin/ip").chmod(0o755)
    assert "done: wg-b: address" in a.swabelmesh("apply", "a") and a.is_as_written()


def test_firewalls_of_two_meshes(lab):
    """The name of one mesh's chain begins with that of the other's."""
    node = Mesh(lab).add("a")
    for name in ("x-input", "x"):
        (lab.directory / "mesh.conf").write_text(
            f"mesh {name}\naccept 10.20.0.0/16\nnode a endpoint 203.0.113.1\n"
            "node b endpoint 203.0.113.2\n")
        words = "-f", str(lab.directory / "mesh.conf"), "-o", str(node.root / "run" / name)
        run(program(), *words, "--state", str(lab.directory / f"{name}.state"), "write")
        for _ in range(2):
            node.paste(f"/run/{name}/a/firewall.sh")
    rules = node.paste("nft list chain inet filter input")
    assert re.findall(r"jump (\S+)", rules) == ["mesh_x_input", "mesh_x_input_input"], rules


def test_new_keys_in_another_order(lab):
    """Neighbours that do not see the new key in time keep the old one; and a node that is ahead of
    its neighbours is reached again as soon as they follow."""
    mesh = of_two_and_more(lab, names="abc")
    a, b, c = mesh.nodes.values()
    mesh.swabelmesh("rekey", "a")
    mesh.swabelmesh("write")
    b.bring()
    said = b.refuses("apply", "b", "--wait", "1s")
    assert "failed: wg-a: the peer does not use its new key yet" in said, said
    assert "it keeps its configuration until all keys are in use" in said
    assert not mesh.misses(), "the old key counts"
    assert "a has a new key" in differs(b)
    a.apply()
    begun = wait_until(lambda: mesh.misses(), MESHES_WITHIN, "the neighbours have the old key")
    assert "a" in begun
    start = time.monotonic()
    for node in (b, c):
        node.apply("--wait", "30s")
    mesh.until_whole()
    measured("new keys of a node before those of its neighbours: all reach all again "
             f"{time.monotonic() - start:.1f} s after they have followed")
    assert all(node.is_as_written() for node in (a, b, c))
