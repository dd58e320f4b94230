"""How thorough are property tests?  As thorough as Hypothesis thinks right where time is no matter."""

import os

from hypothesis import settings

QUICK_EXAMPLES = 20

settings.register_profile("quick", max_examples=QUICK_EXAMPLES)
if not os.environ.get("CI"):
    settings.load_profile("quick")
