"""One learner's runs of scenarios: what can be done with them, and the record of it."""
