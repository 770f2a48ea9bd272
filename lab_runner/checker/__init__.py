"""Asks what a scenario's checks ask, and judges what was seen."""
