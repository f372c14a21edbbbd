"""What must hold before anyone may see a snapshot: every problem found, or none."""

from .check import MANY, check, too_old
from .contract import check_contract

__all__ = ["MANY", "check", "check_contract", "too_old"]
