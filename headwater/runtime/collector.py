"""How often does Python look for reference cycles?  Seldom: hot paths make objects by the hundred thousand.

Hundreds of requests that wait for one acknowledgement, or the records of a run, are no garbage, yet each
default collection walks them all. Measured: half as many pushes again through the gateway with 256
connections, and a p99 of 13 instead of 80 ms; for the processors see docs/performance/.
"""

import gc

THRESHOLDS = (50_000, 50, 100)


def spare_collector() -> None:
    """Collect once, then seldom, and never again among what lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
