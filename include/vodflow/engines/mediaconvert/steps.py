"""Third step, for MediaConvert: submit exactly one job, hear what becomes of it, collect what it made.

::

    submit_job ──▶ row, CreateJob, id ──▶ waiting ──▶ note_messages (events) or note_snapshot (polls) ──▶ collect_job
                                             └──▶ cancel_job

What is public here is what tasks, triggers and the command line call.
"""

from vodflow.engines.mediaconvert.collect import collect_job, interrupt_job
from vodflow.engines.mediaconvert.record import Noted, note_messages, note_snapshots
from vodflow.engines.mediaconvert.submit import cancel_job, submit_job
from vodflow.engines.submitting import Submission

__all__ = [
    "Noted",
    "Submission",
    "cancel_job",
    "collect_job",
    "interrupt_job",
    "note_messages",
    "note_snapshots",
    "submit_job",
]
