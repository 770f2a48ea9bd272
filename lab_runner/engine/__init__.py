"""The only door to the container engine."""
