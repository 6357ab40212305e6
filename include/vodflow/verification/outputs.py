"""A job's outputs as verification sees them: one listing, parallel reads, and errors that name the object."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NoReturn, Self, TypeVar

from vodflow.errors import VerificationError
from vodflow.verification.rules import Rule
from vodflow.verification.store import ObjectStore, join_key

#: Reads in flight. Latency-bound, and within the connection pool of the project's S3 client.
READERS = 16

T = TypeVar("T")
R = TypeVar("R")


class Outputs:
    """Everything below one prefix. Names are relative to the prefix.

    :param sizes: bytes by name, listed once
    """

    def __init__(self, store: ObjectStore, bucket: str, prefix: str) -> None:
        self._store = store
        self._bucket = bucket
        self._prefix = prefix
        self.sizes = store.sizes(bucket, prefix)
        self._cache: dict[str, bytes] = {}
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="verify")

    def uri(self, name: str) -> str:
        """How messages name the object."""
        return self._store.uri(self._bucket, join_key(self._prefix, name))

    def fail(self, name: str, rule: Rule, message: str) -> NoReturn:
        """Refuse the outputs.

        :raises VerificationError: always, naming the object, the rule and what was found
        """
        uri = self.uri(name)
        raise VerificationError(f"{uri} breaks {rule.value}: {message}", uri=uri, rule=rule.value)

    def require(self, condition: object, name: str, rule: Rule, message: str) -> None:
        """:meth:`fail` unless the condition holds."""
        if not condition:
            self.fail(name, rule, message)

    @contextmanager
    def parsing(self, name: str, rule: Rule) -> Iterator[None]:
        """Turn a parser's ``ValueError`` into a broken rule of this object."""
        try:
            yield
        except (ValueError, IndexError, KeyError, struct.error) as error:
            self.fail(name, rule, str(error) or type(error).__name__)

    def size(self, name: str) -> int:
        """Bytes of an object that must be there.

        :raises VerificationError: when it is missing or empty
        """
        if name not in self.sizes:
            self.fail(name, Rule.OBJECT_PRESENT, "it does not exist")
        if not self.sizes[name]:
            self.fail(name, Rule.OBJECT_PRESENT, "it is empty")
        return self.sizes[name]

    def read(self, name: str) -> bytes:
        """The whole object, kept: for what is small or read again."""
        if name not in self._cache:
            self.size(name)
            self._cache[name] = self._fetch(name, 0, None)
        return self._cache[name]

    def fetch(self, name: str) -> bytes:
        """The whole object; from the kept copy where there is one, but not kept."""
        return self._cache[name] if name in self._cache else self._fetch(name, 0, self.size(name))

    def prefetch(self, names: Iterable[str]) -> None:
        """Keep whole objects that exist, read in parallel: one wave of requests for all that is small."""
        self.map(self.read, [name for name in dict.fromkeys(names) if self.sizes.get(name)])

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """A part of the object, from the kept copy where there is one."""
        if name in self._cache:
            return self._cache[name][start : start + length]
        self.size(name)
        return self._fetch(name, start, length)

    def _fetch(self, name: str, start: int, length: int | None) -> bytes:
        try:
            return self._store.read(self._bucket, join_key(self._prefix, name), start, length)
        except FileNotFoundError:
            self.fail(name, Rule.OBJECT_PRESENT, "it disappeared while it was verified")
        except ValueError as error:  # it cannot be opened
            self.fail(name, Rule.ENCRYPTED, str(error))

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Apply a reading function to all items in parallel, in order; the first error wins."""
        futures = [self._pool.submit(function, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def begin(self, function: Callable[[], R]) -> Future[R]:
        """Start other reading beside what follows; its end is waited for with that of the outputs."""
        return self._pool.submit(function)

    def __enter__(self) -> Self:
        """Start reading threads on demand."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Drop what is kept and end the reading threads."""
        self._pool.shutdown(cancel_futures=True)
        self._cache.clear()
