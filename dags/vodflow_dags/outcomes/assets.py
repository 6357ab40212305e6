"""What wakes ``deliver_outcomes``: something to tell that no step could tell."""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher
from vodflow.settings import get_settings
from vodflow_airflow.triggers.outcomes_due import OutcomesDueTrigger

SETTINGS = get_settings()

#: Without channels and without a table there is nothing to tell, and nobody looks. Tenants can have channels of their
#: own where secrets can be sealed.
CONFIGURED = bool(SETTINGS.notifications or SETTINGS.dynamodb_table or SETTINGS.sealing_keys)

OUTCOMES_DUE = Asset(
    "vodflow_outcomes_due",
    watchers=[AssetWatcher(name="vodflow_outcomes", trigger=OutcomesDueTrigger())] if CONFIGURED else [],
)
