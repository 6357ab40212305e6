"""Encryption of the segmented groups: from one option to each group's own fields."""

from __future__ import annotations

import re
from typing import Any

from vodflow.contract.plan import TranscodePlan
from vodflow.contract.protection import SYSTEM_IDS, DrmSystem, Encryption, Scheme
from vodflow.errors import ConfigurationError, PlanError
from vodflow.settings.encode_options import Speke, StaticKey

Protection = StaticKey | Speke


def planned(plan: TranscodePlan, url: str | None, certificate: str | None = None) -> Speke | None:
    """How MediaConvert is to encrypt a plan: with keys that it asks of a DRM provider; none for one in the clear.

    :param url: the provider's key server
    :raises PlanError: MediaConvert does not encrypt as the plan asks
    :raises ConfigurationError: there is no key server
    """
    used = plan.packaging.encryption
    if used is None:
        return None
    if problem := _obstacle(used):
        raise PlanError(f"MediaConvert {problem}. Choose another engine for profile {plan.profile}.")
    if url is None:
        raise ConfigurationError(
            "Set VODFLOW_SPEKE_URL: MediaConvert takes keys from a DRM provider's key server only."
        )
    systems = [SYSTEM_IDS[item] for item in used.systems]
    # SPEKE 2.0's contracts: one key for all, or one for each of sound, SD, HD and UHD.
    video, audio = ("SHARED", "SHARED") if used.keys == "everything" else ("PRESET_VIDEO_3", "PRESET_AUDIO_1")
    return Speke(
        url=url,
        resource_id=resource_id(plan),
        hls_systems=tuple(systems),
        dash_systems=tuple(item for item in systems if item != SYSTEM_IDS[DrmSystem.FAIRPLAY]),
        method="sample_aes" if used.scheme == Scheme.CBCS else "aes_ctr",
        certificate=certificate,
        video_preset=video,
        audio_preset=audio,
    )


def resource_id(plan: TranscodePlan) -> str:
    """The provider's content id of a plan's outputs, in the letters that SPEKE's clients may use."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", plan.prefix)


def _obstacle(used: Encryption) -> str | None:
    if used.by_segment:
        return "encrypts whole segments with keys of its operators' options only"
    if DrmSystem.CLEARKEY in used.systems:
        return "takes keys from DRM providers, and ClearKey has none"
    if used.has_fairplay_twins:
        return "has no playlists for FairPlay alone, beside those for other systems"
    return "leaves nothing in the clear: clear_lead must be 0" if used.clear_lead else None


def hls_encryption(protection: Protection) -> dict[str, Any]:
    """``HlsEncryptionSettings`` for HLS in MPEG-TS.

    :raises ConfigurationError: for a method that HLS in MPEG-TS does not have, or without a DRM system for HLS
    """
    if isinstance(protection, StaticKey):
        if protection.method == "aes_ctr":
            raise ConfigurationError("HLS in MPEG-TS has no aes_ctr. Choose aes_128 or sample_aes, or fMP4 segments.")
        method = "AES128" if protection.method == "aes_128" else "SAMPLE_AES"
        return {"EncryptionMethod": method, "Type": "STATIC_KEY", **_vector(protection), **_static(protection)}
    if not protection.hls_systems:
        raise ConfigurationError("SPEKE for HLS needs at least one system id in hls_systems.")
    return {
        "EncryptionMethod": "SAMPLE_AES",
        "Type": "SPEKE",
        "SpekeKeyProvider": {**_speke(protection), "SystemIds": list(protection.hls_systems)},
    }


def cmaf_encryption(protection: Protection) -> dict[str, Any]:
    """``CmafEncryptionSettings``.

    :raises ConfigurationError: for a method that CMAF does not have
    """
    if isinstance(protection, StaticKey):
        if protection.method == "aes_128":
            raise ConfigurationError("CMAF has no aes_128. Choose sample_aes or aes_ctr.")
        return {
            "EncryptionMethod": protection.method.upper(),
            "Type": "STATIC_KEY",
            **_vector(protection),
            **_static(protection),
        }
    systems = {"HlsSignaledSystemIds": protection.hls_systems, "DashSignaledSystemIds": protection.dash_systems}
    return {
        "EncryptionMethod": protection.method.upper(),
        "Type": "SPEKE",
        "SpekeKeyProvider": {**_speke(protection), **{name: list(ids) for name, ids in systems.items() if ids}},
    }


def dash_encryption(protection: Protection) -> dict[str, Any]:
    """``DashIsoEncryptionSettings``.

    :raises ConfigurationError: for a static key, which DASH ISO does not take, or without a DRM system for DASH
    """
    if isinstance(protection, StaticKey):
        raise ConfigurationError("DASH ISO takes keys from SPEKE only. Choose dash=cmaf for a static key.")
    if not protection.dash_systems:
        raise ConfigurationError("SPEKE for DASH needs at least one system id in dash_systems.")
    return {"SpekeKeyProvider": {**_speke(protection), "SystemIds": list(protection.dash_systems)}}


def _vector(protection: StaticKey) -> dict[str, Any]:
    if protection.initialization_vector is None:
        return {"InitializationVectorInManifest": "INCLUDE"}
    return {
        "ConstantInitializationVector": protection.initialization_vector,
        "InitializationVectorInManifest": "INCLUDE",
    }


def _static(protection: StaticKey) -> dict[str, Any]:
    return {
        "StaticKeyProvider": {
            "StaticKeyValue": protection.key.get_secret_value(),
            "Url": protection.url,
            "KeyFormat": protection.key_format,
            "KeyFormatVersions": protection.key_format_versions,
        }
    }


def _speke(protection: Speke) -> dict[str, Any]:
    provider: dict[str, Any] = {"Url": protection.url, "ResourceId": protection.resource_id}
    if protection.certificate:
        provider["CertificateArn"] = protection.certificate
    if protection.video_preset and protection.audio_preset:
        provider["EncryptionContractConfiguration"] = {
            "SpekeVideoPreset": protection.video_preset,
            "SpekeAudioPreset": protection.audio_preset,
        }
    return provider
