"""The endpoints of staff's JSON: what drf-spectacular cannot see in their views and serializers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from alhena_tracking.api.errors import WORDS
from alhena_tracking.api.schema import staff_examples
from alhena_tracking.api.schema.answers import Answers, errors_object, rejection
from alhena_tracking.api.schema.bodies import PREFIX, Schema
from alhena_tracking.api.staff import pages, views
from alhena_tracking.api.staff.report_form import MOST_PRODUCTS, PRODUCTS
from alhena_tracking.models import CartEvent, Channel, Trust
from alhena_tracking.reports import Comparison, Grain, Preset, Section
from alhena_tracking.reports.forms import MOST_DAYS, ON
from alhena_tracking.reports.sums import PRODUCT_RANKS

TOKEN_SCHEME = "alhenaToken"  # noqa: S105
SESSION_SCHEME = "alhenaSession"

_TEXT: Schema = {"type": "string"}
_DAY: Schema = {"type": "string", "format": "date"}


def _enum(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


#: The description and the schema of each parameter.
PARAMETERS: dict[str, tuple[str, Schema]] = {
    "company": ("The key of a company. Without it: the report's first one, or the rows of all.", _TEXT),
    "currency": (
        "An ISO 4217 code. Without it: the company's main one or the busiest of the report, or the rows of all.",
        {"type": "string", "pattern": "^[A-Z]{3}$"},
    ),
    "channel": ("What was credited: a chat, a product FAQ or a nudge.", _enum(*Channel.values)),
    "profile": ("The AI profile.", _TEXT),
    "trust": ("Who reported it: a browser, or the shop's server.", _enum(*Trust.values)),
    "grain": (
        "By what the rows of the report are added up (default: day). Weeks begin on Mondays.",
        _enum(*Grain.values),
    ),
    "compare": (
        "What the report is compared with (default: previous). `chosen` needs `compare_start`.",
        _enum(*Comparison.values),
    ),
    "compare_start": ("The first day of the chosen period, which is earlier than that of the report.", _DAY),
    "compare_end": ("Its last day. Without it, it is as long as that of the report.", _DAY),
    "complete": ("Leaves today out, unless no day would be left.", _enum(ON)),
    "convert": ("Adds up all currencies in the company's main one, too, as `conversion`.", _enum(ON)),
    "show": ("A part of the page that is read on request: under its name, null without it.", _enum(*Section.values)),
    "range": ("Days relative to today, by the company's clock (default: last_30_days).", _enum(*Preset.values)),
    "limit": (
        f"How many products the report has (default: {PRODUCTS}).",
        {"type": "integer", "minimum": 1, "maximum": MOST_PRODUCTS},
    ),
    "order": (
        f"By which sum the products are ordered, descending (default: {PRODUCT_RANKS[0]}).",
        _enum(*PRODUCT_RANKS),
    ),
    "start": (f"The first day, included. A report needs `end`, too, and spans at most {MOST_DAYS} days.", _DAY),
    "end": ("The last day, included.", _DAY),
    "order_id": ("The shop's id of the order.", _TEXT),
    "has_conflict": ("Whether reports of the order disagree.", _enum("true", "false")),
    "is_excluded": ("Whether staff have excluded the order or its session.", _enum("true", "false")),
    "is_counted": ("Whether the report counts the order.", _enum("true", "false")),
    "type": ("What happened to the cart.", _enum(*CartEvent.Type.values)),
    "product_id": ("The shop's id of the product.", _TEXT),
    "has_order": ("Whether the session has an order that the report counts.", _enum("true", "false")),
    "page_size": (
        f"How many rows a page has (default: {pages.PAGE_SIZE}).",
        {"type": "integer", "minimum": 1, "maximum": pages.MOST_ROWS},
    ),
    "cursor": ("Where the page begins. Follow `next` of the previous page instead of making one.", _TEXT),
}


#: The error answer of each status.
ERROR_ANSWERS = {
    400: Answers(
        "A parameter is unknown, given twice or invalid. Lists all errors.",
        (rejection("StaffInvalid", WORDS[400], "invalid_choice", "“SMS” is not a channel.", "channel"),),
    ),
    401: Answers(
        "Nobody is logged in, and there is no valid token.",
        (
            rejection(
                "StaffUnauthorized", WORDS[401], "not_authenticated", "Authentication credentials were not provided."
            ),
        ),
    ),
    403: Answers(
        "The user is not staff, or lacks the permission.",
        (
            rejection(
                "StaffForbidden", WORDS[403], "permission_denied", "You do not have permission to perform this action."
            ),
        ),
    ),
    404: Answers(
        "There is no company that the user may see.",
        (rejection("StaffNotFound", WORDS[404], "not_found", "There is nothing here that you may see."),),
    ),
    405: Answers(
        "Any method but GET, HEAD and OPTIONS.",
        (rejection("StaffMethodNotAllowed", WORDS[405], "method_not_allowed", 'Method "POST" not allowed.'),),
    ),
    503: Answers(
        "The database cannot answer now.",
        (
            rejection(
                "StaffUnavailable", WORDS[503], "unavailable", "The database cannot answer now. Please ask again."
            ),
        ),
    ),
}


def error_components() -> dict[str, Schema]:
    """Return the schemas of the error answers by name."""
    return {
        f"{PREFIX}{answer.component}": errors_object(WORDS[status], _TEXT, _TEXT)
        for status, error in ERROR_ANSWERS.items()
        for answer in error.answers
    }


def security_schemes() -> dict[str, Schema]:
    return {
        TOKEN_SCHEME: {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …`, of REST framework's authtoken, where the project has installed it.",
        },
        SESSION_SCHEME: {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of staff who are logged in.",
        },
    }


@dataclass(frozen=True)
class StaffOperation:
    name: str
    summary: str
    description: str
    example: Callable[[], dict[str, Any]]
    errors: tuple[int, ...] = (400, 401, 403, 405, 503)


#: The operation of each view.
STAFF_OPERATIONS: dict[type[views.StaffView], StaffOperation] = {
    views.RevenueImpactView: StaffOperation(
        name="alhenaRevenueImpact",
        summary="The figures of Revenue impact",
        description="The numbers of the report's page, with the same parameters.",
        example=staff_examples.report,
        errors=tuple(ERROR_ANSWERS),
    ),
    views.OrdersView: StaffOperation(
        name="alhenaOrders",
        summary="Orders, the latest first",
        description="With `is_counted=true`, those that the report counts.",
        example=staff_examples.orders,
    ),
    views.CartEventsView: StaffOperation(
        name="alhenaCartEvents",
        summary="Changes of carts, the latest first",
        description="What each is worth in its cart is `gmv_minor`.",
        example=staff_examples.cart_events,
    ),
    views.SessionsView: StaffOperation(
        name="alhenaSessions",
        summary="Visitors' sessions, the latest first",
        description="Those in which the assistant was used.",
        example=staff_examples.sessions,
    ),
}
