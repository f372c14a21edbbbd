"""The open generation: leased by each request, queried with a deadline, exchanged for the next.

A generation that was exchanged is closed when nobody has it any more.
"""

from ..store import Generation, Status
from .file import SnapshotFile
from .follow import POLL_SECONDS, Reader
from .generation import OpenGeneration, Resources, read_catalog
from .running import Running, of_stream
from .watchdog import Watchdog

__all__ = [
    "POLL_SECONDS",
    "Generation",
    "OpenGeneration",
    "Reader",
    "Resources",
    "Running",
    "SnapshotFile",
    "Status",
    "Watchdog",
    "of_stream",
    "read_catalog",
]
