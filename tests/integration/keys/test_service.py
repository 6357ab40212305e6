"""Keys are made once, are the same for every later try, and are sealed wherever they are stored."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError
from sqlalchemy import text
from support.protected import protected_plan
from support.speke_server import SpekeServer
from vodflow.catalog.database import acting_for, transaction
from vodflow.contract.plan import Output
from vodflow.contract.protection import DrmSystem
from vodflow.errors import ConfigurationError, EngineError
from vodflow.keys import adopt_keys, content_keys, licensed_keys, speke, stored_keys
from vodflow.packaging.encryption import key_lines
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

CONTENT = "vod/demo/clip/0123456789abcdef"
DRM = protected_plan(scheme="cbcs", systems=["widevine", "playready", "fairplay", "clearkey"], keys="kinds")


@pytest.fixture
def sealed(catalog: Settings, set_settings: Callable[..., Settings]) -> Settings:
    return set_settings(sealing_keys=f'["{Fernet.generate_key().decode()}"]')


@pytest.fixture
def provider(
    sealed: Settings, set_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> Iterator[SpekeServer]:
    monkeypatch.setattr(speke, "_PAUSE", 0.0)
    with SpekeServer().running() as server:
        set_settings(speke_url=server.url, speke_headers='["Authorization: Basic c2VjcmV0"]', speke_timeout="2")
        yield server


def test_a_plan_in_the_clear_needs_none(catalog: Settings) -> None:
    plan = protected_plan(scheme="cbcs", systems=["clearkey"])
    clear = plan.model_copy(update={"packaging": plan.packaging.model_copy(update={"encryption": None})})
    assert content_keys(clear, CONTENT) is None


def test_the_same_again_and_others_elsewhere(sealed: Settings) -> None:
    plan = protected_plan(Output.DASH, scheme="cenc", systems=["clearkey"], keys="kinds", rotation=2)
    first = content_keys(plan, CONTENT)
    assert first is not None
    assert [(key.label, key.period) for key in first.keys] == [(name, n) for name in ("audio", "sd") for n in range(4)]
    assert len({key.key for key in first.keys}) == len({key.key_id for key in first.keys}) == 8
    assert content_keys(plan, CONTENT) == first
    other = content_keys(plan, f"{CONTENT}0")
    assert other is not None
    assert not {key.key for key in first.keys} & {key.key for key in other.keys}
    assert not {key.key_id for key in first.keys} & {key.key_id for key in other.keys}


def test_two_at_once_get_the_same(sealed: Settings) -> None:
    plan = protected_plan(scheme="cbcs", systems=["clearkey"], keys="kinds")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: content_keys(plan, CONTENT, sealed), range(4)))
    assert all(one == found[0] for one in found)


def test_what_is_stored_opens_nothing(sealed: Settings) -> None:
    keys = content_keys(protected_plan(scheme="cbcs", systems=["clearkey"]), CONTENT)
    assert keys is not None
    with transaction("test") as connection:
        (row,) = connection.execute(text("SELECT content_key::text FROM content_key")).all()
    assert keys.keys[0].key not in row[0]
    assert keys.keys[0].key_id.encode().hex() not in row[0]
    assert keys.keys[0].key not in repr(keys)


def test_keys_outlive_a_change_of_the_sealing_key(sealed: Settings, set_settings: Callable[..., Settings]) -> None:
    plan = protected_plan(scheme="cbcs", systems=["clearkey"])
    first = content_keys(plan, CONTENT)
    old = sealed.sealing_keys[0].get_secret_value()
    set_settings(sealing_keys=f'["{Fernet.generate_key().decode()}", "{old}"]')
    assert content_keys(plan, CONTENT) == first
    set_settings(sealing_keys=f'["{Fernet.generate_key().decode()}"]')
    with pytest.raises(ConfigurationError, match="lacks the key that it was sealed with"):
        content_keys(plan, CONTENT)


def test_without_a_sealing_key_nothing_is_made(catalog: Settings) -> None:
    with pytest.raises(ConfigurationError, match="Set VODFLOW_SEALING_KEYS"):
        content_keys(protected_plan(scheme="cbcs", systems=["clearkey"]), CONTENT)


def test_licences_have_the_keys_of_one_video_and_no_others(sealed: Settings) -> None:
    plan = protected_plan(scheme="cbcs", systems=["clearkey"], keys="kinds")
    one, other = content_keys(plan, CONTENT), content_keys(plan, f"{CONTENT}0")
    assert one is not None
    assert other is not None
    asked = [key.key_id for key in (*one.keys, *other.keys)]
    assert licensed_keys(CONTENT, asked) == one.by_id
    assert licensed_keys(CONTENT, [other.keys[0].key_id]) == {}
    with acting_for("somebody-else"):
        assert licensed_keys(CONTENT, asked) == {}


def test_a_provider_is_asked_once_and_has_its_say(provider: SpekeServer) -> None:
    keys = content_keys(DRM, CONTENT)
    assert keys is not None
    assert not provider.problems, provider.problems
    assert content_keys(DRM, CONTENT) == keys
    ((headers, body),) = provider.requests
    assert headers["authorization"] == "Basic c2VjcmV0"
    assert headers["x-speke-version"] == "2.0"
    assert b"PlainValue" not in body
    for key in keys.keys:
        kid = re.sub(r"(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", key.key_id)
        assert bytes.fromhex(key.key) == provider.key(CONTENT, kid)
        assert key.iv == bytes(range(16)).hex()
        (line,) = key_lines(DRM.packaging.encryption, key.key_id, (), keys, [DrmSystem.FAIRPLAY])  # type: ignore[arg-type]
        assert f'URI="skd://provider/{kid}"' in line
    assert {signal.system for signal in keys.signals} == {"widevine", "playready", "fairplay"}


def test_a_second_installation_gets_the_same_from_the_provider(provider: SpekeServer) -> None:
    first = content_keys(DRM, CONTENT)
    with transaction("test") as connection:
        connection.execute(text("DELETE FROM content_key"))
    assert content_keys(DRM, CONTENT) == first
    assert len(provider.requests) == 2


def test_clearkey_alone_is_no_business_of_the_provider(provider: SpekeServer) -> None:
    assert content_keys(protected_plan(scheme="cenc", systems=["clearkey"]), CONTENT)
    assert not provider.requests


def test_a_provider_that_stumbles_is_asked_again(provider: SpekeServer) -> None:
    provider.answers = [503, 429]
    assert content_keys(DRM, CONTENT)
    assert len(provider.requests) == 3


def test_a_provider_that_is_away_can_be_waited_for(provider: SpekeServer) -> None:
    provider.answers = [500, 500, 500]
    with pytest.raises(EngineError, match="answers 500") as away:
        content_keys(DRM, CONTENT)
    assert away.value.retryable


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"CPIX", b"XIPC", "it is no CPIX document"),
        (b"<", b"", "it is no XML"),
        (b"PlainValue", b"EncryptedValue", "it lacks the key"),
        (b'commonEncryptionScheme="cbcs"', b'commonEncryptionScheme="cenc"', "is for cenc and not for cbcs"),
        (b"PlainValue>", b"PlainValue>AAAA", "is not 16 bytes in base64"),
        (b'contentId="vod', b'contentId="dov', "it is about the content 'dov/demo/.*' and not about vod/demo/"),
        (b'systemId="edef8ba9', b'systemId="00000000', "it says nothing of widevine for the key"),
        (b"PSSH>AAAA", b"PSSH>BAAA", "it has no pssh box of widevine for the key"),
        (b"PSSH>", b"PSSH>!", "it has no pssh box of widevine for the key"),
        (b"PSSH>", b"pssh>", "it has no pssh box of widevine for the key"),
        (b"</cpix:CPIX>", b"<!--" + b"x" * 1_000_000 + b"--></cpix:CPIX>", "it is larger than any answer"),
    ],
)
def test_answers_that_are_none_are_told(provider: SpekeServer, old: bytes, new: bytes, problem: str) -> None:
    provider.change = lambda document: document.replace(old, new)
    with pytest.raises(ConfigurationError, match=problem) as refused:
        content_keys(DRM, CONTENT)
    assert not re.search(r"[A-Za-z0-9+/]{22}==", str(refused.value)), "no key in a message"
    with transaction("test") as connection:
        assert connection.scalar(text("SELECT count(*) FROM content_key")) == 0, "the next answer counts"


def test_an_address_of_a_provider_is_one_line_of_a_playlist(provider: SpekeServer) -> None:
    def forge(document: bytes) -> bytes:
        line = b'URI="skd://x\n#EXTINF:1,\nhttps://evil.example/1.ts"'
        return re.sub(rb"(HLSSignalingData[^>]*>)[A-Za-z0-9+/=]+", rb"\1" + base64.b64encode(line), document)

    provider.change = forge
    keys = content_keys(DRM, CONTENT)
    assert keys is not None
    assert not [signal for signal in keys.signals if signal.hls_uri]


def test_nobody_is_sent_elsewhere_with_the_providers_password(provider: SpekeServer) -> None:
    provider.answers = [307]
    with pytest.raises(ConfigurationError, match="refuses with 307"):
        content_keys(DRM, CONTENT)
    assert len(provider.requests) == 1


def test_an_answer_that_has_no_end_is_given_up(provider: SpekeServer, set_settings: Callable[..., Settings]) -> None:
    set_settings(speke_timeout="0.2")
    provider.pause = 0.1
    with pytest.raises(EngineError, match="does not answer: ReadTimeout"):
        content_keys(DRM, CONTENT)


@pytest.mark.parametrize(
    "url", ["https://me:secret@drm.example/speke", "https://secret@drm.example", "ftp://drm.example"]
)
def test_no_password_stands_in_an_address_that_logs_name(url: str) -> None:
    with pytest.raises(ValidationError, match="speke_url") as refused:
        Settings(speke_url=url)
    assert "secret" not in str(refused.value)


def test_a_refusal_names_what_to_check(provider: SpekeServer) -> None:
    provider.answers = [403]
    with pytest.raises(
        ConfigurationError, match=r"refuses with 403\. Check VODFLOW_SPEKE_URL and VODFLOW_SPEKE_HEADERS"
    ):
        content_keys(DRM, CONTENT)


def test_keys_that_a_service_asked_for_itself_are_found_again(provider: SpekeServer) -> None:
    """MediaConvert chooses the ids of its keys; they are in what it has made."""
    plan = protected_plan(scheme="cenc", systems=["widevine"], keys="kinds")
    adopt_keys(plan, CONTENT, "demo-clip-0123", {"sd": "11" * 16, "audio": "22" * 16})
    keys = content_keys(plan, CONTENT)
    assert keys is not None
    assert {key.label: key.key_id for key in keys.keys} == {"sd": "11" * 16, "audio": "22" * 16}
    assert bytes.fromhex(keys.of("sd").key) == provider.key("demo-clip-0123", "11111111-1111-1111-1111-111111111111")
    assert len(provider.requests) == 1
    # Another try of the job is another job of the service, with other keys.
    adopt_keys(plan, CONTENT, "demo-clip-0123", {"sd": "33" * 16, "audio": "22" * 16})
    again = stored_keys(plan, CONTENT)
    assert again is not None
    assert {key.label: key.key_id for key in again.keys} == {"sd": "33" * 16, "audio": "22" * 16}


def test_who_opens_outputs_never_makes_a_key_that_is_lost(sealed: Settings) -> None:
    plan = protected_plan(scheme="cbcs", systems=["clearkey"], keys="kinds")
    made = content_keys(plan, CONTENT)
    assert stored_keys(plan, CONTENT) == made
    with transaction("test") as connection:
        connection.execute(text("DELETE FROM content_key WHERE label = 'audio'"))
    with pytest.raises(ConfigurationError, match=f"The catalog lacks keys of {CONTENT}"):
        stored_keys(plan, CONTENT)
