"""One file a protocol: each asks, and says what it saw."""
