"""The transcoder of the local MediaConvert: a job document in, files in S3 with MediaConvert's names out.

:func:`run_job` does the work; :func:`plan_warnings` and :func:`refusals` are pure and say beforehand what of a job's
settings it does not honour, and what it refuses because the outputs would be wrong.
"""

from local_mediaconvert.transcode.contract import ErrorCode, JobFailed, JobOutputs, JobWarning, Phase
from local_mediaconvert.transcode.run import run_job
from local_mediaconvert.transcode.support import plan_warnings, refusals

__all__ = [
    "ErrorCode",
    "JobFailed",
    "JobOutputs",
    "JobWarning",
    "Phase",
    "plan_warnings",
    "refusals",
    "run_job",
]
