"""Which settings are honoured, warned about and refused: data over botocore's model, and what follows from it.

The tables name every member of every shape that job settings are made of; a test holds them against the model.
"""

from local_mediaconvert.transcode.support.check import plan_warnings, refusals
from local_mediaconvert.transcode.support.rules import RULES, Rule, Support

__all__ = ["RULES", "Rule", "Support", "plan_warnings", "refusals"]
