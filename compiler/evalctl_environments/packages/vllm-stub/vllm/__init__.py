"""As much of vLLM as the fork of lighteval imports on the client's side; the server is another environment's."""


class LLM:
    """Only named in the fork's annotations."""
