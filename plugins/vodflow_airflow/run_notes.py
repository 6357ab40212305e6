"""The note of a run of ``transcode_video``: the file's name, and why the run ended as it did.

A task has no way to write its run's note: the task API knows none, and the REST API wants a user's token. The
scheduler writes it when it sees a run begin and end: this listener works there, in whatever Airflow has the plugin.
What a person wrote stays.
"""

from __future__ import annotations

from typing import Any, Final

from airflow.listeners import hookimpl

#: Key of the XCom by which a task says why its run ends.
NOTE_KEY: Final = "vodflow_outcome"

#: DAGs whose runs have notes.
DAG_IDS: Final = frozenset({"transcode_video"})

#: How the end of a note begins that is ours, so that a later end of the same run replaces it, and what stands before
#: it. On the note's first line: Airflow's page of a run shows no more of it.
_MARK: Final = "Not published: "
_BETWEEN: Final = " · "

#: Characters of a note; Airflow's column holds 1,000.
_LIMIT: Final = 1000


def name_note(uri: str) -> str:
    """What a run's note says of the video: the file's name."""
    return uri.rstrip("/").rpartition("/")[2]


@hookimpl
def on_dag_run_running(dag_run: Any, msg: str) -> None:  # noqa: ARG001 - Airflow's names
    """Name the file of a run that a person started; runs of ``ingest_videos`` are made with their note."""
    uri = (dag_run.conf or {}).get("source_uri") if dag_run.dag_id in DAG_IDS else None
    if isinstance(uri, str) and not dag_run.note:
        dag_run.note = name_note(uri)[:_LIMIT]


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:  # noqa: ARG001 - Airflow's names
    """Say why a run came to nothing, if it did."""
    _add_outcome(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:  # noqa: ARG001 - Airflow's names
    """Say why a run failed."""
    _add_outcome(dag_run)


def _add_outcome(dag_run: Any) -> None:
    if dag_run.dag_id not in DAG_IDS:
        return
    from airflow.models.xcom import XComModel  # noqa: PLC0415 - in the scheduler only
    from sqlalchemy import select  # noqa: PLC0415
    from sqlalchemy.orm import object_session  # noqa: PLC0415

    session = object_session(dag_run)
    if session is None:
        return  # in dag.test() only
    said = (XComModel.dag_run_id == dag_run.id) & (XComModel.key == NOTE_KEY)
    newest = session.scalars(select(XComModel).where(said).order_by(XComModel.timestamp.desc()).limit(1)).first()
    about = (dag_run.note or "").partition(_MARK)[0].removesuffix(_BETWEEN)
    why = [] if newest is None else [f"{_MARK}{XComModel.deserialize_value(newest)}"]
    if note := _BETWEEN.join([*([about] if about else []), *why])[:_LIMIT]:
        dag_run.note = note
