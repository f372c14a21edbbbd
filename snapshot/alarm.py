"""Telling somebody that refreshes fail: a command that is run, or a webhook that is posted to."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from dataclasses import asdict

from .events import RefreshFailed

# Neither may hold a refresher up for longer.
SECONDS = 10.0


def tell(how: str, project: str, failure: RefreshFailed) -> None:
    """Run the shell command `how`, with what happened in its environment, or post it as JSON where that is a URL.

    `${NAME}` in a URL comes from the environment. Raises OSError, subprocess.SubprocessError or ValueError where nobody
    could be told.
    """
    said = {"project": project, **asdict(failure)}
    if re.match(r"https?://", how):
        url = re.sub(r"\$\{(\w+)\}", lambda match: os.environ.get(match[1], ""), how)
        body, headers = json.dumps(said).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(url, body, headers)  # noqa: S310  the project's own address
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
            return
    environment = {f"PACELAYER_{name.upper()}": str(value) for name, value in said.items()}
    subprocess.run(how, shell=True, check=True, timeout=SECONDS, env=os.environ | environment)  # noqa: S602  as written
