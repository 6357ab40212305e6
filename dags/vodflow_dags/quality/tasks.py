"""Task of ``measure_quality``: decode the Params, call one function of vodflow, return its counts."""

from __future__ import annotations

from airflow.sdk import get_current_context, task
from vodflow_airflow.assets import MEASURED, MEASURED_QUALITY
from vodflow_airflow.errors import airflow_outcome


@task(pool="vodflow_quality", priority_weight=1, weight_rule="absolute", outlets=[MEASURED])
def measure() -> dict[str, int]:
    """Measure the job that was asked for, or a batch of those that were not measured yet."""
    from vodflow.quality.batch import measure_asked, measure_due  # noqa: PLC0415

    context = get_current_context()
    params, run_id = context["params"], context["run_id"]
    with airflow_outcome():
        if params["job"] is not None:
            from vodflow.jobs import get  # noqa: PLC0415

            counts = measure_asked(get(str(params["job"])).id, run_id=run_id, every=params["every"])
        else:
            counts = measure_due(run_id=run_id, share=params["share"], every=params["every"])
    if counts.keys() - {"waiting", "elsewhere"}:
        context["outlet_events"][MEASURED].add(MEASURED_QUALITY)
    return counts
