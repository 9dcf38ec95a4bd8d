"""A shop system that sends signed webhooks: what an integration declares, and the register of integrations."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext_lazy as _

from alhena_tracking.integrations.mapping import MapPayload

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = _StrPromise | str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectStep:
    """A step of the page *Connect*: what to do, code to copy, and what has arrived once it is done.

    In ``code``, ``$webhook_url``, ``$company_key``, ``$static_url`` (where the tracker's scripts are, ending in ``/``)
    and ``$endpoint`` (what the tracker's ``data-endpoint`` is, as a full URL) are filled in. The step is done once a
    delivery of one of ``topics``, or an event of one of ``methods`` (such as ``sendInteraction``), has arrived in the
    last 30 days.
    """

    title: Text
    text: Text
    code: str = ""
    topics: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    def code_for(self, **values: str) -> str:
        return Template(self.code).safe_substitute(values)


class Platform:
    """A shop system. A subclass states its headers and topics, and is registered by ``register``.

    ``topics`` maps each topic to the function that maps its payloads. Payloads of other topics are counted as
    ``unknown_topic``.
    """

    #: In the webhook's URL, lower case, at most 16 characters.
    name: ClassVar[str]
    title: ClassVar[str]
    topics: ClassVar[Mapping[str, MapPayload]]
    steps: ClassVar[Sequence[ConnectStep]] = ()
    #: Where staff find the signing secret.
    secret_hint: ClassVar[Text] = _("The secret that the platform signs its webhooks with.")
    #: Whether the company chooses if an order counts once it is placed, or once it is paid.
    has_unpaid_orders: ClassVar[bool] = True
    #: Whether orders can also be fetched from the shop's own API, with a key and a secret of it.
    has_api: ClassVar[bool] = False

    signature_header: ClassVar[str]
    topic_header: ClassVar[str]
    #: Without one, deliveries are de-duplicated by their bodies.
    delivery_id_header: ClassVar[str] = ""
    #: The domain or URL of the shop, and the time at which the delivery was triggered (ISO 8601).
    shop_header: ClassVar[str] = ""
    triggered_at_header: ClassVar[str] = ""

    def is_signed(self, body: bytes, signature: str, secrets: Iterable[str]) -> bool:
        """Return whether one of the secrets signed ``body``: by default HMAC-SHA256 in Base64."""
        signatures = [b64encode(hmac.digest(secret.encode(), body, "sha256")) for secret in secrets]
        # Compare all of them, so that the time taken reveals nothing.
        matches = [hmac.compare_digest(each, signature.encode()) for each in signatures]
        return any(matches)

    def is_ping(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether an unsigned request only tries if the URL answers. Nothing is done with it."""
        return False


_registered: dict[str, Platform] = {}


def register(platform: type[Platform]) -> type[Platform]:
    """Serve the platform's webhooks. Call it in ``AppConfig.ready``."""
    _registered[platform.name] = platform()
    return platform


def find_platform(name: str) -> Platform | None:
    return _registered.get(name)


def all_platforms() -> list[Platform]:
    """Return the registered platforms by title."""
    return sorted(_registered.values(), key=lambda platform: platform.title)
