"""Waiting for the pod of a catalog's job."""

from __future__ import annotations

from vodflow.engines.kubernetes.steps import cancel_job
from vodflow.engines.kubernetes.wait import wait_for_pod

from vodflow_airflow.triggers.catalog_job import CatalogJobTrigger


class KubernetesTranscodeTrigger(CatalogJobTrigger):
    """Fires when a pod has ended, well or not, or cannot start.

    All triggers of a triggerer process share one watch of the namespace. A job whose task is killed loses its pod, and
    is cancelled in the catalog.

    :param job_id: id of the job in the catalog
    :param external_id: ``namespace/pod``
    """

    def __init__(self, *, job_id: int, external_id: str) -> None:
        super().__init__(job_id=job_id, external_id=external_id)
        self.external_id = external_id

    async def wait(self) -> None:
        """Return when the pod has ended, or cannot start."""
        await wait_for_pod(self.job_id, self.external_id)

    def cancel(self) -> None:
        """Delete the pod and cancel the job."""
        cancel_job(self.job_id, actor="task killed")
