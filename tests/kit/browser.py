"""A headless Chromium, spoken to over its DevTools protocol.

A library for this would bring a driver to keep in step with the browser, or a browser of its
own. The few things that the tests do take one socket.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2

from servekit.testing.authenticated_client import STORAGE
from servekit.testing.subprocesses import without

T = TypeVar("T")

NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"]
FLAGS = [
    "--headless",
    "--no-sandbox",  # the sandbox refuses to run as root, as in a container
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--window-size=1000,900",
]
COMPLAINTS = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
TIMEOUT_S = 20.0
MESSAGE_BYTES = 16 * 1024 * 1024


def chromium() -> str:
    """The browser's program, or the one that `CHROMIUM` names."""
    found = filter(None, map(shutil.which, [os.environ.get("CHROMIUM", ""), *NAMES]))
    return next(found, None) or without("No Chromium found: install one, or name it in CHROMIUM.")


def wait_for(probe: Callable[[], T], what: object) -> T:
    """The first value of `probe` that is true."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if value := probe():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {TIMEOUT_S} s in vain for {what}")


class Browser:
    """One tab. `complaints` is what pages wrote to the console, or failed with.

    remembered: what it kept of an earlier visit; by default that of one who was let in.
    """

    def __init__(
        self, program: str, scratch: Path, remembered: Mapping[str, str] = STORAGE
    ) -> None:
        self._remembered = json.dumps({**remembered})
        self._command = [program, *FLAGS, f"--user-data-dir={scratch}", "about:blank"]
        self._port_file = scratch / "DevToolsActivePort"
        self._opened = ExitStack()
        self._commands = 0
        self.complaints: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        started = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        process = self._opened.enter_context(started)
        self._opened.callback(process.terminate)
        client = self._opened.enter_context(httpx2.Client(timeout=TIMEOUT_S))
        port = wait_for(self._port, "the port of the browser")
        tabs = client.get(f"http://127.0.0.1:{port}/json/list").json()
        [url] = [tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"]
        self._tab = self._opened.enter_context(
            client.websocket(url, max_message_size_bytes=MESSAGE_BYTES)
        )
        for domain in ("Page", "Runtime", "Log"):
            self.do(f"{domain}.enable")
        self.do("Page.addScriptToEvaluateOnNewDocument", source=self._remembering())
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _remembering(self) -> str:
        return f"Object.assign(sessionStorage, {self._remembered})"

    def _port(self) -> str:
        # Chromium creates the file first and then writes two lines.
        lines = self._port_file.read_text().split() if self._port_file.exists() else []
        return lines[0] if len(lines) > 1 else ""

    def do(self, method: str, **params: Any) -> dict[str, Any]:
        """Run a method of the protocol, and return its result."""
        self._commands += 1
        self._tab.send_json({"id": self._commands, "method": method, "params": params})
        while True:
            message = self._tab.receive_json(TIMEOUT_S)
            if message.get("method") in COMPLAINTS:
                self.complaints.append(message["params"])
            if message.get("id") == self._commands:
                return message["result"]

    def open(self, url: str) -> None:
        self.do("Page.navigate", url=url)
        self.find(f"location.href === {url!r} && document.readyState === 'complete'")

    def type(self, text: str) -> None:
        """Type where the cursor is, as soon as it is in a field."""
        self.find("document.activeElement.matches('input, textarea')")
        for character in text:
            self.do("Input.dispatchKeyEvent", type="char", text=character)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is now; None when it fails."""
        result = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def find(self, expression: str) -> Any:
        """What a JavaScript expression is, as soon as it is true."""
        return wait_for(lambda: self.value(expression), expression)
