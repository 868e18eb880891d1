"""`swabelctl watch` and `top`: what they show in a terminal, and what they cost the daemon."""

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from fcntl import ioctl

from daemons import Swabeld
from mac import QUICK
from netns import next_serial, wait_until
from speaker import Speaker
from test_client import ask
import babel_packets as babel


def client(node):
    return [node.binary(), "ctl", "-s", node.control_path]


class Tmux:
    """A terminal of 80 columns and 24 rows, in which a client runs."""

    def __init__(self, lab, node, *words, environment=()):
        self.socket = str(lab.directory / f"tmux{next_serial()}")
        command = " ".join(["env", *environment, *client(node), *words])
        lab.on_close(lambda: self.tmux("kill-server", check=False))
        subprocess.run(
            ["ip", "netns", "exec", node.namespace.name, "tmux", "-S", self.socket, "-f",
             "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "sh", "-c",
             f"{command}; echo ended $?; sleep 60"],
            check=True, timeout=10, stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"})

    def tmux(self, *words, check=True):
        done = subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, text=True,
                              check=check, timeout=10)
        return done.stdout

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def shows(self, pattern, seconds=10.0):
        def found():
            return re.search(pattern, self.screen(), re.M)
        return wait_until(found, seconds, lambda: f"{pattern} in\n{self.screen()}")

    def keys(self, *words):
        self.tmux("send-keys", *words)


def scene(lab):
    """A daemon with two neighbours and an interface that is not there."""
    n, m = lab.namespace("n"), lab.namespace("m")
    lab.veth(n, m)
    lab.veth(n, m, ("l1", "l1"))
    node = Swabeld(n, ["l0", "l1", "wlan7"], parameters=f"type wired {QUICK}")
    speakers = [Speaker(m, "l0"), Speaker(m, "l1", address="fe80::4")]
    wait_until(lambda: sum(row["cost"] != "65535" for row in node.neighbours()) == 2, 10,
               "both are heard")
    return n, node, speakers


def test_watch(lab):
    """Status, problems, neighbours and events are on the screen and change in place."""
    n, node, speakers = scene(lab)
    screen = Tmux(lab, node, "watch", "--interval", "1")
    screen.shows(r"^ swabeld-\S+ on \S+ +\d\d:\d\d:\d\d UTC$")
    screen.shows(r"^up \S+   interfaces 2/3   neighbours 2/2   routes 0   prefixes 0")
    screen.shows(r"^cpu \d+\.\d %   packets/s: received \d+\.\d, sent \d+\.\d   memory \d+ kB$")
    screen.shows(r"^1 problem:\n  \[partial\] interface wlan7: no such link$")
    screen.shows(r"^NEIGHBOUR +IF +STATE +COST REACH +RTT ROUTES +USED +KNOWN$")
    screen.shows(r"^fe80::2 +l0 +usable +96 +\d+/16 .* 0 +0 +\d+s$")
    screen.shows(r"^EVENTS, the latest first\n\d\d-\d\d \d\d:\d\d:\d\d \S+")
    assert len(screen.screen().splitlines()) <= 24
    # What happens is seen at once, and what is over is gone.
    speakers[0].speaks = False
    screen.shows(r"^\[?.*fe80::2 +l0 +(unheard|lost) +inf", 30)
    screen.shows(r"^  \[serious\] neighbour fe80::2 on l0", 10)
    screen.shows(r"\d\d:\d\d:\d\d neighbour fe80::2 if l0 was usable now", 10)
    speakers[0].speaks = True
    screen.shows(r"^fe80::2 +l0 +usable", 20)
    # Another size, another page, another look.
    screen.tmux("resize-window", "-x", "100", "-y", "30")
    screen.shows(r"^ swabeld-\S+ on \S+ {40,}\d\d:\d\d:\d\d UTC$", 5)
    screen.keys("t")
    screen.shows(r"^NEIGHBOUR +IF +COST +LOSS +RTT ms +JITTER ms$", 5)
    screen.tmux("resize-window", "-x", "40", "-y", "10")
    screen.shows(r"^NEIGHBOUR +IF +COST$", 5)
    screen.keys("w")
    screen.shows(r"^1 problem:", 5)
    screen.tmux("resize-window", "-x", "80", "-y", "24")
    screen.keys("q")
    screen.shows(r"^ended 0$", 5)
    assert "NEIGHBOUR" not in screen.screen(), "the terminal is as it was"


def test_top(lab):
    """Neighbours with bars, and routes that flap."""
    n, node, speakers = scene(lab)
    screen = Tmux(lab, node, "top", "--interval", "1")
    screen.shows(r"^fe80::2 +l0 +96 +0?\d+% +[#.]{6} ")
    screen.shows(r"^No route has changed twice lately\.$")
    speakers[1].send(babel.router_id(b"\2\0\0\0\0\0\0\x11"), babel.update("fd92::/48", seqno=9))
    for seqno in range(10, 14):
        speakers[0].send(babel.router_id(b"\2\0\0\0\0\0\0\x99"),
                         babel.update("fd93::/48", seqno=seqno))
        time.sleep(1.4)  # what changes within a second is told as one
        speakers[0].send(babel.update("fd93::/48", metric=65535, seqno=seqno))
        time.sleep(1.4)
    screen.shows(r"^FLAPPING ROUTES +CHANGES +LAST +NOW$")
    screen.shows(r"^fd93::/48 +\d+  \d\d-\d\d \d\d:\d\d:\d\d  ")
    assert "fd92::/48" not in screen.screen()
    # The daemon ends, and comes back.
    assert node.stop() == 0
    screen.shows(r"^(the daemon|there is no|connect|no daemon|/).*", 10)
    node.start()
    screen.shows(r"^fe80::2 +l0 +96 ", 20)
    screen.keys("C-c")
    screen.shows(r"^ended 0$", 5)


def test_colours(lab):
    """Colours are for terminals, and for those who want them."""
    n, node, _ = scene(lab)
    assert "\x1b" not in ask(node, "status")[1] + ask(node, "watch", "--once")[1]
    for words, sign in ((("watch",), r"\[partial\]"), (("status;", "sleep", "60"), r"\[partial\]")):
        for environment, colourful in (((), True), (("NO_COLOR=1",), False)):
            screen = Tmux(lab, node, *words, environment=environment)
            screen.shows(sign)
            assert bool(re.search(r"\x1b\[3[1-3]m", screen.screen("-e"))) == colourful, words
            screen.tmux("kill-server")


def test_once(lab):
    """One screen goes anywhere; a live one only to a terminal that can be redrawn."""
    n, node, _ = scene(lab)
    for page in ("watch", "top"):
        status, text, complaint = ask(node, page, "--once")
        assert (status, complaint) == (0, "") and re.search(r"(?m)^cpu \d", text), text
        assert all(len(line) <= 80 for line in text.splitlines()) and "fe80::2" in text
        status, text, complaint = ask(node, page)
        assert (status, text) == (2, "") and "no terminal; --once prints" in complaint
        for words in (["--interval", "0"], ["--interval"], ["--nonsense"], ["me"]):
            assert ask(node, page, *words)[0] == 2
    screen = Tmux(lab, node, "watch", environment=["TERM=dumb"])
    screen.shows(r"TERM names no terminal")
    screen.shows(r"^ended 2$")
    assert node.stop() == 0
    status, _, complaint = ask(node, "watch", "--once")
    assert status == 3 and "there is no socket" in complaint


class Line:
    """A terminal whose octets are counted, as over a slow line."""

    def __init__(self, lab, node, *words):
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

        def begin():
            os.setsid()
            ioctl(slave, termios.TIOCSCTTY, 0)

        self.child = subprocess.Popen(
            ["ip", "netns", "exec", node.namespace.name, *client(node), *words], stdin=slave,
            stdout=slave, stderr=slave, preexec_fn=begin, env={**os.environ, "TERM": "xterm"})
        lab.on_close(self.close)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def read(self, seconds):
        """What comes in a time."""
        data, deadline = b"", time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                data += os.read(self.master, 65536)
        return data


def test_slow_line(lab):
    """Only what is different is sent; at the end the terminal is as it was, whatever ends it."""
    n, node, _ = scene(lab)
    for ending in ("q", signal.SIGTERM, signal.SIGHUP):
        line = Line(lab, node, "watch", "--interval", "1")
        first = line.read(3)
        assert b"\x1b[?1049h" in first and b"NEIGHBOUR" in first
        assert not termios.tcgetattr(line.slave)[3] & termios.ICANON
        steady = line.read(4)
        assert 0 < len(steady) < 4 * 250, (len(steady), steady)
        assert b"NEIGHBOUR" not in steady
        if ending == "q":
            os.write(line.master, b"\x0c")  # draws all of it again
            assert b"NEIGHBOUR" in line.read(1)
            os.write(line.master, b"q")
        else:
            line.child.send_signal(ending)
        rest = line.read(1)
        assert line.child.wait(5) == 0 and rest.endswith(b"\x1b[?1049l"), rest
        assert termios.tcgetattr(line.slave) == line.before
    # Where no shell could continue it, ctrl-Z does not stop it.
    line = Line(lab, node, "top")
    line.read(2)
    os.write(line.master, b"\x1a")
    assert b"NEIGHBOUR" in line.read(2)
    os.write(line.master, b"q")
    line.read(0.5)
    assert line.child.wait(5) == 0


def test_stop_and_go_on(lab):
    """ctrl-Z gives the terminal back to the shell, and `fg` draws everything again."""
    _, node, _ = scene(lab)
    screen = Tmux(lab, node, "-V; exec bash --norc -i")
    screen.shows(r"^bash-")
    screen.keys(" ".join([*client(node), "top"]), "Enter")
    screen.shows("^ NEIGHBOUR|NEIGHBOUR ")
    screen.keys("C-z")
    screen.shows("Stopped")
    screen.keys("fg", "Enter")
    wait_until(lambda: "NEIGHBOUR" in screen.screen() and "Stopped" not in screen.screen(), 5,
               "it goes on")
    screen.keys("q")
    screen.shows("Stopped")


def cpu(node):
    """Microseconds of a processor that the daemon has taken."""
    return json.loads(ask(node, "show", "load", "--json")[1])["cpu_us"]


def test_cost_with_many_routes(lab):
    """A watcher of 10,000 routes costs the daemon little."""
    n, node, speakers = scene(lab)
    speaker = speakers[0]
    for start in range(0, 10_000, 50):
        speaker.send(babel.router_id(speaker.identifier), *[
            babel.update(f"fd92:0:{i + 1:x}::/48", interval=30_000)
            for i in range(start, min(start + 50, 10_000))])
        time.sleep(0.002)
    wait_until(lambda: n.count(6) >= 10_000, 60, "the routes are installed")
    time.sleep(10)  # until the history and the timers are quiet

    def spent(seconds):
        before = cpu(node)
        time.sleep(seconds)
        return (cpu(node) - before) / seconds

    alone = spent(10)
    costs = {}
    for page in ("watch", "top"):
        screen = Tmux(lab, node, page, "--interval", "1")
        screen.shows(r"routes 10000")
        costs[page] = spent(10) - alone
        screen.keys("q")
        screen.shows(r"^ended 0$")
    print(f"10,000 routes: {alone:.0f} us/s alone, more with a watcher: {costs}")
    assert all(cost < 10_000 for cost in costs.values()), (alone, costs)
