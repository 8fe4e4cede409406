"""The register in which the fork keeps its own reasoning parsers (`deepseek_r1_markup`)."""


class ReasoningParser:
    """The base of a parser."""

    def __init__(self, tokenizer):
        self.model_tokenizer = tokenizer


class ReasoningParserManager:
    """Parsers by name."""

    reasoning_parsers = {}

    @classmethod
    def register_module(cls, name):
        """A decorator that enters a parser."""

        def enter(parser):
            cls.reasoning_parsers[name] = parser
            return parser

        return enter

    @classmethod
    def get_reasoning_parser(cls, name):
        """The parser called `name`; one of vLLM's own belongs to the server (`--reasoning-parser`)."""
        if name not in cls.reasoning_parsers:
            raise KeyError(f"{name} is not a parser of the framework; give it to the server")
        return cls.reasoning_parsers[name]
