"""`-D`, the pid file and words that are no interfaces: who starts the daemon learns whether it
runs."""

import os
import pathlib
import signal
import subprocess
import time

import pytest
from daemons import binary_under_test
from netns import wait_until


class Bench:
    """A machine and the words of a command line that keeps its files apart."""

    def __init__(self, lab):
        self.n = lab.namespace("n")
        self.pid, self.log = lab.directory / "pid", lab.directory / "log"
        self.words = ["-D", "-c", "/dev/null", "-S", "", "-I", str(self.pid), "-L", str(self.log)]

    def run(self, *more, words=None):
        """Starts the daemon; returns what the one who started it sees."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.n.name, binary_under_test(),
             *(self.words if words is None else words), *more],
            capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
        return done.returncode, done.stderr

    def stop(self):
        number = int(self.pid.read_text())
        os.kill(number, signal.SIGTERM)
        wait_until(lambda: not self.pid.exists(), 5, "the end", every=0.02)


def test_status_in_the_background(lab):
    """0 when the daemon runs, and then its pid file is there; 1 with the reason when it ended."""
    bench = Bench(lab)
    waiting = "Interface eth7 does not exist yet: waiting for it.\n"
    assert bench.run("eth7", "lo") == (0, waiting)
    name = pathlib.Path("/proc", bench.pid.read_text(), "comm").read_text().strip()
    assert name == os.path.basename(binary_under_test())[:15]
    # A second daemon does not start: first the pid file is in its way, then the port.
    status, text = bench.run("eth7")
    assert status == 1 and str(bench.pid) in text
    other = ["-D", "-c", "/dev/null", "-S", "", "-I", "", "-L", str(bench.log)]
    status, text = bench.run("eth7", words=other)
    assert status == 1 and "port 6696 is in use" in text
    bench.stop()
    for words, reason in (
            ([], "no interfaces"), (["-g", "/nonexistent/socket", "eth7"], "No such file"),
            (["-L", "/nonexistent/log", "eth7"], "/nonexistent/log"),
            (["-C", "user nobody-of-that-name", "eth7"], "nobody-of-that-name")):
        status, text = bench.run(*words)
        assert status == 1 and reason in text, (words, status, text)
        assert not bench.pid.exists()


def waiting_for_its_log(bench):
    """A start that is in the background already and waits for somebody who reads the log; also
    the number of the process there."""
    os.mkfifo(bench.log)
    child = subprocess.Popen(
        ["ip", "netns", "exec", bench.n.name, binary_under_test(), *bench.words, "eth7"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    children = pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children")
    return child, int(wait_until(children.read_text, 5, "it went into the background", every=0.02))


def test_who_started_it_may_go(lab):
    """The daemon goes on although the process that was started is gone before it is ready."""
    bench = Bench(lab)
    child, daemon = waiting_for_its_log(bench)
    child.stderr.close()
    child.kill()
    child.wait()
    with bench.log.open("rb"):
        wait_until(lambda: bench.pid.exists() and bench.pid.read_text(), 5, "it starts", every=0.02)
        time.sleep(0.5)
        assert pathlib.Path("/proc", str(daemon)).exists() and bench.pid.read_text() == str(daemon)
        bench.stop()


def test_killed_at_its_start(lab):
    """A daemon that ends without a word before it is ready did not start."""
    child, daemon = waiting_for_its_log(Bench(lab))
    os.kill(daemon, signal.SIGKILL)
    _, text = child.communicate(timeout=5)
    assert child.returncode == 1 and "ended by signal 9" in text


def test_zombie(lab):
    """A pid file that names a daemon which ended, and whose parent does not care, is replaced."""
    bench = Bench(lab)
    zombie = subprocess.Popen([binary_under_test(), "-V"], stderr=subprocess.DEVNULL)
    stat = pathlib.Path("/proc", str(zombie.pid), "stat")
    wait_until(lambda: ") Z " in stat.read_text(), 5, "a zombie", every=0.02)
    bench.pid.write_text(str(zombie.pid))
    assert bench.run("lo") == (0, "")
    assert bench.pid.read_text() != str(zombie.pid)
    bench.stop()
    zombie.wait()


@pytest.mark.parametrize("word", ["status", "show", "reload", "check", "keygen"])
def test_word_that_is_no_interface(lab, word):
    """`swabeld status` starts nothing, and says what to do."""
    bench = Bench(lab)
    status, text = bench.run("eth7", word)
    assert status == 1 and text.startswith(f"swabeld: '{word}' is not taken for an interface: ")
    assert text.count("\n") == 1, "nothing hides the line"
    assert not bench.pid.exists() and not bench.log.exists()


def test_nobody(lab):
    """Without root's rights the daemon says what it lacks."""
    bench = Bench(lab)
    done = subprocess.run(
        ["ip", "netns", "exec", bench.n.name, "setpriv", "--reuid", "65534", "--clear-groups",
         "--inh-caps=-all", "--bounding-set=-all", binary_under_test(), "-I", "", "-S", "", "lo"],
        capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "(root or CAP_NET_ADMIN is needed)" in done.stderr, done.stderr
