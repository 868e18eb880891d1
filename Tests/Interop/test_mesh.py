"""What swabelmesh writes, put into effect on machines in namespaces: they form the mesh, and what
changes in the list changes nothing else."""

from __future__ import annotations

import os
import re
import time

from mesh import Mesh
from netns import LabError, measured, wait_until

LONG = os.environ.get("SWABELD_LONG") == "1"
FORMS = ["wg-quick", "commands"]


def unchanged(before: dict[str, str], after: dict[str, str], names: list[str]) -> bool:
    """Whether the tunnels between these have the same keys, ports and addresses."""
    def tunnels(files):
        return {(name, line) for name in names for line in files[f"{name}/plan"].splitlines()
                if line.startswith(("tunnel ", "public ")) and (
                    line.startswith("public ") or line.split()[1] in names)}
    return tunnels(before) == tunnels(after)


def lost(pings) -> list[str]:
    """The pings of which one was lost, with how many."""
    counted = [(one.title, one.stop()) for one in pings]
    return [f"{title}: {count} lost, longest silence {silence:.2f} s"
            for title, (count, silence) in counted if count]


def topology(lab) -> str:
    """Each with each; but in the long form with wireguard-go each with three hubs. It is a process
    for each end of a tunnel, and a user may have 128 processes that watch for files."""
    trial = lab.namespace("trial")
    try:
        trial.ip("link", "add", "wg-trial", "type", "wireguard")
        return ""
    except LabError:
        return "topology hub node-1 node-2 node-3\n" if LONG else ""


def test_mesh_grows_and_shrinks(lab):
    """From a list one command writes everything; the nodes form the mesh, one of them behind a NAT.
    Nodes come, one goes, one joins by a token, and nobody else loses a ping."""
    mesh = Mesh(lab, topology(lab))
    old = [f"node-{number}" for number in range(1, 13 if LONG else 4)]
    for number, name in enumerate(old):
        mesh.add(name, FORMS[number % 2], hidden=name == old[-1])
    mesh.swabelmesh("write")
    begin = time.monotonic()
    for name in old:
        mesh.nodes[name].install()
    mesh.until_whole()
    measured(f"a mesh of {len(old)} nodes: {time.monotonic() - begin:.0f} s until all reach all")
    assert "nothing is different\n" == mesh.nodes[old[0]].swabelmesh("diff", old[0])
    for name in old:
        assert mesh.nodes[name].is_as_written(), mesh.nodes[name].swabelmesh("diff", name, "|| :")

    # Nodes come.
    before = mesh.files()
    new = ["late-1", "late-2"] if LONG else ["late-1"]
    for name in new:
        mesh.add(name, "networkd")
    mesh.swabelmesh("write")
    assert unchanged(before, mesh.files(), old)
    pings = mesh.ping_among(old)
    for name in old + new:
        assert re.match("done: |nothing is different", mesh.nodes[name].apply())
        mesh.nodes[name].paste(f"/run/mesh/{name}/firewall.sh")
    for name in new:
        mesh.nodes[name].paste("systemctl restart swabeld")
    mesh.until_whole()
    assert not lost(pings)
    assert all(node.is_as_written() for node in mesh.nodes.values())

    # One goes.
    gone = old[-2]
    mesh.listed.remove(gone)
    rest = [name for name in mesh.listed]
    mesh.swabelmesh("write")
    pings = mesh.ping_among(rest)
    for name in rest:
        mesh.nodes[name].apply()
        plan = mesh.files()[f"{name}/plan"]
        wanted = {line.split()[3] for line in plan.splitlines() if line.startswith("tunnel ")}
        assert wanted and f"wg-{gone}" not in wanted
        # wireguard-go needs a moment to notice that its interface is gone.
        wait_until(lambda name=name, wanted=wanted: mesh.nodes[name].tunnels() == wanted, 10,
                   "a tunnel that is gone is still there")
        assert gone not in mesh.nodes[name].paste(
            "ls /etc/wireguard /etc/systemd/network; cat /etc/babeld.conf")
    mesh.until_whole()
    assert not lost(pings)
    mesh.swabelmesh("remove", gone)
    assert gone not in "".join(mesh.files())

    # One joins.
    before = mesh.files()
    mesh.add("guest", "wg-quick")
    guest = mesh.nodes["guest"]
    token = mesh.swabelmesh("invite", "guest", "--expires", "5m").strip()
    mesh.swabelmesh("write")
    assert not (mesh.output / "guest").exists()
    answer = guest.paste(f"swabelmesh join {token}").strip()
    key = (guest.root / "etc/wireguard/private.key").read_text().strip()
    mesh.swabelmesh("accept", "-", stdin=answer + "\n")
    assert "was used already" in mesh.refuses("accept", answer)
    mesh.swabelmesh("write")
    assert unchanged(before, mesh.files(), rest)
    kept = [path for folder in (mesh.output, mesh.state) for path in folder.rglob("*")
            if path.is_file()]
    assert kept and not [path for path in kept if key in path.read_text()]
    pings = mesh.ping_among(rest)
    for name in rest:
        mesh.nodes[name].apply()
        mesh.nodes[name].paste(f"/run/mesh/{name}/firewall.sh")
    guest.install()
    mesh.until_whole()
    assert not lost(pings)


def test_rekey(lab):
    """A node gets new keys: its neighbours wait until it uses them, and hardly a ping is lost."""
    mesh = Mesh(lab)
    names = ["a", "b", "c"]
    for name in names:
        mesh.add(name, "commands", hidden=name == "c")
    mesh.swabelmesh("write")
    for name in names:
        mesh.nodes[name].install()
    mesh.until_whole()
    a, b, c = mesh.nodes.values()
    mesh.swabelmesh("rekey", "a")
    mesh.swabelmesh("write")
    pings = mesh.ping_among(names)
    waiting = []
    for node in (b, c):
        node.bring()
        # The tunnel is not touched by looking at it.
        assert "a has a new key" in node.swabelmesh("diff", node.name, "|| :")
        waiting.append(node.begin(f"cd /run/mesh && swabelmesh apply {node.name} --wait 60s"))
    for process in waiting:
        wait_until(lambda: "waiting: " in process.text(), 10, process.text)
    a.apply()
    for process in waiting:
        wait_until(lambda: not process.alive, 20, process.text)
        assert process.child.returncode == 0, process.text()
    mesh.until_whole()
    for one in pings:
        count, silence = one.stop()
        measured(f"new keys of a, {one.title}: {count} pings lost, silence {silence:.2f} s")
        assert silence < 6, "a handshake that is lost is repeated after five seconds"
    for node in mesh.nodes.values():
        assert node.is_as_written()
        assert len(node.paste("wg show all peers").splitlines()) == 2
