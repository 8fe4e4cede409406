"""vLLM's logger by its own name."""

from logging import getLogger as init_logger

__all__ = ["init_logger"]
