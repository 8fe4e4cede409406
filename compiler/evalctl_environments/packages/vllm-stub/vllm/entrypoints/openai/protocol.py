"""What the fork hands to a reasoning parser."""


class ChatCompletionRequest:
    """Holds what it is given; the fork's own parsers never look at it."""

    def __init__(self, **fields):
        self.__dict__.update(fields)
