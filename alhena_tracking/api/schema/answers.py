"""The answers of the ingestion endpoints: a strict schema and an example of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any

from alhena_tracking.api.schema.bodies import Schema, one_of, ref, variants
from alhena_tracking.contract import limits, normaliser, rules

#: Why a valid event is not recorded.
REASONS = {
    "no_interaction": "The visitor has not used the assistant within the attribution window.",
    "privacy_signal": "The visitor's browser asks not to be tracked.",
    "bot": "The user agent is a bot.",
    "test": "The request says that it is a test by the shop's own people.",
    "unknown_order": "No such order is known (yet); the refund waits for it.",
    "exceeds_order": "The refunds would be more than the order; this one waits for a correction.",
    "too_many_claims": "The visitor's browser has reported too many orders that the shop's server has not confirmed.",
    "above_ceiling": "A browser's cart event is worth more than the ceiling of its currency.",
}

#: The error codes of an invalid request: those of the rules for JSON, and that of a body that is not JSON.
INVALID_CODES = (*(code for code in rules.MESSAGES if code not in normaliser.CODES), "parse_error")

_EVENT_ID = "3f2c8a5e-0b1d-4c9e-9a76-5d0e8f4b7c21"


@dataclass(frozen=True)
class Answer:
    """One of the answers under a status code: its component's name, and an example of it."""

    component: str
    example: dict[str, Any]

    @property
    def word(self) -> str:
        return str(self.example.get("reason") or self.example.get("status") or "results")


@dataclass(frozen=True)
class Answers:
    """All answers of an endpoint under one status code."""

    description: str
    answers: tuple[Answer, ...]
    headers: dict[str, Schema] = dataclass_field(default_factory=dict)

    def schema(self) -> Schema:
        names = {str(answer.example.get("status", "")): answer.component for answer in self.answers}
        return ref(*names.values()) if len(names) == 1 else variants("status", names)

    def response(self) -> Schema:
        """Return the OpenAPI response."""
        examples = {answer.word: {"value": answer.example} for answer in self.answers}
        response: Schema = {
            "description": self.description,
            "content": {"application/json": {"schema": self.schema(), "examples": examples}},
        }
        return response | ({"headers": self.headers} if self.headers else {})


def rejection(component: str, status: str, code: str, message: str, path: str = "") -> Answer:
    return Answer(component, {"status": status, "errors": [{"field": path, "code": code, "message": message}]})


def ignored(component: str, *reasons: str) -> tuple[Answer, ...]:
    return tuple(Answer(component, {"status": "ignored", "reason": reason}) for reason in reasons)


RECORDED = Answer("Recorded", {"status": "recorded", "id": _EVENT_ID})
DUPLICATE = Answer("Duplicate", {"status": "duplicate"})
CONFIRMED = Answer("Confirmed", {"status": "confirmed"})
CORRECTED = Answer("Corrected", {"status": "corrected"})
PENDING = Answer("Pending", {"status": "pending"})
HELD = Answer("Held", {"status": "held"})
INTERACTION_IGNORED = ignored("InteractionIgnored", "privacy_signal", "bot", "test")
EVENT_IGNORED = ignored(
    "EventIgnored", "no_interaction", "privacy_signal", "bot", "test", "above_ceiling", "too_many_claims"
)
REFUND_IGNORED = ignored("RefundIgnored", "unknown_order", "exceeds_order")
RESULT_IGNORED = tuple(replace(answer, component="ResultIgnored") for answer in (*EVENT_IGNORED, *REFUND_IGNORED))
INVALID = rejection("Invalid", "invalid", "wrong_type", "Expected number, got string.", "value")
RESULTS = Answer(
    "Results",
    {
        "results": [
            RECORDED.example,
            DUPLICATE.example,
            CONFIRMED.example,
            CORRECTED.example,
            PENDING.example,
            HELD.example,
            EVENT_IGNORED[0].example,
            {
                "status": "invalid",
                "errors": [
                    {
                        "field": "line_items[1].quantity",
                        "code": "not_positive",
                        "message": "Expected a number above zero.",
                    }
                ],
            },
        ]
    },
)

_INVALID_KEY = rejection(
    "Unauthorized",
    "unauthorized",
    "invalid_key",
    "The secret key is not one of this company's, or it has been revoked.",
)
_KEY_REQUIRED = rejection("Unauthorized", "unauthorized", "key_required", "A refund needs a secret key of the company.")
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}


def _header(name: str, value: str, description: str) -> dict[str, Schema]:
    return {name: {"description": description, "required": True, "schema": one_of(value)}}


def rejections(body_bytes: int, *, needs_key: bool = False) -> dict[int, Answers]:
    """Return the answers of every endpoint to a request that it rejects."""
    return {
        400: Answers(f"The request is invalid. Lists all errors, or about the first {limits.ERRORS}.", (INVALID,)),
        401: Answers(
            "The secret key is missing or not valid." if needs_key else "The secret key is not valid.",
            (_KEY_REQUIRED, _INVALID_KEY) if needs_key else (_INVALID_KEY,),
            _header("WWW-Authenticate", "Bearer", "The scheme that is required."),
        ),
        403: Answers(
            "There is no such company, or it does not list the origin of the page.",
            (
                rejection(
                    "Forbidden", "forbidden", "unknown_company", "There is no company with this key.", "company_key"
                ),
                rejection(
                    "Forbidden",
                    "forbidden",
                    "origin_not_allowed",
                    "This company does not list the origin of the request.",
                ),
            ),
        ),
        405: Answers(
            "Any method but POST and OPTIONS.",
            (rejection("MethodNotAllowed", "error", "method_not_allowed", 'Method "GET" not allowed.'),),
            _header("Allow", "POST, OPTIONS", "The allowed methods."),
        ),
        413: Answers(
            f"The body is larger than {body_bytes // 1024} KiB.",
            (rejection("TooLarge", "too_large", "too_large", f"The body is larger than {body_bytes} bytes."),),
        ),
        415: Answers(
            "The body is neither application/json nor text/plain, or not UTF-8.",
            (
                rejection(
                    "UnsupportedMediaType",
                    "unsupported_media_type",
                    "unsupported_media_type",
                    'Unsupported media type "text/html" in request.',
                ),
            ),
        ),
        429: Answers(
            "Too many events from this address, or of this company.",
            (
                rejection(
                    "RateLimited",
                    "rate_limited",
                    "rate_limited",
                    "Request was throttled. Expected available in 12 seconds.",
                ),
            ),
            _RETRY_AFTER,
        ),
        503: Answers(
            "The database cannot take it now; nothing was stored.",
            (
                rejection(
                    "Unavailable",
                    "unavailable",
                    "unavailable",
                    "The database cannot take the event now. Nothing was stored; please send it again.",
                ),
            ),
            _RETRY_AFTER,
        ),
    }


def components() -> dict[str, Schema]:
    """Return the schemas of all answers by name."""
    results = {
        "recorded": "Recorded",
        "duplicate": "Duplicate",
        "confirmed": "Confirmed",
        "corrected": "Corrected",
        "pending": "Pending",
        "held": "Held",
        "ignored": "ResultIgnored",
        "invalid": "Invalid",
    }
    rejected = [answer for those in rejections(0, needs_key=True).values() for answer in those.answers]
    codes: dict[str, list[str]] = {}
    for answer in rejected:
        codes.setdefault(answer.component, []).append(answer.example["errors"][0]["code"])
    schemas = {
        "Recorded": _object(
            status=one_of("recorded"), id={"type": "string", "format": "uuid", "description": "The event's id."}
        ),
        **{
            name: _object(status=one_of(name.lower()))
            for name in ("Duplicate", "Confirmed", "Corrected", "Pending", "Held")
        },
        **{
            answers[0].component: _object(
                status=one_of("ignored"), reason=one_of(*(answer.example["reason"] for answer in answers))
            )
            for answers in (INTERACTION_IGNORED, EVENT_IGNORED, REFUND_IGNORED, RESULT_IGNORED)
        },
        **{answer.component: _errors(answer.example["status"], *codes[answer.component]) for answer in rejected},
        "Invalid": _errors("invalid", *INVALID_CODES),
        "Results": _object(
            results={"type": "array", "maxItems": limits.SERVER_BATCH_EVENTS, "items": variants("status", results)}
        ),
    }
    return {ref(name)["$ref"].rpartition("/")[2]: schema for name, schema in schemas.items()}


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _errors(status: str, *codes: str) -> Schema:
    path = {
        "type": "string",
        "pattern": r"^([a-z_]+(\[[0-9]+\](\.[a-z_]+)?)?)?$",
        "description": "The path of the wrong field, such as line_items[1].quantity; empty for the request as a whole.",
    }
    return errors_object(status, path, one_of(*codes))


def errors_object(status: str, field: Schema, code: Schema) -> Schema:
    """The object of all errors of a request."""
    error = _object(field=field, code=code, message={"type": "string", "minLength": 1})
    return _object(status=one_of(status), errors={"type": "array", "minItems": 1, "items": error})
