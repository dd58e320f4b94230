"""Which functions are there?  All 85, by their names in lower case.

Source: reference, processors, section 5.3.
"""

from collections.abc import Mapping

from headwater.domain.expressions.dates import DATES
from headwater.domain.expressions.geo import GEO
from headwater.domain.expressions.maths import MATHS
from headwater.domain.expressions.signatures import Function
from headwater.domain.expressions.texts import TEXTS

FUNCTIONS: Mapping[str, Function] = {**TEXTS, **MATHS, **DATES, **GEO}
