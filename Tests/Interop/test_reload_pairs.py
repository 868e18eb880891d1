"""Pairs of random configurations: whoever reads the second one anew, while it runs with the first,
comes to the same state as who is started with the second, and touches nothing else on the way."""

import concurrent.futures
import difflib
import itertools
import os
import random
import signal
import time

import pytest
from chance_files import ChanceFile
from netns import measured
from reload_worlds import World, identity, touched

LONG = os.environ.get("SWABELD_LONG") == "1"
# Some pairs can be tried alone: SWABELD_PAIRS=17,18.
CHOSEN = [int(word) for word in os.environ.get("SWABELD_PAIRS", "").split(",") if word]
PAIRS = CHOSEN or range(1, 1001 if LONG else 201)
# Whoever is free takes the next pair. A pair does little but wait, so several are tried at once.
waiting = iter(PAIRS)
TESTS = 4
THREADS = 4


def difference(one, other, names=("reloaded", "started")):
    return "\n".join(difflib.unified_diff(sorted(one), sorted(other), *names, "", "", 0, ""))


class Pair:
    """One configuration, and another one that takes its place."""

    def __init__(self, seed, worlds):
        self.seed = seed
        self.reloaded, self.started = worlds
        tables = seed % 5 == 0
        self.first = ChanceFile(f"{seed}a", tables).text
        self.second = ChanceFile(f"{seed}b", tables).text
        self.is_killed = seed % 10 == 3
        self.seconds = 0.0

    def trial(self):
        world = self.reloaded
        world.start(self.first)
        self.started.start(self.second)
        world.settle(5)
        before = world.kernel()
        mark = world.watcher.log.stat().st_size
        world.flushed()
        world.file.write_text(self.second)
        if self.is_killed:
            self.killed()
        else:
            forecast, answer = self.foreseen_and_done()
            assert answer and answer[-1] == "ok", answer
            assert forecast == answer, difference(forecast, answer, ("forecast", "reload"))
        self.becomes_equal()
        if not self.is_killed:
            self.touches_nothing_else(before, mark)
            self.loses_no_neighbour()
        for one in (world, self.started):
            one.stop()

    def foreseen_and_done(self):
        """What the daemon foresees, and what it then does, without the number of the configuration,
        which a forecast does not change. Both are asked for at once, because a Hello that comes
        late on a busy machine makes a link dearer for some seconds."""
        with self.reloaded.daemon.control() as control:
            control.socket.sendall(b"reload --dry-run\nreload\n")
            return control.reply()[1:], control.reply()[1:]

    def killed(self):
        """The daemon dies while it reads the file, and is started again."""
        world = self.reloaded
        with world.daemon.control() as control:
            control.socket.sendall(b"reload\n")
            time.sleep(0.05 * random.Random(self.seed).random() ** 2)
            world.daemon.process.stop(signal.SIGKILL)
        world.restart()

    def becomes_equal(self):
        """Both worlds come to the same state, and stay there. That takes as long as a route has to
        be better. After a crash on whose links nobody can be asked, what was unreachable stays so
        for the minute in which links may come, and for one hold after it."""
        begin = time.monotonic()
        agreed = 0
        while agreed < 2:
            one = self.reloaded.state() + self.reloaded.kernel()
            other = self.started.state() + self.started.kernel()
            if sorted(one) == sorted(other):
                agreed += 1
            else:
                agreed, self.seconds = 0, time.monotonic() - begin
            limit = 130 if self.is_killed else 20
            assert self.seconds < limit, "not equal\n" + difference(one, other)
            time.sleep(0.25)
        if not self.is_killed:
            one, other = self.reloaded.sysctls(), self.started.sysctls()
            assert one == other, f"settings of the kernel: {one}, {other}"

    def touches_nothing_else(self, before, mark):
        """No route was touched that is as it was. What changes on a link may cost its neighbour, by
        a key for example; until that shows, the filters that count now may prefer it."""
        same = {identity(route) for route in set(before) & set(self.reloaded.kernel())
                if not route.startswith("rule")}
        with self.reloaded.watcher.log.open("rb") as file:
            file.seek(mark)
            lines = file.read().decode().splitlines()
        dying = {row["if"] for row in self.reloaded.flushed()}
        same -= {touched(line) for line in lines if touched(line) and used_link(line) in dying
                 and not line.startswith("Deleted")}
        found = [line for line in lines if touched(line) in same]
        assert not found, f"touched, although nothing is different: {found}"

    def loses_no_neighbour(self):
        """A neighbour that both configurations have was not lost on the way."""
        rows = self.started.daemon.dump("neighbour")
        kept = {(row["address"], row["if"]) for row in rows}
        lost = {(row["address"], row["if"]) for row in self.reloaded.flushed()}
        assert not lost & kept, f"lost on the way: {lost & kept}"


def used_link(line):
    """The link that a route leads through, of a line of `ip monitor route`."""
    words = line.split()
    return words[words.index("dev") + 1] if "dev" in words[:-1] else None


def trials(worlds):
    """Tries pairs in two worlds until there are no more; returns those that failed, and how long
    the others took."""
    failures, times = [], []
    for seed in waiting:
        pair = Pair(seed, worlds)
        try:
            pair.trial()
            times.append(pair.seconds)
        except AssertionError as error:
            failures.append(f"pair {seed}: {error}\n--- first\n{pair.first}--- second\n"
                            f"{pair.second}")
            for world in worlds:
                world.clear()
    return failures, times


@pytest.mark.parametrize("number", range(TESTS))
def test_reload_is_like_a_start(lab, number):
    names = [(f"r{index}", f"s{index}") for index in range(THREADS)]
    places = [tuple(World(lab, name) for name in pair) for pair in names]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(trials, places))
    failures = list(itertools.chain(*(failed for failed, _ in results)))
    times = sorted(itertools.chain(*(seconds for _, seconds in results)))
    if times:
        measured(f"{len(times)} reloads: equal to a start after {times[len(times) // 2]:.1f} s, at "
                 f"most {times[-1]:.1f} s")
    if failures:
        raise AssertionError("\n".join(failures))
