"""Which catalog, AWS and Airflow a command works with: the running embedded stack's, or those that the shell names."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Final

from vodflow.errors import StackError

_CATALOG: Final = "VODFLOW_CATALOG_URL"

#: Variables of the shell that do not belong to the stack and could lead away from it.
_OTHERS: Final = ("AIRFLOW_", "AWS_", "PG", "VODFLOW_", "_AIRFLOW_")


@dataclass(frozen=True)
class Joined:
    """What joining the stack did to the shell's own variables.

    :param aside: those that the stack has not, and the command therefore neither
    :param overruled: settings of ours that differ from the running stack's
    """

    aside: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()

    def tell(self) -> None:
        """Say on standard error that the running stack's settings count."""
        if self.overruled:
            sys.stderr.write(
                f"vodflow: the running stack's settings count, not this shell's {', '.join(self.overruled)}; "
                "`vodflow down` and `vodflow up` take them over.\n"
            )


def join_stack() -> Joined:
    """Work with this checkout's embedded stack when it runs and the shell names no other catalog.

    Its settings are then the running stack's, and the shell's own are left aside, so that a command changes what the
    stack would, tells whom it would, and reaches no other AWS account.
    """
    if "VODFLOW_STACK_ID" in os.environ:  # a part of the stack, or its task
        return Joined()
    from vodflow.stack.home import Home  # noqa: PLC0415 - not needed inside the stack

    home = Home.default()
    if not home.is_supervised():
        return Joined()
    from vodflow.stack.environment import client_environment  # noqa: PLC0415

    wanted = client_environment(home)
    if os.environ.get(_CATALOG, wanted[_CATALOG]) != wanted[_CATALOG]:
        return Joined()
    aside = sorted(name for name in os.environ if name.startswith(_OTHERS) and name not in wanted)
    changed = [name for name, value in wanted.items() if os.environ.get(name, value) != value]
    overruled = sorted(name for name in (*changed, *aside) if name.startswith("VODFLOW_"))
    for name in aside:
        del os.environ[name]
    os.environ.update(wanted)
    return Joined(tuple(aside), tuple(overruled))


def require_catalog() -> None:
    """See that the stack was joined, or that the shell names where to work; nothing turns to AWS by itself.

    :raises StackError: neither
    :raises ConfigurationError: a setting is wrong, the catalog's address among them
    """
    if not os.environ.get(_CATALOG):
        raise StackError(
            "The embedded stack is down; start it with `vodflow up`. To work with another catalog, and with AWS, set "
            f"{_CATALOG}."
        )
    from vodflow.catalog.database import parse_url  # noqa: PLC0415 - slow to import, and not needed by all
    from vodflow.settings import get_settings  # noqa: PLC0415

    parse_url(get_settings().catalog_url.get_secret_value())
