"""Notification channels of tenants: named ``tenant/channel``, their secrets sealed, their addresses public."""

from __future__ import annotations

from urllib.parse import urlsplit

from vodflow.catalog import tenants
from vodflow.catalog.database import acting_for, transaction
from vodflow.errors import ConfigurationError
from vodflow.network.public_http import addresses
from vodflow.settings import Settings
from vodflow.settings.channels import SlackChannel, WebhookChannel
from vodflow.tenancy.configuration import OwnSlack, OwnWebhook, read
from vodflow.tenancy.effective import own_secrets

#: Names private places that tenants' channels may lead to.
_SETTING = "VODFLOW_TENANT_PRIVATE_HOSTS"

_PORTS = {"http": 80, "https": 443}


def own_channels(tenant: str, settings: Settings) -> tuple[OwnSlack | OwnWebhook, ...]:
    """A tenant's channels with their secrets, under the names by which deliveries know them.

    :param tenant: slug
    :raises ConfigurationError: a secret cannot be opened
    :raises CatalogUnavailable: the catalog does not answer
    """
    with acting_for(None), transaction("tenancy", settings) as connection:
        row = tenants.find_configuration(connection, tenant)
    if row is None or not row.document["channels"]:
        return ()
    found = read(row.document, own_secrets(row, settings)).channels
    return tuple(one.model_copy(update={"name": f"{tenant}/{one.name}"}) for one in found)


def is_own(channel: object) -> bool:
    """Whether a channel is a tenant's, and so trusted with less."""
    return isinstance(channel, OwnSlack | OwnWebhook)


def public_address(url: str, settings: Settings) -> str:
    """An address to connect to for a URL that a tenant named.

    :raises ConfigurationError: it leads into a private network, or nowhere
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        return addresses(host, port, settings.tenant_private_hosts, _SETTING)[0]
    except OSError as error:
        raise ConfigurationError(f"The URL of a channel leads nowhere that a tenant may send to: {error}") from error


def check_addresses(channels: tuple[SlackChannel | WebhookChannel, ...], settings: Settings) -> None:
    """See that channels lead to public addresses.

    :raises ConfigurationError: naming the first that does not
    """
    for channel in channels:
        try:
            public_address(channel.url.get_secret_value(), settings)
        except ConfigurationError as error:
            raise ConfigurationError(f"Channel {channel.name}: {error}") from error
