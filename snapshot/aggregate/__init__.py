"""Metrics into tables: what is due and has changed is computed, all else is carried over."""

from .aggregate import Aggregated, aggregate, is_same
from .view import create_dashboard_view

__all__ = ["Aggregated", "aggregate", "create_dashboard_view", "is_same"]
