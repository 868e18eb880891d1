"""Pictures of a mesh, drawn by swabelmesh from daemons that run: of ours, of babeld, and of what
these know of BIRD. The long form (SWABELD_LONG=1) opens page and SVG in a browser, and
SWABELD_PICTURES=FOLDER keeps pictures of what that shows."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import xml.etree.ElementTree as xml

import pytest

from browser import Browser, is_there
from daemons import Babeld, Bird, Swabeld, settle
from netns import REPOSITORY, Process, run, wait_until

LONG = os.environ.get("SWABELD_LONG") == "1"
QUICK = "type tunnel hello-interval 0.3 update-interval 1"
SPACE = "{http://www.w3.org/2000/svg}"
# Texts that overlap: the boxes of nodes, those of labels, and each node's text within its box.
OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll('.node > rect, .label > rect')]
    .filter(one => one.closest('[data-node], [data-ends]'))
    .map(one => [one.getBoundingClientRect(), one.parentNode]);
  const found = [];
  boxes.forEach(([a, one], place) => boxes.slice(place + 1).forEach(([b, two]) => {
    if (a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 0.5 &&
      b.top < a.bottom - 0.5) found.push(one.textContent + ' / ' + two.textContent);
  }));
  for (const [box, one] of boxes) for (const text of one.querySelectorAll('text')) {
    const inner = text.getBoundingClientRect();
    if (inner.left < box.left - 0.5 || inner.right > box.right + 0.5)
      found.push('too wide: ' + text.textContent);
  }
  return found;
})()"""


def program() -> str:
    """The program named by SWABELMESH, else the newer one of the two builds."""
    builds = [REPOSITORY / f".build/{kind}/swabelmesh" for kind in ("release", "debug")]
    found = [file for file in builds if os.access(file, os.X_OK)]
    named = os.environ.get("SWABELMESH")
    assert named or found, "no swabelmesh: run make mesh"
    return named or str(max(found, key=lambda file: file.stat().st_mtime))


def drawn(*words: str) -> str:
    return run(program(), *words)


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in xml.fromstring(svg).iter(f"{SPACE}text")]


def settled(lab):
    """A row of four: ours, ours, babeld, BIRD; each announces an address."""
    hosts = [lab.namespace(name) for name in ("berlin", "paris", "oslo", "turin")]
    for left, right in zip(hosts, hosts[1:]):
        lab.veth(left, right, ("r0", "l0"))
    for number, host in enumerate(hosts, start=1):
        host.own(f"10.92.0.{number}")
        host.forward()
    own = ["10.92.0.0/16"]
    nodes = [
        Swabeld(hosts[0], ["r0"], own, QUICK, statements=["metrics-port 9101"]),
        Swabeld(hosts[1], ["l0", "r0"], own, QUICK),
        Babeld(hosts[2], ["l0", "r0"], own), Bird(hosts[3], ["l0"])]
    settle(*nodes)
    nodes[3].announce("10.92.44.0/24")
    wait_until(lambda: hosts[0].reaches() >= {"10.92.0.3/32", "10.92.44.0/24"}, 60,
               "the first knows all")
    wait_until(lambda: hosts[2].reaches() >= {"10.92.0.1/32"}, 60, "babeld knows all")
    return hosts, nodes


class Served:
    """A page that swabelmesh serves in a namespace."""

    def __init__(self, namespace, *sources: str, port: int = 8080) -> None:
        self.namespace = namespace
        self.port = port
        self.process = Process(namespace, "swabelmesh", [
            program(), "page", "--serve", str(port), *sources])
        wait_until(lambda: "/\n" in self.process.text(), 20, "the page is served")
        self.address = self.process.text().split()[0]
        self.token = self.address.split("/")[3]

    def ask(self, path: str, *fields: str, host: str = "[::1]:8080") -> tuple[str, str]:
        """The status and the rest of an answer."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *fields, "", ""]
        with self.namespace.enter(
            lambda: socket.create_connection(("::1", self.port), timeout=20)) as client:
            client.sendall("\r\n".join(lines).encode())
            answer = b""
            while more := client.recv(65536):
                answer += more
        head, _, body = answer.decode().partition("\r\n\r\n")
        return head.split()[1], f"{head}\r\n\r\n{body}"

    def data(self) -> dict:
        """What the page is told when it asks anew."""
        status, answer = self.ask(f"/{self.token}/data.json")
        assert status == "200", answer
        return json.loads(answer.partition("\r\n\r\n")[2])["data"]


def test_draw_from_daemons(lab):
    """One node's view, three together, the ways to a prefix, and what has changed."""
    hosts, nodes = settled(lab)
    places = [node.control_path for node in nodes[:3]]
    one = drawn("graph", places[0])
    assert "asked: 1 of 4" in " ".join(texts(one)), one
    assert one.count('class="edge path"') == 3, "two ways that are inferred, and the legend"
    assert drawn("graph", places[0]).count("data-node") == 4
    three = drawn("graph", *places)
    assert three.count('data-ends="') == 2 * 3 and three.count('class="node asked"') == 4, three
    assert 'class="edge path"' not in three, "BIRD is babeld's neighbour: nothing is inferred"
    # Files of what swabelctl prints say the same as sockets.
    file = lab.directory / "berlin.json"
    with nodes[0].control() as control:
        file.write_text("".join(
            "\n".join(control.ask(f"{words} --json")[:-1]) + "\n"
            for words in ("status", "show neighbours", "show routes", "show exported")))
    assert "asked: 1 of 4" in drawn("graph", str(file))
    ways = drawn("graph", "--to", "10.92.44.9", *places)
    assert "Ways to 10.92.44.0/24" in ways and ways.count("<polygon") == 3 + 1, ways
    dot = drawn("graph", "--dot", *places)
    done = subprocess.run(["dot", "-Tplain"], input=dot, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0 and done.stdout.count("\nnode ") == 4, done.stderr
    before = lab.directory / "before.json"
    before.write_text(drawn("graph", "--netjson", *places))
    graph = json.loads(before.read_text())
    assert graph["type"] == "NetworkGraph" and len(graph["nodes"]) == 4
    same = drawn("graph", "--since", str(before), *places)
    assert "new: 0, gone: 0" in same, texts(same)
    hosts[0].ip("link", "set", "r0", "down")
    wait_until(lambda: "gone" in drawn("graph", "--since", str(before), *places)
               or "unusable" in drawn("graph", "--since", str(before), *places), 20,
               "the link is missed")


def test_refuse_nonsense(lab):
    """What cannot be read or drawn is said, with status 1; wrong words have 2."""
    file = lab.directory / "nonsense"
    file.write_text("nonsense\n")
    for status, *words in ((1, str(file)), (1, "/nowhere"), (1, "http://[::1]:9"), (2, "--to"),
                           (1, "http://192.0.2.1:9101"), (2, "--serve", "80"), (2, "--x")):
        done = subprocess.run([program(), "graph", *words], capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == status and done.stderr and not done.stdout, (words, done)


def test_draw_from_metrics(lab):
    """The port for metrics says what links cost, and nothing of routes."""
    hosts, nodes = settled(lab)
    svg = hosts[0].execute(program(), "graph", "http://[::1]:9101")
    assert svg.count("data-node") == 2 and "fe80::2%r0" in svg, svg
    page = Served(hosts[0], "http://[::1]:9101")
    (link,) = page.data()["links"]
    assert link["interface"] == "r0" and 0 < link["cost"] < 65535, link
    hosts[0].ip("link", "set", "r0", "down")
    wait_until(lambda: not page.data()["links"], 20, "the page's data follow the daemon's port")
    assert nodes[0].process.alive


def test_serve_a_page(lab):
    """Who knows the word in the address gets the page and fresh data; other sites get nothing."""
    hosts, nodes = settled(lab)
    page = Served(hosts[0], nodes[0].control_path)
    status, answer = page.ask(f"/{page.token}/")
    assert status == "200" and "<!DOCTYPE html>" in answer and '"live":true' in answer
    assert "access-control" not in answer.lower()
    status, answer = page.ask(f"/{page.token}/data.json")
    fresh = json.loads(answer.partition("\r\n\r\n")[2])
    assert status == "200" and fresh["svg"].startswith("<svg") and fresh["data"]["routes"]
    for path, fields, host in (
            ("/", [], "[::1]:8080"), ("/0123/", [], "[::1]:8080"),
            (f"/{page.token}/", [], "evil.example:8080"),
            (f"/{page.token}/", ["Origin: http://evil.example"], "localhost"),
            (f"/{page.token}/data.json", ["Sec-Fetch-Site: cross-site"], "localhost")):
        status, answer = page.ask(path, *fields, host=host)
        assert status[0] == "4" and "<svg" not in answer and page.token not in answer, answer
    nodes[0].stop()
    wait_until(lambda: nodes[0].control_path in page.data()["trouble"], 20, "it is missed")
    assert page.data()["routes"], "what was known stays"
    nodes[0].start()
    wait_until(lambda: page.data()["trouble"] == "", 20, "it goes on")


def test_serve_beside_a_daemon_that_hangs(lab):
    """One of two daemons stops: nobody waits long, and what it said stays, with its age."""
    hosts, nodes = settled(lab)
    page = Served(hosts[0], nodes[0].control_path, nodes[1].control_path)
    wait_until(lambda: page.data()["trouble"] == "" and
               sum(node["asked"] for node in page.data()["nodes"]) == 2, 20, "both are known")
    nodes[1].process.child.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: f"{nodes[1].control_path}: it does not answer, as of"
                   in page.data()["trouble"], 20, "it is missed")
        began = time.monotonic()
        assert page.ask("/")[0] == "404"
        assert time.monotonic() - began < 1, "a wrong word asks no daemon"
        began = time.monotonic()
        fresh = page.data()
        assert time.monotonic() - began < 4, "nobody waits long"
        assert sum(node["asked"] for node in fresh["nodes"]) == 2, fresh
        late = Served(hosts[0], nodes[1].control_path, port=8081)
        assert late.ask(f"/{late.token}/", host="[::1]:8081")[0] == "503"
    finally:
        nodes[1].process.child.send_signal(signal.SIGCONT)
    wait_until(lambda: page.data()["trouble"] == "", 20, "it goes on")


def test_serve_beside_idle_clients(lab):
    """Clients that say nothing, or half of something, hold nobody up and are sent away."""
    host = lab.namespace("desk")
    sources = files_of_a_mesh(lab.directory, 5, "full")
    page = Served(host, *sources)

    def connections() -> list[socket.socket]:
        return [socket.create_connection(("::1", 8080), timeout=20) for _ in range(300)]

    idle = host.enter(connections)
    for client in idle[::2]:
        client.sendall(b"GET / HT")
    began = time.monotonic()
    for path, status in ((f"/{page.token}/", "200"), ("/", "404")):
        assert page.ask(path)[0] == status
    assert time.monotonic() - began < 2, "they do not count"
    for client in idle:
        # Each is closed within a few seconds, though it says nothing more.
        try:
            assert client.recv(1) == b""
        except ConnectionResetError:
            pass
        client.close()
    assert time.monotonic() - began < 8
    assert page.ask(f"/{page.token}/")[0] == "200"


def files_of_a_mesh(directory: pathlib.Path, count: int, shape: str) -> list[str]:
    """What the nodes of a mesh that does not exist would say."""
    pairs = {(n, (n * 7 + 3) % count) for n in range(count)} if shape == "random" else set()
    pairs |= {(n, (n - 1) // 2) for n in range(1, count)}
    if shape == "full":
        pairs = {(a, b) for a in range(count) for b in range(a)}
    if shape == "ring":
        pairs = {(n, (n + 1) % count) for n in range(count)}
    lines: dict[int, list[dict]] = {n: [] for n in range(count)}

    def name(n: int) -> str:
        return f"02:00:00:00:00:00:{n >> 8:02x}:{n & 255:02x}"

    for n in range(count):
        lines[n].append({"version": "x", "host": f"node-{n}", "router_id": name(n), "pid": 1})
    for a, b in pairs:
        for here, there in ((a, b), (b, a)):
            if a != b:
                lines[here] += [
                    {"address": f"fe80::{there:x}", "interface": f"wg-{there}", "cost": 96 + a,
                     "state": "usable", "rtt_us": 1000 * a + 700, "loss_permille": b % 70},
                    {"prefix": f"10.9.{there}.0/24", "router_id": name(there), "metric": 96 + a,
                     "refmetric": 0, "selected": True, "neighbour": f"fe80::{there:x}",
                     "next_hop": f"fe80::{there:x}", "interface": f"wg-{there}"}]
    found = []
    for n, rows in lines.items():
        file = directory / f"{n}.json"
        file.write_text("\n".join(map(json.dumps, rows)))
        found.append(str(file))
    return found


def keep(browser: Browser, name: str) -> None:
    folder = os.environ.get("SWABELD_PICTURES")
    if folder:
        browser.picture(pathlib.Path(folder, f"{name}.png"))


@pytest.mark.skipif(not LONG, reason="the long form opens a browser")
@pytest.mark.parametrize("count,shape", [
    (5, "full"), (30, "random"), (30, "full"), (30, "ring"), (30, "tree"), (200, "random")])
def test_in_a_browser(lab, count, shape):
    """Page and SVG show all nodes; no texts overlap; nothing complains."""
    assert is_there(), "no chromium: run make deps with SWABELD_LONG=1"
    host = lab.namespace("desk")
    browser = Browser(host)
    sources = files_of_a_mesh(lab.directory, count, shape)
    svg = lab.directory / "mesh.svg"
    svg.write_text(drawn("graph", *sources))
    browser.open(f"file://{svg}")
    assert browser.value("document.querySelectorAll('[data-node]').length") == count
    assert browser.value(OVERLAPS) == []
    keep(browser, f"svg-{shape}-{count}")
    page = lab.directory / "mesh.html"
    page.write_text(drawn("page", *sources))
    browser.open(f"file://{page}")
    assert browser.value("document.querySelectorAll('[data-node]').length") == count
    assert browser.value(OVERLAPS) == []
    assert browser.value("getComputedStyle(document.querySelector('.asked rect')).fill") \
        == "rgb(217, 236, 250)", "the styles are allowed"
    assert browser.value("find('links').tBodies[0].rows.length") > 0
    keep(browser, f"page-{shape}-{count}")
    browser.value("find('search').value = 'node-3'; find('search').oninput()")
    assert browser.value("document.querySelector('.found text').textContent") == "node-3"
    browser.value("find('search').value = ''; find('search').oninput();"
                  "find('prefix').value = '10.9.1.0/24'; find('prefix').onchange()")
    assert browser.value("document.querySelectorAll('.hop.drawn').length") > 0
    assert browser.value("document.querySelector('.origin text').textContent") == "node-1"
    keep(browser, f"ways-{shape}-{count}")
    # Arrows must not be seen through labels, also those that a search fades.
    browser.value("find('search').value = 'node-3'; find('search').oninput()")
    assert browser.value("document.querySelectorAll('.faded').length") > 0
    assert browser.value("[...document.querySelectorAll('.label')]"
                         ".every(one => getComputedStyle(one).opacity === '1')")
    assert browser.value("[...document.querySelectorAll('.label.way text')]"
                         ".every(one => getComputedStyle(one).fillOpacity === '1')")
    keep(browser, f"faded-{shape}-{count}")
    assert browser.errors == []


@pytest.mark.skipif(not LONG, reason="the long form opens a browser")
def test_refresh_in_a_browser(lab):
    """The page follows a mesh that changes, and says so if its daemon is gone."""
    assert is_there(), "no chromium: run make deps with SWABELD_LONG=1"
    hosts, nodes = settled(lab)
    page = Served(hosts[0], nodes[0].control_path)
    browser = Browser(hosts[0])
    browser.open(page.address)
    assert browser.value("document.querySelectorAll('[data-node]').length") == 4
    hosts[1].own("10.92.77.1")
    nodes[1].announce("10.92.77.0/24")
    browser.wait("[...find('prefix').options].some(one => one.value === '10.92.77.1/32')",
                 "a new prefix comes by itself")
    hosts[0].ip("link", "set", "r0", "down")
    browser.value("find('compare').click()")
    browser.wait("document.querySelector('.edge.gone[data-ends]') !== null",
                 "the lost link is shown")
    keep(browser, "changes")
    assert browser.errors == []
    nodes[0].stop()
    browser.wait("find('state').className === 'bad'", "the page says that it is not fresh")
    assert re.search(r"not refreshed: .*\.sock", browser.value("find('state').textContent"))
    assert browser.errors == []


@pytest.mark.skipif(not LONG, reason="the long form opens a browser")
def test_hostile_names_in_a_browser(lab):
    """A name that is a script is a text."""
    assert is_there(), "no chromium: run make deps with SWABELD_LONG=1"
    file = lab.directory / "hostile.json"
    names = ["</script><script>window.hit = 1</script>", "\"><img src=x onerror='window.hit=1'>"]
    rows = [{"version": "x", "host": names[0], "router_id": names[1], "pid": 1}]
    for name in names:
        rows.append({"address": name, "interface": name, "cost": 96, "state": "usable"})
        rows.append({"prefix": name, "router_id": name, "metric": 1, "refmetric": 0,
                     "selected": True, "neighbour": name, "next_hop": name, "interface": name})
    file.write_text("\n".join(map(json.dumps, rows)))
    browser = Browser(lab.namespace("desk"))
    for form in ("graph", "page"):
        target = lab.directory / ("x.svg" if form == "graph" else "x.html")
        target.write_text(drawn(form, str(file)))
        browser.open(f"file://{target}")
        assert browser.value("window.hit") is None
        assert browser.value("document.querySelectorAll('img').length") == 0
        assert "</script>" in browser.value("document.querySelector('.node text').textContent")
    assert browser.errors == []
