"""A headless Chromium for tests of the built book, driven through its DevTools protocol."""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from helpers.book_print import book_print

QUIET = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync --hide-scrollbars"
QUIET += " --disable-background-networking --disable-component-update --disable-dev-shm-usage"
PATIENCE = 30.0  # s for one answer, on a machine that is busy
READY = "document.readyState === 'complete' && !(window.MathJax && MathJax.startup && !MathJax.startup.document)"


class Browser:
    """One tab that keeps what the console said and what was asked of a network, from `open` to `open`."""

    def __init__(self) -> None:
        import websocket

        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        port_file = Path(self.folder.name) / "DevToolsActivePort"
        options = [*QUIET.split(), f"--user-data-dir={self.folder.name}", "--remote-debugging-port=0", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([book_print.chromium(), *options], **quiet)
        _wait(lambda: port_file.is_file() and port_file.read_text().count("\n"), "the browser did not start")
        port, path = port_file.read_text().splitlines()
        self.socket = websocket.create_connection(
            f"ws://127.0.0.1:{port}{path}", timeout=PATIENCE, suppress_origin=True
        )
        self.numbers, self.session, self.said, self.asked = itertools.count(1), None, [], []
        tab = next(one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=tab["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict:
        """What the browser answers to one command; events on the way are kept."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        self.socket.send(json.dumps(message | ({"sessionId": self.session} if self.session else {})))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._keep(answer.get("method"), answer.get("params", {}))

    def _keep(self, event: str | None, of: dict) -> None:
        if event == "Runtime.consoleAPICalled" and of["type"] in ("error", "warning", "assert"):
            self.said.append(" ".join(str(one.get("value", one.get("description"))) for one in of["args"]))
        elif event == "Runtime.exceptionThrown":
            details = of["exceptionDetails"]
            self.said.append(details.get("exception", {}).get("description", details["text"]))
        elif event == "Log.entryAdded" and of["entry"]["level"] in ("error", "warning"):
            self.said.append(f"{of['entry']['text']} {of['entry'].get('url', '')}".strip())
        elif event == "Network.requestWillBeSent":
            self.asked.append(of["request"]["url"])

    def width(self, pixels: int, height: int = 900) -> None:
        """From now on pages are laid out this wide; under 500 pixels as on a telephone."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=pixels, height=height, deviceScaleFactor=1, mobile=pixels < 500
        )

    def open(self, url: str) -> None:
        """Loads a page and waits for its scripts; forgets what the page before has said and asked."""
        self.evaluate("window.left = true")
        self.said, self.asked = [], []
        self.call("Page.navigate", url=url)
        _wait(lambda: self.evaluate(f"!window.left && {READY}"), f"{url} did not load")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", expression))
        return result["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Returns when the expression is true on the page."""
        _wait(lambda: self.evaluate(expression), f"never true: {expression}")

    def close(self) -> None:
        """Ends the browser and removes its folder."""
        self.socket.close()
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.folder.cleanup()


def _wait(condition: Any, otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.03)
