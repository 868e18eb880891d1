"""A browser without a screen: headless Chromium, spoken to over its pipe for developers."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import time
from typing import Any

from netns import LabError, Namespace


class Browser:
    """One tab of Chromium in a namespace. `errors` gathers what its console complains of."""

    def __init__(self, namespace: Namespace, width: int = 1400, height: int = 1000) -> None:
        profile = namespace.lab.directory / "chromium"
        down, self.requests = os.pipe()
        self.answers, up = os.pipe()
        # Chromium reads from descriptor 3 and writes to 4; the shell puts our pipes there.
        script = f"exec 3<&{down} 4>&{up}; exec \"$@\""
        log = (namespace.lab.directory / "chromium.log").open("wb")
        self.child = subprocess.Popen(
            ["ip", "netns", "exec", namespace.name, "bash", "-c", script, "-", "chromium",
             "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--remote-debugging-pipe",
             f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(down, up),
            start_new_session=True)
        log.close()
        os.close(down)
        os.close(up)
        namespace.lab.on_close(self.close)
        self.errors: list[str] = []
        self.buffer = b""
        self.number = 0
        self.session: str | None = None
        targets = self.ask("Target.getTargets")["targetInfos"]
        tab = next(target for target in targets if target["type"] == "page")
        self.session = self.ask(
            "Target.attachToTarget", targetId=tab["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def close(self) -> None:
        for descriptor in (self.requests, self.answers):
            os.close(descriptor)
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next message, an answer or an event."""
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                raise LabError("the browser says nothing")
            octets = os.read(self.answers, 1 << 20)
            if not octets:
                raise LabError("the browser ended")
            self.buffer += octets
        message, _, self.buffer = self.buffer.partition(b"\0")
        found = json.loads(message)
        self.note(found.get("method", ""), found.get("params", {}))
        return found

    def note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.errors.append(json.dumps(params["args"])[:500])

    def ask(self, method: str, timeout: float = 60, **params: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.requests, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise LabError(f"{method}: {answer['error']}")
                return answer["result"]

    def open(self, address: str) -> None:
        """Opens a page and waits until it is there with all that belongs to it."""
        failure = self.ask("Page.navigate", url=address).get("errorText")
        if failure:
            raise LabError(f"{address}: {failure}")
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'",
                  f"{address} is loaded")

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is worth in the page."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True,
                          awaitPromise=True)
        if "exceptionDetails" in result:
            raise LabError(f"{expression[:200]}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression: str, what: str, timeout: float = 30) -> None:
        deadline = time.monotonic() + timeout
        while not self.value(expression):
            if time.monotonic() > deadline:
                raise LabError(f"not within {timeout:g} s: {what}")
            time.sleep(0.1)

    def picture(self, file: pathlib.Path) -> None:
        """Keeps a picture of the tab, as PNG."""
        octets = self.ask("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(octets))


def is_there() -> bool:
    return shutil.which("chromium") is not None
