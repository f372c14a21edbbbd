"""Behaviour, stated one sentence at a time."""
