"""Telling somebody that refreshes fail: a command that is run, or a webhook that is posted to."""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import signal
import subprocess
import threading
import urllib.request
from contextlib import suppress
from dataclasses import asdict

from .events import RefreshFailed

log = logging.getLogger("pacelayer.alarm")

# Neither may hold a refresher up for longer.
SECONDS = 10.0


def tell_once(how: str, project: str, failure: RefreshFailed, told: str) -> None:
    """Tell of a failure where somebody is to be told (`how`), and was not of that code already.

    That nobody could be told is logged: it is no reason for anything else to fail.
    """
    if how and failure.code != told:
        try:
            tell(how, project, failure)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            log.error("on_failure could not be done: %s", error)


def tell(how: str, project: str, failure: RefreshFailed) -> None:
    """Run the shell command `how`, with what happened in its environment, or post it as JSON where that is a URL.

    `${NAME}` in a URL comes from the environment. Raises OSError, subprocess.SubprocessError or ValueError where nobody
    could be told.
    """
    said = {"project": project, **asdict(failure)}
    if re.match(r"https?://", how):
        url = re.sub(r"\$\{(\w+)\}", lambda match: os.environ.get(match[1], ""), how)
        _post(url, json.dumps(said).encode())
        return
    environment = {f"PACELAYER_{name.upper()}": str(value) for name, value in said.items()}
    # A session of its own, so that what the shell started ends with it; our own output has the results only.
    process = subprocess.Popen(how, shell=True, env=os.environ | environment, start_new_session=True, stdout=2)  # noqa: S602
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if code:
        raise subprocess.CalledProcessError(code, how)


def _post(url: str, body: bytes) -> None:
    """Post it from a thread that is not waited for longer: a time-out of a socket starts anew with each byte."""
    outcome: queue.Queue[Exception | None] = queue.Queue(1)

    def post() -> None:
        try:
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  the project's own address
            with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
                outcome.put(None)
        except Exception as error:  # noqa: BLE001  whatever an address does that is not a webhook's
            outcome.put(error)

    threading.Thread(target=post, name="on_failure", daemon=True).start()
    try:
        failed = outcome.get(timeout=SECONDS)
    except queue.Empty:
        raise TimeoutError(f"the webhook did not answer within {SECONDS:.0f} seconds") from None
    if failed:
        raise OSError(str(failed) or type(failed).__name__) from failed
