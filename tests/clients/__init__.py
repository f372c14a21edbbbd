"""Client tools from npm and PyPI."""
