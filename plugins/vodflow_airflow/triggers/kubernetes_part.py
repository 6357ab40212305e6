"""Waiting for the pods that make a part of a catalog's job."""

from __future__ import annotations

from vodflow.engines.kubernetes.parts import cancel_part
from vodflow.engines.kubernetes.wait_part import wait_for_part

from vodflow_airflow.triggers.catalog_job import CatalogJobTrigger


class KubernetesPartTrigger(CatalogJobTrigger):
    """Fires when a part is made, or no pod works at it any more. Has a late one started a second time meanwhile.

    All triggers of a triggerer process share one watch of the namespace. A part whose task is killed loses its pods.

    :param job_id: id of the job in the catalog
    :param part: name of the part
    """

    def __init__(self, *, job_id: int, part: str) -> None:
        super().__init__(job_id=job_id, part=part)
        self.part = part

    async def wait(self) -> None:
        """Return when the part is made, or no pod works at it any more."""
        await wait_for_part(self.job_id, self.part)

    def cancel(self) -> None:
        """Delete the part's pods."""
        cancel_part(self.job_id, self.part, actor="task killed")
