"""Pod templates: what an installation or a profile wants otherwise than we do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from vodflow.errors import ConfigurationError

#: By what the entries of a list are told apart, as in Kubernetes' own strategic merge; other lists are replaced.
_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "topologySpreadConstraints": "topologyKey",
}
#: Lists whose entries add up.
_ADDED: Final = frozenset({"tolerations", "envFrom", "hostAliases"})


def read_template(path: Path | None) -> dict[str, Any]:
    """A pod template file (YAML of a Pod, of which any part may be left out).

    :raises ConfigurationError: when it cannot be read, or is no Pod
    """
    if path is None:
        return {}
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"The pod template {path} cannot be read: {error}.") from error
    if not isinstance(document, dict) or document.get("kind", "Pod") != "Pod":
        raise ConfigurationError(f"The pod template {path} is no Pod: write a document with `kind: Pod` and `spec`.")
    return document


def merge(base: Any, change: Any, name: str = "") -> Any:
    """``base`` with what ``change`` says otherwise; null removes.

    Mappings are merged, lists of named things by their names, tolerations and their like added, all else replaced.
    """
    if isinstance(base, Mapping) and isinstance(change, Mapping):
        merged = {key: value for key, value in base.items() if key not in change}
        merged |= {key: merge(base.get(key), value, key) for key, value in change.items() if value is not None}
        return merged
    if _is_list(base) and _is_list(change):
        if name in _ADDED:
            return [*base, *(item for item in change if item not in base)]
        if name in _KEYS:
            return _merge_named(base, change, _KEYS[name])
    return change


def _merge_named(base: Sequence[Any], change: Sequence[Any], key: str) -> list[Any]:
    merged = {item.get(key): item for item in base}
    for item in change:
        merged[item.get(key)] = merge(merged.get(item.get(key), {}), item)
    return list(merged.values())


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
