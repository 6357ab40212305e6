"""Third step, for Kubernetes: exactly one pod for an attempt, its progress while it works, what it made.

::

    submit_job ──▶ row, plan in S3, pod ──▶ wait_for_pod (one watch for all, logs) ──▶ collect_job ──▶ pod deleted
                                               └──▶ cancel_job

What is public here is what tasks, triggers and the command line call.
"""

from vodflow.engines.kubernetes.collect import collect_job, interrupt_job
from vodflow.engines.kubernetes.submit import cancel_job, submit_job
from vodflow.engines.submitting import Submission

__all__ = ["Submission", "cancel_job", "collect_job", "interrupt_job", "submit_job"]
