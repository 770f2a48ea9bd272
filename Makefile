# Everyday commands; the work is done in scripts/ and by the program "lab".
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench chaos test-engines

help: ## Show these lines
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Prepare everything: .venv, a Docker engine, the lab's images
	@scripts/setup

demo: setup ## Start a broken network, look at it, repair it, check it
	@$(BIN)/lab demo

test: setup check ## All checks and all tests
	@scripts/test

check: ## Format, lint and types, without changing a file
	@scripts/check

bench: setup ## Measure everything that docs/performance.md tells, and write it anew
	@$(BIN)/python -m bench

chaos: setup ## Provoke everything that can go wrong, and count it
	@scripts/test tests/chaos

test-engines: setup ## All tests with a real engine again, on another one: Debian 13's
	@scripts/engine-26 test tests/docker
