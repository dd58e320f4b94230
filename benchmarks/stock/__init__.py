"""The stack that a user would write from the same packages; README.md says what it is and is not."""
