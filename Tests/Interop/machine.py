"""What else happens on this machine meanwhile, so that a failure can say whether that is why."""

from __future__ import annotations

import fcntl
import pathlib
import socket
import struct
import threading
import time

SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914


class Machine:
    """Watches from now on what all namespaces share: the processors' queues of received packets,
    and the kernel's lock for links and routes, which one test may hold while another needs it."""

    def __init__(self, namespace) -> None:
        self.dropped_before = self.dropped()
        self.longest = 0.0
        self.ended = threading.Event()
        self.asker = namespace.enter(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        namespace.lab.on_close(self.finish)
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def dropped(self) -> int:
        """How many packets were dropped, since the start of the machine, at full queues."""
        rows = pathlib.Path("/proc/net/softnet_stat").read_text().splitlines()
        return sum(int(row.split()[1], 16) for row in rows)

    def watch(self) -> None:
        """Takes the lock again and again, to set lo up, which it is."""
        request = fcntl.ioctl(self.asker, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        while not self.ended.wait(0.05):
            begin = time.monotonic()
            fcntl.ioctl(self.asker, SIOCSIFFLAGS, request)
            self.longest = max(self.longest, time.monotonic() - begin)

    def finish(self) -> str:
        """Ends it, and says what was seen."""
        self.ended.set()
        self.thread.join()
        self.asker.close()
        return (f"{self.dropped() - self.dropped_before} packets dropped at full queues of "
                f"processors, at most {self.longest:.1f} s of waiting for the kernel's lock")
