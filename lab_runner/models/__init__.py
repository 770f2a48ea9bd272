"""Pure data: what a lab, a scenario, a check, a question and an answer are."""
