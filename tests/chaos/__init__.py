"""Everything that can go wrong, provoked; `make chaos` runs it, `make test` does not."""
