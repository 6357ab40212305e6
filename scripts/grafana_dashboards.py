"""Write deploy/grafana/dashboards: ``python scripts/grafana_dashboards.py``. A test fails when they are older.

Every panel is a query over the schema ``reporting``; a test runs it as the role ``analyst``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards"
SOURCE: Final = {"type": "grafana-postgresql-datasource", "uid": "vodflow"}

#: What queries share, by the name that stands for it in them: the days that the time picker names, and the tenants and
#: engines that are chosen.
_SHARED: Final = {
    "{WHICH}": "{WHOSE} AND engine IN ($engine)",
    "{WHOSE}": "day BETWEEN $__timeFrom()::date AND $__timeTo()::date AND tenant IN ($tenant)",
    "{TIME}": "day::timestamp AT TIME ZONE 'UTC' AS time",
    "{STAGES}": ", ".join(
        f"('{name}', {name}_seconds)"
        for name in ("notice", "dispatch", "prepare", "queue", "service", "download", "encode", "package", "upload",
                     "verify", "publish", "total")
    ),
}  # fmt: skip


class Panel(NamedTuple):
    """One panel.

    :param kind: Grafana's name: ``timeseries``, ``table``, ``barchart``, ``stat``, ``bargauge``
    :param unit: Grafana's: ``short``, ``s``, ``bytes``, ``currencyUSD``, ``percent``
    :param width: of 24 columns
    """

    title: str
    kind: str
    sql: str
    unit: str = "short"
    width: int = 12


DASHBOARDS: Final[dict[str, tuple[str, list[Panel]]]] = {
    "vodflow-work": ("Vodflow: work", [
        Panel("Waiting and running now", "table", """
            SELECT tenant, profile, engine, status, jobs, oldest_seconds, progress FROM work_now
             WHERE tenant IN ($tenant) ORDER BY oldest_seconds DESC""", "short", 12),
        Panel("Ended in the last hour", "table", """
            SELECT tenant, engine, status, sum(jobs) AS jobs, sum(minutes_in) AS minutes_in FROM last_hour
             WHERE tenant IN ($tenant) GROUP BY tenant, engine, status ORDER BY jobs DESC""", "short", 12),
        Panel("Jobs published a day", "timeseries", """
            SELECT {TIME}, engine AS metric, sum(jobs) AS jobs FROM transcoding_daily
             WHERE {WHICH} GROUP BY day, engine ORDER BY day"""),
        Panel("Failed, rejected and cancelled a day", "timeseries", """
            SELECT {TIME}, sum(failed) AS failed, sum(rejected) AS rejected, sum(canceled) AS canceled
              FROM transcoding_daily WHERE {WHOSE} GROUP BY day ORDER BY day"""),
        Panel("Waiting when each hour began", "timeseries", """
            SELECT hour AS time, engine AS metric, sum(waiting) AS waiting FROM backlog_hourly
             WHERE $__timeFilter(hour) AND tenant IN ($tenant) GROUP BY hour, engine ORDER BY hour"""),
        Panel("Time to publish, p50 and p95 of each day", "timeseries", """
            SELECT {TIME}, percentile_cont(0.5) WITHIN GROUP (ORDER BY total_seconds) AS p50,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY total_seconds) AS p95
              FROM job_outcome WHERE status = 'published' AND {WHICH} GROUP BY day ORDER BY day""", "s"),
        Panel("Stages, over all these days", "table", """
            SELECT stage, count(seconds) AS jobs, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95,
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) AS p99
              FROM job_outcome CROSS JOIN LATERAL (VALUES {STAGES}) AS stages (stage, seconds)
             WHERE status = 'published' AND {WHICH} GROUP BY stage HAVING count(seconds) > 0
             ORDER BY p95 DESC""", "s"),
        Panel("Encode speed, p50 of each day", "timeseries", """
            SELECT {TIME}, engine AS metric, percentile_cont(0.5) WITHIN GROUP (ORDER BY speed) AS speed
              FROM job_outcome WHERE status = 'published' AND {WHICH} GROUP BY day, engine ORDER BY day"""),
    ]),
    "vodflow-quality": ("Vodflow: quality and failures", [
        Panel("What stops work most", "table", """
            SELECT kind, error_class, error_code, sum(occurrences) AS occurrences, max(last_at) AS last_at,
                   (array_agg(example_message ORDER BY last_at DESC))[1] AS example,
                   (array_agg(link ORDER BY last_at DESC))[1] AS link
              FROM failures WHERE {WHOSE} GROUP BY kind, error_class, error_code
             ORDER BY occurrences DESC""", "short", 24),
        Panel("Cancellations by reason", "table", """
            SELECT coalesce(error_message, 'no reason was given') AS reason, count(*) AS cancellations
              FROM job_outcome WHERE status = 'canceled' AND {WHOSE} GROUP BY 1 ORDER BY 2 DESC"""),
        Panel("Retries and stalls a day", "timeseries", """
            SELECT {TIME}, sum(retries) AS retries, sum(stalls) AS stalls FROM transcoding_daily
             WHERE {WHICH} GROUP BY day ORDER BY day"""),
        Panel("VMAF by rung", "barchart", """
            SELECT rung, avg(vmaf) AS vmaf, avg(vmaf_p5) AS vmaf_p5 FROM rendition_quality
             WHERE vmaf IS NOT NULL AND {WHICH} GROUP BY rung ORDER BY max(height) DESC"""),
        Panel("Bits against quality", "table", """
            SELECT profile, rung, sum(measured) AS measured, sum(wasted) AS wasted, sum(starving) AS starving,
                   sum(too_close) AS too_close, sum(saveable_bytes) AS saveable_bytes
              FROM ladder_efficiency WHERE {WHICH} GROUP BY profile, rung ORDER BY saveable_bytes DESC"""),
        Panel("Seconds to look at, worst first", "table", """
            SELECT uri, rung, vmaf_worst_second AS vmaf, vmaf_worst_at AS at_second FROM rendition_quality
             WHERE vmaf_worst_second IS NOT NULL AND {WHICH}
             ORDER BY vmaf_worst_second, rendition_id LIMIT 50""", "short", 24),
    ]),
    "vodflow-cost": ("Vodflow: cost and storage", [
        Panel("Cost of these days", "stat", """
            SELECT sum(actual_cost) AS cost FROM cost_daily WHERE {WHOSE}""", "currencyUSD", 6),
        Panel("Stored at their end", "stat", """
            SELECT sum(net_bytes) AS bytes FROM storage_growth
             WHERE day <= $__timeTo()::date AND tenant IN ($tenant)""", "bytes", 6),
        Panel("Cost a day, by kind", "timeseries", """
            SELECT {TIME}, kind AS metric, sum(actual_cost) AS cost FROM cost_daily
             WHERE {WHOSE} GROUP BY day, kind ORDER BY day""", "currencyUSD"),
        Panel("Cost by tenant and engine", "table", """
            SELECT tenant, kind, engine, sum(quantity) AS quantity, unit, sum(actual_cost) AS cost FROM cost_daily
             WHERE {WHOSE} GROUP BY tenant, kind, engine, unit ORDER BY cost DESC NULLS LAST""", "currencyUSD"),
        Panel("Estimate and actual, of jobs that have both", "table", """
            SELECT engine, count(*) AS jobs, sum(estimated_cost) AS estimated, sum(actual_cost) AS actual,
                   sum(actual_cost) / nullif(sum(estimated_cost), 0) AS times FROM job_outcome
             WHERE estimated_cost IS NOT NULL AND actual_cost IS NOT NULL AND {WHICH}
             GROUP BY engine""", "currencyUSD"),
        Panel("Growth of what is stored", "timeseries", """
            SELECT {TIME}, sum(published_bytes) AS published, sum(replaced_bytes) AS replaced,
                   sum(deleted_bytes) AS deleted, sum(net_bytes) AS net
              FROM storage_growth WHERE {WHOSE} GROUP BY day ORDER BY day""", "bytes"),
        Panel("Who used it", "table", """
            SELECT tenant, sum(sources) AS sources, sum(jobs) AS jobs, sum(minutes_out) AS minutes_out,
                   sum(cost) AS cost
              FROM tenant_usage WHERE {WHOSE} GROUP BY tenant ORDER BY cost DESC"""),
    ]),
}  # fmt: skip

VARIABLES: Final = {
    "tenant": "SELECT DISTINCT tenant FROM job_outcome ORDER BY 1",
    "engine": "SELECT DISTINCT engine FROM job_outcome ORDER BY 1",
}


def dashboard(uid: str) -> dict[str, Any]:
    """One dashboard as Grafana's provisioning reads it."""
    title, panels = DASHBOARDS[uid]
    return {
        "uid": uid, "title": title, "tags": ["vodflow"], "timezone": "utc", "schemaVersion": 41, "editable": False,
        "time": {"from": "now-30d", "to": "now"}, "refresh": "5m",
        "templating": {"list": [_variable(name, sql) for name, sql in VARIABLES.items()]},
        "panels": _placed(panels),
    }  # fmt: skip


def _variable(name: str, sql: str) -> dict[str, Any]:
    return {
        "name": name, "label": name.capitalize(), "type": "query", "datasource": SOURCE, "query": sql, "multi": True,
        "includeAll": True, "refresh": 2, "current": {"text": ["All"], "value": ["$__all"]},
    }  # fmt: skip


def _placed(panels: list[Panel]) -> list[dict[str, Any]]:
    made, x, y = [], 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > 24:
            x, y = 0, y + 8
        shape = "time_series" if panel.kind == "timeseries" else "table"
        target = {"refId": "A", "datasource": SOURCE, "format": shape, "rawQuery": True, "editorMode": "code",
                  "rawSql": _filled(panel.sql)}  # fmt: skip
        made.append({
            "id": number, "type": panel.kind, "title": panel.title, "datasource": SOURCE, "targets": [target],
            "gridPos": {"x": x, "y": y, "w": panel.width, "h": 8},
            "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        })  # fmt: skip
        x += panel.width
    return made


def _filled(sql: str) -> str:
    for name, text in _SHARED.items():
        sql = sql.replace(name, text)
    return re.sub(r"\s+", " ", sql).strip()


def main() -> None:
    """Write every dashboard."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for uid in DASHBOARDS:
        (FOLDER / f"{uid}.json").write_text(json.dumps(dashboard(uid), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
