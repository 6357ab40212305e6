"""The keys of a job's outputs: made once, sealed in the catalog, and the same again for every later try.

Keys of a DRM provider come from its key server (SPEKE) where the settings name one; all others are made here. Either
way their ids follow from what they are for, so that two processes at once ask for, and store, the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

from vodflow.catalog import content_keys as rows
from vodflow.catalog.content_keys import KeyRow
from vodflow.catalog.database import transaction
from vodflow.contract.content_keys import ContentKey, ContentKeys, Signal, key_id, labels, periods
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.protection import DrmSystem, Encryption
from vodflow.errors import ConfigurationError
from vodflow.keys import speke
from vodflow.settings import Settings, get_settings
from vodflow.settings.sealing import seal, unseal

_ACTOR = "keys"


def content_keys(plan: TranscodePlan, content_id: str, settings: Settings | None = None) -> ContentKeys | None:
    """The keys of a job's outputs, made when they are asked for first; none where nothing is encrypted.

    :param content_id: key prefix of the outputs
    :raises ConfigurationError: there is no sealing key, or the key server refuses
    :raises EngineError: the key server does not answer (retryable)
    """
    used = plan.packaging.encryption
    if used is None:
        return None
    chosen, wanted = settings or get_settings(), _wanted(plan, content_id)
    with transaction(_ACTOR, chosen) as connection:
        found = rows.of_content(connection, content_id)
    known = {(row.label, row.period) for row in found}
    if missing := [key for key in wanted if (key.label, key.period) not in known]:
        _keep(plan, used, content_id, _made(used, content_id, missing, chosen), chosen)
        with transaction(_ACTOR, chosen) as connection:  # of two at once the first one's count, for both
            found = rows.of_content(connection, content_id)
    return _opened([row for row in found if row.label in {key.label for key in wanted}], chosen)


def stored_keys(plan: TranscodePlan, content_id: str, settings: Settings | None = None) -> ContentKeys | None:
    """The keys of outputs that were made, for who opens them; none where nothing is encrypted.

    :raises ConfigurationError: they are not there, or ``VODFLOW_SEALING_KEYS`` lacks what they were sealed with
    """
    if plan.packaging.encryption is None:
        return None
    chosen = settings or get_settings()
    with transaction(_ACTOR, chosen) as connection:
        found = rows.of_content(connection, content_id)
    if {(key.label, key.period) for key in _wanted(plan, content_id)} - {(row.label, row.period) for row in found}:
        raise ConfigurationError(
            f"The catalog lacks keys of {content_id}: nobody opens these outputs. Restore it, or make them anew."
        )
    return _opened(found, chosen)


def adopt_keys(
    plan: TranscodePlan, content_id: str, asked_as: str, key_ids: Mapping[str, str], settings: Settings | None = None
) -> None:
    """Keep the keys with which a service has encrypted outputs, that asked the DRM provider for them itself.

    :param asked_as: the content id that it asked with
    :param key_ids: KIDs in the outputs, by label
    :raises ConfigurationError: there is no sealing key or no key server, or that refuses
    :raises EngineError: the key server does not answer (retryable)
    """
    used, chosen = plan.packaging.encryption, settings or get_settings()
    if used is None:
        return
    wanted = [ContentKey(key_id=key_id, key=secrets.token_hex(16), label=label) for label, key_id in key_ids.items()]
    made = speke.fetch(asked_as, used.scheme, used.systems, wanted, chosen)
    # What was encrypted before with others was written over.
    _keep(plan, used, content_id, made, chosen, instead=True)


def _keep(
    plan: TranscodePlan,
    used: Encryption,
    content_id: str,
    made: ContentKeys,
    settings: Settings,
    *,
    instead: bool = False,
) -> None:
    sealed = [_row(plan, used, content_id, key, made, settings) for key in made.keys]
    with transaction(_ACTOR, settings) as connection:
        if instead:
            rows.forget(connection, content_id)
        rows.keep(connection, sealed)


def licensed_keys(content_id: str, key_ids: Sequence[str], settings: Settings | None = None) -> dict[str, bytes]:
    """Of these keys those that belong to the outputs below a prefix, by KID. Whoever asks has seen a playback token.

    :raises ConfigurationError: ``VODFLOW_SEALING_KEYS`` lacks the key that they were sealed with
    """
    chosen = settings or get_settings()
    with transaction(_ACTOR, chosen) as connection:
        found = rows.by_ids(connection, content_id, key_ids)
    return _opened(found, chosen).by_id if found else {}


def _wanted(plan: TranscodePlan, content_id: str) -> list[ContentKey]:
    """Every key of a plan, with a random value."""
    return [
        ContentKey(key_id=key_id(content_id, label, period), key=secrets.token_hex(16), label=label, period=period)
        for label in labels(plan)
        for period in range(periods(plan))
    ]


def _made(used: Encryption, content_id: str, wanted: list[ContentKey], settings: Settings) -> ContentKeys:
    systems = [system for system in used.systems if system != DrmSystem.CLEARKEY]
    if systems and settings.speke_url:
        return speke.fetch(content_id, used.scheme, systems, wanted, settings)
    return ContentKeys(keys=tuple(wanted))


def _row(
    plan: TranscodePlan, used: Encryption, content_id: str, key: ContentKey, made: ContentKeys, settings: Settings
) -> KeyRow:
    told = [signal.model_dump(mode="json", exclude_none=True) for signal in made.signals if signal.key_id == key.key_id]
    return KeyRow(
        key_id=key.key_id,
        tenant=plan.tenant,
        content_id=content_id,
        label=key.label,
        period=key.period,
        sealed_key=seal(f"{key.key}:{key.iv}" if key.iv else key.key, settings),
        period_seconds=used.rotation,
        signals=told or None,
    )


def _opened(found: Iterable[KeyRow], settings: Settings) -> ContentKeys:
    keys, signals = list[ContentKey](), list[Signal]()
    for row in found:
        key, _, vector = unseal(row.sealed_key, settings).partition(":")
        keys.append(ContentKey(key_id=row.key_id, key=key, label=row.label, period=row.period, iv=vector or None))
        signals += [Signal.model_validate(signal) for signal in row.signals or ()]
    return ContentKeys(keys=tuple(keys), signals=tuple(signals))
