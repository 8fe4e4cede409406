"""Sync against real git repositories and a stand-in scheduler that behaves as Grid Engine does."""
