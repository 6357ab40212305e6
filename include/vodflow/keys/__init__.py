"""Key services: who makes the keys of encrypted videos, and keeps them for those who may have them."""

from vodflow.keys.service import adopt_keys, content_keys, licensed_keys, stored_keys

__all__ = ["adopt_keys", "content_keys", "licensed_keys", "stored_keys"]
