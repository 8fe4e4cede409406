"""Faults: a site where everything goes wrong, and what holds all the same."""
