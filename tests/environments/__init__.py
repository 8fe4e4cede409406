"""The job environments."""
