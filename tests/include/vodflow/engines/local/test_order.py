"""What a worker is given: plan and keys, in the clear through a pipe and sealed through S3."""

from __future__ import annotations

import json

import pytest
from cryptography.fernet import Fernet
from support.protected import keys_of, protected_plan
from vodflow.contract.plan import TranscodePlan
from vodflow.engines.local.order import KEY_VARIABLE, open_keys, split_order, write_order
from vodflow.errors import ConfigurationError
from vodflow.settings import Settings
from vodflow.settings.sealing import derived_key

PLAN = protected_plan(scheme="cbcs", systems=["clearkey"], keys="kinds")
KEYS = keys_of(PLAN)


def test_a_plan_alone_is_what_it_always_was() -> None:
    assert write_order(PLAN) == PLAN.to_json()
    assert split_order(write_order(PLAN)) == (PLAN.to_json(), "")
    pretty = json.dumps(json.loads(PLAN.to_json()), indent=2)
    assert TranscodePlan.from_json(split_order(f"\n{pretty}\n")[0]) == PLAN
    assert open_keys("") is None


def test_keys_come_through_a_pipe() -> None:
    plan, keys = split_order(write_order(PLAN, KEYS))
    assert (TranscodePlan.from_json(plan), open_keys(keys)) == (PLAN, KEYS)


def test_sealed_keys_open_with_the_key_of_their_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(sealing_keys=[Fernet.generate_key().decode()])  # type: ignore[arg-type]
    key = derived_key("order of pod-1", settings)
    assert key == derived_key("order of pod-1", settings)
    order = write_order(PLAN, KEYS, seal_key=key)
    assert not [item.key for item in KEYS.keys if item.key in order]
    monkeypatch.setenv(KEY_VARIABLE, key)
    assert open_keys(split_order(order)[1]) == KEYS
    for wrong in (derived_key("order of pod-2", settings), "", "nonsense"):
        monkeypatch.setenv(KEY_VARIABLE, wrong)
        with pytest.raises(ConfigurationError, match=KEY_VARIABLE):
            open_keys(split_order(order)[1])


@pytest.mark.parametrize("text", ["{", "[]", '{"keys": []}', json.dumps({"keys": [{"key_id": "x", "key": "0f" * 16}]})])
def test_what_are_no_keys_is_told_without_them(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_keys(text)
    assert "0f0f" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
