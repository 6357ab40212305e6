"""Queues, job templates and presets in the store: named documents with a category and a creation time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from local_mediaconvert.arns import Account, plain_name
from local_mediaconvert.errors import ApiError, bad_request, conflict, not_found
from local_mediaconvert.jobs.store import Store
from local_mediaconvert.wire import page_position, page_token

PAGE: Final = 20
_LONGEST_NAME: Final = 255

Document = dict[str, Any]

#: Kind of resource (as in its ARN) → what messages call it.
KINDS: Final = {"queues": "queue", "jobTemplates": "job template", "presets": "preset"}


class Resources:
    """All resources of one kind.

    :param kind: one of :data:`KINDS`
    :param system: documents that are always there and cannot be changed
    """

    def __init__(self, store: Store, account: Account, kind: str, system: Mapping[str, Document] | None = None) -> None:
        self._store = store
        self._account = account
        self.kind = kind
        self._system = system or {}

    def find(self, reference: str) -> Document | None:
        """The document of a name or ARN; none when there is none."""
        name = plain_name(reference, self.kind)
        row = self._store.row("SELECT document FROM resource WHERE kind = ? AND name = ?", self.kind, name)
        if row is None:
            return self._of_system(name) if name in self._system else None
        found: Document = json.loads(row["document"])
        return found

    def get(self, reference: str) -> Document:
        """The document of a name or ARN.

        :raises ApiError: there is none
        """
        found = self.find(reference)
        if found is None:
            raise not_found(f"The {KINDS[self.kind]} {reference}")
        return found

    def create(self, document: Mapping[str, Any]) -> Document:
        """Store a new document; adds ARN, type and times.

        :raises ApiError: the name is taken
        """
        name, now = document["name"], time.time()
        if not name.strip() or len(name) > _LONGEST_NAME:
            raise bad_request(f"/name: Should have 1 to {_LONGEST_NAME} characters")
        whole = {
            **document,
            "arn": self._account.arn(self.kind, name),
            "type": "CUSTOM",
            "createdAt": int(now),
            "lastUpdated": int(now),
        }
        with self._store.transaction() as db:
            if self.find(name) is not None:
                raise conflict(f"The {KINDS[self.kind]} {name} exists already.")
            db.execute(
                "INSERT INTO resource VALUES (?, ?, ?, ?, ?)",
                (self.kind, name, document.get("category"), now, json.dumps(whole)),
            )
        return whole

    def update(self, reference: str, changes: Mapping[str, Any]) -> Document:
        """Replace members of a document.

        :raises ApiError: there is none, or it belongs to the system
        """
        with self._store.transaction() as db:
            whole = {**self._own(reference), **changes, "lastUpdated": int(time.time())}
            db.execute(
                "UPDATE resource SET document = ?, category = ? WHERE kind = ? AND name = ?",
                (json.dumps(whole), whole.get("category"), self.kind, whole["name"]),
            )
        return whole

    def delete(self, reference: str) -> None:
        """Remove a document and its tags.

        :raises ApiError: there is none, or it belongs to the system
        """
        with self._store.transaction() as db:
            whole = self._own(reference)
            db.execute("DELETE FROM resource WHERE kind = ? AND name = ?", (self.kind, whole["name"]))
            db.execute("DELETE FROM tag WHERE arn = ?", (whole["arn"],))

    def page(
        self,
        *,
        by: str = "NAME",
        descending: bool = False,
        category: str | None = None,
        size: int | None = None,
        token: str | None = None,
    ) -> tuple[list[Document], str | None]:
        """One page of documents, and the token of the next.

        :param by: NAME, CREATION_DATE, or SYSTEM for those of the system, by name
        """
        size = min(size or PAGE, PAGE)
        found = self._all(category, system=by == "SYSTEM")
        keyed = [((created if by == "CREATION_DATE" else 0.0, name), item) for name, created, item in found]
        keyed.sort(key=lambda pair: pair[0], reverse=descending)
        position = page_position(token)
        if position:
            mark = (position[0], position[1])
            keyed = [pair for pair in keyed if (pair[0] < mark if descending else pair[0] > mark)]
        more = page_token(*keyed[size - 1][0]) if len(keyed) > size else None
        return [
            json.loads(item) if isinstance(item, str) else self._of_system(key[1]) for key, item in keyed[:size]
        ], more

    def _all(self, category: str | None, *, system: bool) -> list[tuple[str, float, str | None]]:
        if system:
            return [
                (name, 0.0, None)
                for name, item in self._system.items()
                if category is None or item.get("category") == category
            ]
        rows = self._store.rows("SELECT name, category, created, document FROM resource WHERE kind = ?", self.kind)
        return [
            (row["name"], row["created"], row["document"])
            for row in rows
            if category is None or row["category"] == category
        ]

    def _of_system(self, name: str) -> Document:
        return {
            "arn": self._account.arn(self.kind, name), "type": "SYSTEM", "name": name, "createdAt": 0,
            "lastUpdated": 0, **self._system[name],
        }  # fmt: skip

    def _own(self, reference: str) -> Document:
        document = self.get(reference)
        if document["name"] in self._system:
            raise ApiError("ForbiddenException", f"The system {KINDS[self.kind]} {document['name']} cannot be changed.")
        return document
