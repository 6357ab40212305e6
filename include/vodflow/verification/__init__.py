"""Verification of outputs before anything is published; see ``docs/verification.md``."""

from vodflow.verification.result import MeasuredRendition, Verification
from vodflow.verification.rules import Rule, rules_table
from vodflow.verification.store import DirectoryStore, ObjectStore, S3Store
from vodflow.verification.verify import verify

__all__ = [
    "DirectoryStore",
    "MeasuredRendition",
    "ObjectStore",
    "Rule",
    "S3Store",
    "Verification",
    "rules_table",
    "verify",
]
