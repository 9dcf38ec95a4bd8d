"""The settings: one dict, ``ALHENA_TRACKING``, read through ``conf``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings

SETTING = "ALHENA_TRACKING"

DEFAULTS: Mapping[str, Any] = {
    "COMPANY_KEY": None,
    "ATTRIBUTION_WINDOW": timedelta(hours=24),
    "ATTRIBUTION_MODEL": "first_touch",
    "CART_EVENT_VALUE": "unit",
    "LINE_ITEM_VALUE": "total",
    "QUALIFYING_INTERACTION": None,
    "CONFIRMED_ORDERS_ONLY": False,
    "COUNTED_QUESTIONS": "asked",
    "READ_DATALAYER": False,
    "DATALAYER_VALUE": "net",
    "COOKIE_DOMAIN": None,
    "REQUIRE_CONSENT": False,
    "RESPECT_DNT": False,
    "RATE_LIMIT_PER_SOURCE": "600/m",
    "RATE_LIMIT_PER_COMPANY": "60000/m",
    "RATE_LIMIT_CACHE": "default",
    "TRUSTED_PROXIES": None,
    "LOCK_TIMEOUT": timedelta(seconds=2),
    "STATEMENT_TIMEOUT": timedelta(seconds=4),
    "DEBUG": False,
}


class Conf:
    """Live, typed access to the settings: every read sees the present value, so ``override_settings`` works."""

    @property
    def raw(self) -> Mapping[str, Any]:
        """What the project wrote into its settings, unchecked (the system checks say what is wrong with it)."""
        return getattr(settings, SETTING, None) or {}

    def _get(self, name: str) -> Any:
        return self.raw.get(name, DEFAULTS[name])

    @property
    def company_key(self) -> str | None:
        """Key of the company that ``migrate`` makes and that the snippet names; ``None`` where templates name it."""
        key: str | None = self._get("COMPANY_KEY")
        return key

    @property
    def attribution_window(self) -> timedelta:
        """How long after an interaction an event is still credited to it."""
        window: timedelta = self._get("ATTRIBUTION_WINDOW")
        return window

    @property
    def attribution_model(self) -> str:
        """``"first_touch"`` or ``"last_touch"``: which of several interactions is credited."""
        model: str = self._get("ATTRIBUTION_MODEL")
        return model

    @property
    def cart_event_value(self) -> str:
        """What a cart event's ``value`` is: the ``"unit"`` price or the ``"total"`` of what is left."""
        basis: str = self._get("CART_EVENT_VALUE")
        return basis

    @property
    def line_item_value(self) -> str:
        """What a line item's ``value`` is: the ``"unit"`` price, or the line's ``"total"``."""
        basis: str = self._get("LINE_ITEM_VALUE")
        return basis

    @property
    def qualifying_interaction(self) -> str | None:
        """Dotted path of ``predicate(interaction) -> bool``, asked once when an interaction is recorded."""
        path: str | None = self._get("QUALIFYING_INTERACTION")
        return path

    @property
    def confirmed_orders_only(self) -> bool:
        """Whether only orders that the shop's server confirmed count as revenue."""
        return bool(self._get("CONFIRMED_ORDERS_ONLY"))

    @property
    def counted_questions(self) -> str:
        """When a question to the real Alhena widget is an interaction: once it is ``"asked"``, or ``"answered"``."""
        moment: str = self._get("COUNTED_QUESTIONS")
        return moment

    @property
    def read_datalayer(self) -> bool:
        """Whether the tracker reports the GA4 e-commerce events of ``window.dataLayer``."""
        return bool(self._get("READ_DATALAYER"))

    @property
    def datalayer_value(self) -> str:
        """What a GA4 purchase's ``value`` is: ``"net"`` of tax and shipping, as in GA4, or the total ``"as-is"``."""
        basis: str = self._get("DATALAYER_VALUE")
        return basis

    @property
    def cookie_domain(self) -> str | None:
        """``Domain`` of the visitor's cookie, for shops that span subdomains; ``None`` keeps it to the host."""
        domain: str | None = self._get("COOKIE_DOMAIN")
        return domain

    @property
    def require_consent(self) -> bool:
        """Whether the tracker holds everything back until ``setConsent`` is called with ``true``."""
        return bool(self._get("REQUIRE_CONSENT"))

    @property
    def respect_dnt(self) -> bool:
        """Whether ``DNT: 1`` counts as a refusal, as ``Sec-GPC: 1`` always does."""
        return bool(self._get("RESPECT_DNT"))

    @property
    def rate_limit_per_source(self) -> str | None:
        """How many events one address may send, such as ``"600/m"`` (per ``s``, ``m`` or ``h``); ``None``: any."""
        limit: str | None = self._get("RATE_LIMIT_PER_SOURCE")
        return limit

    @property
    def rate_limit_per_company(self) -> str | None:
        """How many events one company's visitors may send together; ``None``: any."""
        limit: str | None = self._get("RATE_LIMIT_PER_COMPANY")
        return limit

    @property
    def rate_limit_cache(self) -> str:
        """Alias of the cache that the processes share to count events."""
        alias: str = self._get("RATE_LIMIT_CACHE")
        return alias

    @property
    def trusted_proxies(self) -> int | None:
        """How many proxies of the shop's own stand before it and append to ``X-Forwarded-For``; ``None``: not said."""
        hops: int | None = self._get("TRUSTED_PROXIES")
        return hops

    @property
    def lock_timeout(self) -> timedelta:
        """How long an event waits for a lock in the database before it is answered 503."""
        timeout: timedelta = self._get("LOCK_TIMEOUT")
        return timeout

    @property
    def statement_timeout(self) -> timedelta:
        """How long the database may take over one request, all its statements together, before it is answered 503."""
        timeout: timedelta = self._get("STATEMENT_TIMEOUT")
        return timeout

    @property
    def debug(self) -> bool:
        """Whether the tracker says on the console what became of every event."""
        return bool(self._get("DEBUG"))


conf = Conf()
