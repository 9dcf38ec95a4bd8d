"""The settings: one dict, ``ALHENA_TRACKING``. Each is declared once, on ``Conf``, and read through ``conf``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Generic, TypeVar, overload

from django.conf import settings
from django.core.checks import CheckMessage, Error

from alhena_tracking.contract.currencies import ACTIVE
from alhena_tracking.setting_rules import (
    COMPANY_KEY_PATTERN,
    is_between,
    is_ceilings,
    is_companies,
    is_function_or_none,
    is_integrations,
    is_none_or,
    is_texts,
    is_url_with,
)

SETTING = "ALHENA_TRACKING"

T = TypeVar("T")


class Setting(Generic[T]):
    """One key of the dict. Every read gives its present value, so ``override_settings`` works."""

    def __init__(
        self,
        default: T,
        check_id: str,
        is_valid: Callable[[Any], bool],
        hint: str,
        doc: str,
        *,
        is_secret: bool = False,
    ) -> None:
        self.default = default
        self.check_id = f"alhena_tracking.{check_id}"
        self.is_valid = is_valid
        self.hint = hint
        #: Whether no message may quote the value.
        self.is_secret = is_secret
        self.__doc__ = doc

    def __set_name__(self, owner: type[Conf], attribute: str) -> None:
        self.name = attribute.upper()

    @overload
    def __get__(self, conf: None, owner: type[Conf]) -> Setting[T]: ...
    @overload
    def __get__(self, conf: Conf, owner: type[Conf]) -> T: ...
    def __get__(self, conf: Conf | None, owner: type[Conf]) -> Setting[T] | T:
        if conf is None:
            return self
        value: T = conf.raw.get(self.name, self.default)
        return value


class Switch(Setting[bool]):
    """A setting that is off by default."""

    def __init__(self, check_id: str, doc: str) -> None:
        super().__init__(False, check_id, lambda value: isinstance(value, bool), "Use True or False.", doc)


class Choice(Setting[str]):
    """A setting that is one of ``choices``, by default the first."""

    def __init__(self, choices: tuple[str, ...], check_id: str, hint: str, doc: str) -> None:
        super().__init__(choices[0], check_id, lambda value: value in choices, hint, doc)
        self.choices = choices


def _url(placeholder: str, check_id: str, doc: str) -> Setting[str | None]:
    hint = f"Use a URL such as 'https://shop.example/{{{placeholder}}}', optionally with {{company_key}}, or None."
    return Setting(None, check_id, is_url_with(placeholder), hint, doc)


def _rate(default: str, check_id: str, doc: str) -> Setting[str | None]:
    hint = f"Use a number per s, m or h, such as {default!r}, or None."
    return Setting(default, check_id, is_none_or(r"[1-9]\d{0,8}/[smh]"), hint, doc)


def _ceilings(check_id: str, doc: str) -> Setting[Mapping[str, Decimal | int | None]]:
    hint = "Use a dict of amounts by currency, such as {'EUR': 20000}; None is no ceiling."
    return Setting({}, check_id, is_ceilings, hint, doc)


def _timeout(seconds: int, check_id: str, doc: str) -> Setting[timedelta]:
    is_valid = is_between(timedelta(milliseconds=100), timedelta(seconds=5))
    hint = f"Use a datetime.timedelta from 100 milliseconds to 5 seconds, such as timedelta(seconds={seconds})."
    return Setting(timedelta(seconds=seconds), check_id, is_valid, hint, doc)


class Conf:
    """Typed access to the settings."""

    @property
    def raw(self) -> Mapping[str, Any]:
        """What the project set, unchecked."""
        return getattr(settings, SETTING, None) or {}

    company_key = Setting[str | None](
        None,
        "E003",
        is_none_or(COMPANY_KEY_PATTERN),
        "Use a slug of lower-case letters, digits, hyphens and underscores, at most 64, such as 'acme'.",
        "Key of the company that ``migrate`` creates and the snippet names; ``None`` where templates name it.",
    )
    attribution_window = Setting(
        timedelta(hours=24),
        "E004",
        is_between(timedelta(minutes=1), timedelta(days=365)),
        "Use a datetime.timedelta from one minute to 365 days, such as timedelta(hours=24).",
        "How long after an interaction an event is still credited to it.",
    )
    attribution_model = Choice(
        ("first_touch", "last_touch"),
        "E005",
        "Use 'first_touch' or 'last_touch'.",
        "Which of several interactions is credited.",
    )
    cart_event_value = Choice(
        ("unit", "total"),
        "E006",
        "Use 'unit' where the storefront reports unit prices, 'total' where it reports price × quantity.",
        "What a cart event's ``value`` is: the unit price, or the total of what is in the cart after the action.",
    )
    line_item_value = Choice(
        ("auto", "total", "unit"),
        "E007",
        "Use 'total' where the storefront reports price × quantity, 'unit' where it reports unit prices, or 'auto'.",
        "What a line item's ``value`` is: the line's total, or the unit price. ``auto`` takes what adds up to the "
        "order's value, with or without tax, shipping and discount; else the total.",
    )
    max_age = Setting(
        timedelta(days=180),
        "E029",
        is_between(timedelta(hours=72), timedelta(days=3650)),
        "Use a datetime.timedelta from 72 hours to 10 years, such as timedelta(days=180).",
        "How late the shop's server may report an event. Orders that are known it confirms and refunds at any time.",
    )
    qualifying_interaction = Setting[str | None](
        None,
        "E008",
        is_function_or_none,
        "Use the dotted path of a function that takes an interaction and returns a bool, or None.",
        "Dotted path of ``predicate(interaction) -> bool``, called once when an interaction is recorded.",
    )
    order_id = Setting[str | None](
        None,
        "E028",
        is_function_or_none,
        "Use the dotted path of a function that takes an order id and returns it in one form, or None.",
        "Dotted path of ``function(order_id: str) -> str``, which brings the ids of orders to one form on arrival.",
    )
    product_group = Setting[str | None](
        None,
        "E039",
        is_function_or_none,
        "Use the dotted path of a function that takes a product id and returns that of its group, or None.",
        "Dotted path of ``function(product_id: str) -> str``, which maps the variants of a product to one id.",
    )
    confirmed_orders_only = Switch("E013", "Whether only orders that the shop's server confirmed count as revenue.")
    max_order_value = _ceilings(
        "E025",
        "By currency, the value above which an order that only browsers report is held back; the others have a default "
        "of about 100,000 EUR.",
    )
    max_cart_value = _ceilings(
        "E026",
        "By currency, the most that browsers' cart events of one session may add within an attribution window; the "
        "others have a default of about 100,000 EUR.",
    )
    order_url = _url("order_id", "E037", "The shop's own page of an order, linked in the admin.")
    conversation_url = _url("conversation_id", "E038", "The page of a conversation, linked in the admin.")
    counted_questions = Choice(
        ("asked", "answered"),
        "E020",
        "Use 'asked' to count every question to the Alhena widget, 'answered' to count those that it answered.",
        "When a question to the Alhena widget is an interaction: once it is asked, or once it is answered.",
    )
    read_datalayer = Switch("E021", "Whether the tracker reports the GA4 e-commerce events of ``window.dataLayer``.")
    datalayer_value = Choice(
        ("auto", "net", "as-is"),
        "E022",
        "Use 'net' where a GA4 purchase's value excludes tax and shipping, 'as-is' where it is the order's total, "
        "or 'auto'.",
        "What a GA4 purchase's ``value`` is: what its items' prices add up to decides (``auto``), net of tax and "
        "shipping, as GA4 defines it, or the order's total as is.",
    )
    default_currency = Setting[str | None](
        None,
        "E027",
        lambda value: value is None or (isinstance(value, str) and value in ACTIVE),
        "Use an ISO 4217 code in upper case, such as 'EUR', or None.",
        "Currency of what names none: GA4 events, and orders and cart events of the tag and the Python functions.",
    )
    cookie_domain = Setting[str | None](
        None,
        "E009",
        is_none_or(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"),
        "Use a domain such as 'shop.example', or None.",
        "``Domain`` of the visitor's cookie, for shops that span subdomains; ``None`` keeps it to the host.",
    )
    require_consent = Switch("E010", "Whether the tracker sends nothing until ``setConsent`` is called with ``true``.")
    respect_dnt = Switch("E011", "Whether ``DNT: 1`` opts a visitor out, as ``Sec-GPC: 1`` always does.")
    rate_limit_per_source = _rate("600/m", "E014", "How many events one address may send; ``None`` for any.")
    rate_limit_per_company = _rate(
        "60000/m",
        "E015",
        "How many events one company's visitors may send together, and as many again its server; ``None`` for any.",
    )
    rate_limit_cache = Setting(
        "default",
        "E016",
        lambda value: isinstance(value, str) and value in settings.CACHES,
        "Use the alias of one of the project's CACHES, such as 'default'.",
        "Alias of the cache in which all processes count events for the rate limits.",
    )
    trusted_proxies = Setting[int | None](
        None,
        "E017",
        lambda value: value is None or (type(value) is int and 0 <= value <= 10),
        "Use the number of your own proxies that append to X-Forwarded-For, such as 1; 0 where there is none.",
        "How many of the shop's own proxies append to ``X-Forwarded-For``; ``None`` if unknown.",
    )
    integrations = Setting[Mapping[str, Mapping[str, Mapping[str, Any]]]](
        {},
        "E030",
        is_integrations,
        'Use {"company key": {"shopify": {"SECRETS": ["…"]}}}, with one or two secrets, and optionally SHOP, '
        "ORDERS_COUNT_ONCE ('placed' or 'paid'), API_KEY and API_SECRET.",
        "By company key and platform, what the admin's shop connections hold otherwise: the secrets of webhooks.",
        is_secret=True,
    )
    export_storage = Setting(
        "default",
        "E036",
        lambda value: isinstance(value, str) and value in settings.STORAGES,
        "Use the alias of one of the project's STORAGES, such as 'default'.",
        "Alias of the storage, shared by all servers, for files that are made in the background.",
    )
    lock_timeout = _timeout(2, "E018", "How long an event waits for a database lock before it is answered 503.")
    statement_timeout = _timeout(
        4, "E019", "How long all database statements of one request may take together before it is answered 503."
    )
    oscar_product_id = Setting[str | None](
        None,
        "E032",
        is_function_or_none,
        "Use the dotted path of a function that takes a product and its stock record or None, or None.",
        "Dotted path of ``function(product, stockrecord) -> str`` for a product's id in django-oscar; ``None`` takes "
        "the UPC, else the partner's SKU.",
    )
    oscar_companies = Setting[Mapping[int | str, str]](
        {},
        "E033",
        is_companies,
        "Use a dict of company keys by a site's id or domain, such as {'shop.example': 'acme'}.",
        "By id or domain of django-oscar's site, the key of its company; other sites are ``COMPANY_KEY``.",
    )
    oscar_cancelled_statuses = Setting[Collection[str]](
        (),
        "E034",
        is_texts,
        "Use a list of names of order statuses, such as ['Cancelled'].",
        "The statuses in which an order of django-oscar is cancelled.",
    )
    oscar_refund_events = Setting[Collection[str]](
        (),
        "E035",
        is_texts,
        "Use a list of names of payment event types, such as ['Refunded'].",
        "The payment events of django-oscar that are refunds, in place of payment transactions.",
    )
    debug = Switch("E012", "Whether the tracker logs the result of every event on the console.")


conf = Conf()
SETTINGS: Mapping[str, Setting[Any]] = {
    setting.name: setting for setting in vars(Conf).values() if isinstance(setting, Setting)
}


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Check that the dict has known keys with valid values only. A system check."""
    configured = conf.raw
    if not isinstance(configured, Mapping):
        hint = f'{SETTING} = {{"COMPANY_KEY": "acme"}}'
        return [Error(f"{SETTING} must be a dict.", hint=hint, id="alhena_tracking.E001")]
    hint = "Known keys: " + ", ".join(sorted(SETTINGS)) + "."
    unknown = [
        Error(f"{SETTING} has an unknown key {name!r}.", hint=hint, id="alhena_tracking.E002")
        for name in configured
        if name not in SETTINGS
    ]
    wrong = [
        Error(
            f"{SETTING}[{name!r}] is {'not valid' if setting.is_secret else repr(configured[name])}.",
            hint=setting.hint,
            id=setting.check_id,
        )
        for name, setting in SETTINGS.items()
        if name in configured and not setting.is_valid(configured[name])
    ]
    return [*unknown, *wrong]
