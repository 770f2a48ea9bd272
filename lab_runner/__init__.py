"""Breakfix: networks that are broken on purpose, and a referee that speaks on the wire."""

__version__ = "0.1.0"
