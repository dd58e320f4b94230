"""Are many rows on their way right now?  Then what can wait should wait.

Pure: the caller brings the time.
"""

WINDOW_S = 1.0


class Traffic:
    """How many rows were written lately."""

    def __init__(self, busy_rows: int) -> None:
        self._busy_rows = busy_rows  # in one window
        self._began_s = 0.0
        self._rows = 0
        self._busy_until_s = 0.0

    def note(self, rows: int, now_s: float) -> None:
        """Note that rows were written."""
        if now_s >= self._began_s + WINDOW_S:
            self._began_s, self._rows = now_s, 0
        self._rows += rows
        if self._rows >= self._busy_rows:
            self._busy_until_s = now_s + WINDOW_S

    def is_busy(self, now_s: float) -> bool:
        """Tell whether there was much to write within the last window."""
        return now_s < self._busy_until_s
