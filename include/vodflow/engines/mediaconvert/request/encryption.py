"""Encryption of the segmented groups: from one option to each group's own fields."""

from __future__ import annotations

from typing import Any

from vodflow.errors import ConfigurationError
from vodflow.settings.encode_options import Speke, StaticKey

Protection = StaticKey | Speke


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
