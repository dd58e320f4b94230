"""What must hold for a number to count?  Anything else ends the benchmark."""


class ExpectationFailed(Exception):
    """A record is missing, doubled or refused, or something took longer than it may: no number is valid."""


def expect(holds: bool, sentence: str) -> None:
    """Raise ExpectationFailed with the sentence unless it holds."""
    if not holds:
        raise ExpectationFailed(sentence)
