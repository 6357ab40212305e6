"""Key services: who makes the keys of encrypted videos, and keeps them for those who may have them."""

from vodflow.keys.service import content_keys, licensed_keys

__all__ = ["content_keys", "licensed_keys"]
