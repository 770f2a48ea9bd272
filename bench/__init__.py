"""Measures what a user of the kit waits for, and what the same network costs elsewhere.

``python -m bench`` (``make bench``) measures, and writes ``docs/performance.md`` with its plots.
"""
