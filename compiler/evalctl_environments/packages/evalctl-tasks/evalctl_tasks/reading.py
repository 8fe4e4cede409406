"""What both dialects share: the question sets, how a question with choices is put, and how an answer is read.

Answers are read leniently (the first digit, the first letter A–D), so that a model that answers at all can be right.
"""

import re
import unicodedata
from pathlib import Path

QUESTIONS = Path(__file__).with_name("questions")
LETTERS = "ABCD"


def first_digit(text: str) -> str:
    """The first digit in the text, full-width digits included; empty when there is none."""
    found = re.search("[0-9]", unicodedata.normalize("NFKC", text))
    return found.group() if found else ""


def first_letter(text: str) -> str:
    """The first choice letter in the text, full-width letters included; empty when there is none."""
    found = re.search(f"[{LETTERS}]", unicodedata.normalize("NFKC", text))
    return found.group() if found else ""


def letter_query(line: dict) -> str:
    """A question with four choices, to be answered with a letter."""
    choices = "\n".join(f"{letter}. {choice}" for letter, choice in zip(LETTERS, line["choices"], strict=True))
    return f"次の問題に、A、B、C、D のどれか一文字で答えてください。\n\n{line['question']}\n{choices}\n答え:"
