"""The directory of generations: stage, publish, keep, roll back, lock, status.

20261124T150000Z-000042.duckdb          a generation: immutable, mode 0444
20261124T150000Z-000042.duckdb.sha256   its checksum, as sha256sum writes it
current.duckdb                          symlink to the generation that readers open
status.json                             what changes between generations
state/000042.duckdb                     private tables of that number, mode 0600
staging/                                what is being built; whatever is in it without a lock is rubbish
lock                                    held by the one refresher of this directory
flip.lock                               held for the moment in which the pointer moves
"""

from .directory import Generation, Store, checksum_path, intact, published_checksum, untouched
from .disk import Disk, PosixDisk
from .lock import locked
from .publish import Staged, publish, verify
from .status import Failure, Status, note_failure, note_look, read_status, recorded, write_status

__all__ = [
    "Disk",
    "Failure",
    "Generation",
    "PosixDisk",
    "Staged",
    "Status",
    "Store",
    "checksum_path",
    "intact",
    "locked",
    "note_failure",
    "note_look",
    "publish",
    "published_checksum",
    "read_status",
    "recorded",
    "untouched",
    "verify",
    "write_status",
]
