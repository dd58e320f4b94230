"""How thorough are property tests?  As thorough as there is time: CI has some, somebody who waits has little.

How long one example takes says more about the machine than about the code, so there is no limit to it.
"""

import os

from hypothesis import settings

settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=60, deadline=None)
settings.load_profile("thorough" if os.environ.get("CI") else "quick")
