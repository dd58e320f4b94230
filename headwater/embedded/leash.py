"""How does a child end with its parent, however the parent ends?

Linux sends the signal of PR_SET_PDEATHSIG to a process when its parent dies, kill -9 included; the setting
survives exec. Run as a script it sets that and becomes the given command, which serves programs that are not
Python: `python -I -S leash.py java ...`. It imports nothing of ours, so that it costs 10 ms.
"""

import ctypes
import os
import signal
import sys

PARENT_DEATH = "HEADWATER_PARENT_DEATH"  # "1": this process must not outlive its parent
_PR_SET_PDEATHSIG = 1


def tie_to_parent() -> None:
    """Ask the kernel to send us SIGTERM when our parent dies; end at once if it is dead already.

    Does nothing where the kernel cannot (not Linux): there only a clean stop ends the children.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(0)


if __name__ == "__main__":
    if os.environ.get(PARENT_DEATH) == "1":
        tie_to_parent()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command is ours, from kafka.py
