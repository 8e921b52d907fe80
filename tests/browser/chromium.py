# SPDX-License-Identifier: GPL-3.0-or-later
"""A real browser without a window: Debian's chromium, spoken to over two pipes (``--remote-debugging-pipe``).

Nothing listens anywhere, nothing is fetched, and nothing beyond Python is needed. Messages are JSON, each ended by a
zero byte: https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

PROGRAM = "chromium"
_ANSWER_S = 240.0  # for 5,000 guests on a machine that others use, too
# As root in a container there is no sandbox to be had; the pages are our own, and the network is off.
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)

Document = dict[str, t.Any]


def _moved_up(number: int) -> int:
    higher = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(number)
    return higher


class Chromium:
    """One browser with one page. ``problems``: errors of scripts, and all that the browser's console complains of."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="chromium.", ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # Beyond 3 and 4, so that neither is put in the other's place.
        theirs_in, theirs_out = (_moved_up(number) for number in (theirs_in, theirs_out))
        # The browser reads from its descriptor 3 and writes to 4, whatever these are here.
        self._process = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec {PROGRAM} "$@" 3<&{theirs_in} 4>&{theirs_out}',
                "bash",
                *_OPTIONS,
                f"--user-data-dir={self._directory.name}",
                "about:blank",
            ],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self._directory.name},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._session, self._buffer = 0, "", b""
        self.problems: list[str] = []
        self._events: list[Document] = []
        self._attach()

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._out)
        os.close(self._in)
        self._directory.cleanup()

    def _attach(self) -> None:
        made = self.call("Target.createTarget", url="about:blank")
        found = self.call("Target.attachToTarget", targetId=made["targetId"], flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: t.Any) -> Document:
        self._number += 1
        message: Document = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        deadline_s = time.monotonic() + _ANSWER_S
        while True:
            answer = self._read(deadline_s)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return t.cast(Document, answer["result"])

    def _read(self, deadline_s: float) -> Document:
        while b"\0" not in self._buffer:
            ready, _w, _x = select.select([self._in], [], [], max(0.0, deadline_s - time.monotonic()))
            data = os.read(self._in, 1 << 20) if ready else b""
            if not data:
                raise RuntimeError("The browser does not answer.")
            self._buffer += data
        text, _zero, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        self._note(message)
        return t.cast(Document, message)

    def _note(self, message: Document) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(params["args"])[:500])
        if method:
            self._events.append(message)

    # --- what tests do

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False, media: str = "") -> None:
        self.show(dark=dark, media=media)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._events.clear()
        self.call("Page.navigate", url=path.as_uri())
        deadline_s = time.monotonic() + _ANSWER_S
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._read(deadline_s)

    def show(self, *, dark: bool = False, media: str = "") -> None:
        """In another way, without loading it again. ``media``: ``print`` for how it looks on paper."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def evaluate(self, expression: str) -> t.Any:
        """The value of an expression of JavaScript, as JSON."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"])[:1000])
        return found["result"].get("value")

    def press(self, key: str, code: int, text: str = "", modifiers: int = 0) -> None:
        common = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def screenshot(self, path: Path, *, whole: bool = False, height: int = 0) -> None:
        clip: Document = {}
        if height:
            width = self.evaluate("innerWidth")
            clip = {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}}
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole or bool(height), **clip)
        path.write_bytes(base64.b64decode(found["data"]))

    def pdf(self) -> bytes:
        found = self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        return base64.b64decode(found["data"])
