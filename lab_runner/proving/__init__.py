"""Holds scenarios to the contract: states of a lab against the checks that tell them apart."""
