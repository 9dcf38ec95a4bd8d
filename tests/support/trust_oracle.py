"""A second implementation of trust, claims and refunds, to check the application.

It shares no code with what it checks. What is known of an order is never updated: it is worked out anew, whenever it is
asked for, from all the words that were heard of that order until then. Only refunds, where the order of things is all
there is to the rule, are kept as rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from tests.support.oracle import REPEATED_WITHIN, Credit

KEPT = timedelta(hours=72)
"""How long a confirmation or a refund waits for its order."""

Answer = Literal[
    "recorded",
    "duplicate",
    "confirmed",
    "pending",
    "no_interaction",
    "unknown_order",
    "currency_mismatch",
    "exceeds_order",
]
OrderKey = tuple[str, str]
RefundKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order."""

    product_id: str
    quantity: Decimal
    total_minor: int


@dataclass(frozen=True, slots=True)
class Word:
    """A report of an order, by the shop's server (`is_confirmation`) or by a browser.

    `visitor` is the visitor's id, chat before FAQ; None only in a confirmation without a visitor.
    `credit` is the order's credit if it were recorded now; None if it is not attributed.
    """

    company: str
    event_id: UUID
    is_confirmation: bool
    visitor: tuple[str | None, str | None] | None
    credit: Credit | None
    order_id: str | None
    currency: str
    value_minor: int
    lines: tuple[Line, ...]
    at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund of an order, reported by the shop's server."""

    company: str
    order_id: str
    refund_id: str
    currency: str
    value_minor: int
    at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """An order as shown, with all its claims. Its visitor and time are those of one `word`."""

    word: Word
    credit: Credit
    trust: Literal["REPORTED", "CONFIRMED"]
    has_confirmed_visitor: bool
    has_conflict: bool
    currency: str
    value_minor: int
    lines: tuple[Line, ...]
    claims: tuple[Word, ...]

    @property
    def at(self) -> datetime:
        return self.word.at


@dataclass(frozen=True, slots=True)
class KeptRefund:
    """A refund, and whether it counts against its order."""

    refund: Refund
    is_attached: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer to each event, and the final state.

    `unnamed` are the orders without an id, in order of arrival; `waiting` are the confirmations that, when the last
    event has arrived, wait for their order and are not too old to.
    """

    answers: tuple[Answer, ...]
    orders: dict[OrderKey, ShownOrder]
    unnamed: tuple[ShownOrder, ...]
    waiting: dict[OrderKey, Word]
    refunds: dict[RefundKey, KeptRefund]


def replay(events: Sequence[Word | Refund]) -> Outcome:
    """Answer `events`, given in order of arrival, and compute the final state.

    Raises ValueError for a browser's word that names no visitor, and for one that names neither visitor nor order.
    """
    heard: list[Word] = []
    refunds: dict[RefundKey, KeptRefund] = {}
    answers: list[Answer] = []
    for event in events:
        if isinstance(event, Refund):
            answers.append(_answer_refund(event, heard, refunds))
            continue
        if event.visitor is None and (event.order_id is None or not event.is_confirmation):
            raise ValueError(f"a word about nobody's order: {event}")
        answer = _answer(event, heard)
        answers.append(answer)
        if not _is_known_by_event_id(event, heard):
            heard.append(event)
            if answer in ("recorded", "confirmed") and event.order_id is not None:
                _settle(_words_on(_key(event), heard), refunds)
    moment = events[-1].received_at if events else None
    keys = [_key(word) for word in heard if word.order_id is not None]
    shown = {key: _shown(_words_on(key, heard)) for key in keys}
    waiting = {key: _waiting(_words_on(key, heard), moment) for key in keys if moment and shown[key] is None}
    return Outcome(
        answers=tuple(answers),
        orders={key: order for key, order in shown.items() if order},
        unnamed=tuple(map(_unnamed_order, _recorded_without_id(heard))),
        waiting={key: word for key, word in waiting.items() if word},
        refunds=refunds,
    )


def _key(event: Word | Refund) -> OrderKey:
    assert event.order_id is not None
    return event.company, event.order_id


def _words_on(key: OrderKey, heard: Iterable[Word]) -> list[Word]:
    return [word for word in heard if (word.company, word.order_id) == key]


# Answers


def _answer(word: Word, heard: Sequence[Word]) -> Answer:
    if _is_known_by_event_id(word, heard):
        return "duplicate"
    if word.order_id is None:
        return _answer_without_id(word, heard)
    earlier = _words_on(_key(word), heard)
    known = _shown(earlier)
    if known:
        return "confirmed" if _confirms(word, known) else "duplicate"
    if word.credit:
        return "recorded"
    if word.visitor:
        return "no_interaction"
    return "duplicate" if _waiting(earlier, word.received_at) else "pending"


def _answer_without_id(word: Word, heard: Sequence[Word]) -> Answer:
    if word.credit is None:
        return "no_interaction"
    recorded = _recorded_without_id(heard)
    return "duplicate" if any(_is_equal_order(word, earlier) for earlier in recorded) else "recorded"


def _is_known_by_event_id(word: Word, heard: Sequence[Word]) -> bool:
    """Whether an order or a claim of the company came with this very event, and as much trust.

    What the shop's server says of an order with an id is compared with what it said before.
    """
    if word.is_confirmation and word.order_id is not None:
        return False
    kept = _recorded_without_id(heard)
    for key in {_key(earlier) for earlier in heard if earlier.order_id is not None}:
        order = _shown(_words_on(key, heard))
        kept += order.claims if order else ()
    return any(
        (word.company, word.event_id, word.is_confirmation) == (one.company, one.event_id, one.is_confirmation)
        for one in kept
    )


# Orders with an id, computed from all words on one of them in order of arrival


def _first(words: Sequence[Word]) -> int | None:
    """The word that created the order: the first attributed one."""
    return next((index for index, word in enumerate(words) if word.credit), None)


def _waiting(words: Sequence[Word], moment: datetime) -> Word | None:
    """The confirmation that waits for an order that does not exist yet: the first one, until it is too old."""
    waiting: Word | None = None
    for word in words:
        if word.visitor is None and (waiting is None or word.received_at - waiting.received_at > KEPT):
            waiting = word
    return waiting if waiting and moment - waiting.received_at <= KEPT else None


def _confirmations(words: Sequence[Word]) -> list[Word]:
    """The confirmations that apply to the order: the one that waited for it, and all later ones."""
    first = _first(words)
    if first is None:
        return []
    waiting = _waiting(words[:first], words[first].received_at)
    return [*([waiting] if waiting else []), *(word for word in words[first:] if word.is_confirmation)]


def _visitor_confirmation(words: Sequence[Word]) -> Word | None:
    """The confirmation that decides figures and visitor: the first that names the order's visitor."""
    return next((word for word in _confirmations(words) if word.credit), None)


def _figures_confirmation(words: Sequence[Word]) -> Word | None:
    """The confirmation that decides the figures until one also decides the visitor."""
    return next((word for word in _confirmations(words) if not word.credit), None)


def _confirms(word: Word, order: ShownOrder) -> bool:
    """Whether a word rewrites an existing order."""
    settles_more = order.trust == "REPORTED" or (word.credit is not None and not order.has_confirmed_visitor)
    return word.is_confirmation and settles_more


def _claims(words: Sequence[Word]) -> tuple[Word, ...]:
    """Each session's word on the order, once for each amount."""
    claims: dict[tuple[int, str, int], Word] = {}
    for word in words:
        if word.credit:
            claims.setdefault((word.credit.session, word.currency, word.value_minor), word)
    return tuple(claims.values())


def _shown(words: Sequence[Word]) -> ShownOrder | None:
    """Return the order as shown; None if it does not exist yet."""
    claims = _claims(words)
    if not claims:
        return None
    confirmations = _confirmations(words)
    by_visitor, by_figures = _visitor_confirmation(words), _figures_confirmation(words)
    figures = by_visitor or by_figures or claims[0]
    if by_visitor:
        word, lines = by_visitor, by_visitor.lines
    else:
        agreeing = [claim for claim in claims if _amount(claim) == _amount(figures)]
        word = (*agreeing, *claims)[0]
        lines = figures.lines or (word.lines if word.currency == figures.currency else ())
    assert word.credit
    amounts = {_amount(confirmation) for confirmation in confirmations}
    said = {(claim.credit.session, _amount(claim)) for claim in claims if claim.credit}
    return ShownOrder(
        word=word,
        credit=word.credit,
        trust="CONFIRMED" if confirmations else "REPORTED",
        has_confirmed_visitor=by_visitor is not None,
        has_conflict=len(amounts) > 1 or said != {(word.credit.session, _amount(figures))},
        currency=figures.currency,
        value_minor=figures.value_minor,
        lines=lines,
        claims=claims,
    )


def _amount(word: Word) -> tuple[str, int]:
    return word.currency, word.value_minor


# Orders without an id


def _recorded_without_id(heard: Iterable[Word]) -> list[Word]:
    recorded: list[Word] = []
    for word in heard:
        if word.order_id is None and word.credit and not any(_is_equal_order(word, earlier) for earlier in recorded):
            recorded.append(word)
    return recorded


def _is_equal_order(one: Word, other: Word) -> bool:
    assert one.credit
    assert other.credit
    return (
        (one.company, one.credit.session, _amount(one)) == (other.company, other.credit.session, _amount(other))
        and one.lines == other.lines
        and abs(one.at - other.at) <= REPEATED_WITHIN
    )


def _unnamed_order(word: Word) -> ShownOrder:
    assert word.credit
    return ShownOrder(
        word=word,
        credit=word.credit,
        trust="CONFIRMED" if word.is_confirmation else "REPORTED",
        has_confirmed_visitor=word.is_confirmation,
        has_conflict=False,
        currency=word.currency,
        value_minor=word.value_minor,
        lines=word.lines,
        claims=(),
    )


# Refunds


def _answer_refund(refund: Refund, heard: Sequence[Word], refunds: dict[RefundKey, KeptRefund]) -> Answer:
    """Keep the refund in `refunds`, in order of arrival. An unattached one is handled as new."""
    key = (*_key(refund), refund.refund_id)
    known = refunds.get(key)
    order = _shown(_words_on(_key(refund), heard))
    if known and known.is_attached:
        return "duplicate"
    if order:
        if refund.currency != order.currency:
            return "currency_mismatch"
        given_back = sum(
            kept.refund.value_minor
            for kept in refunds.values()
            if _key(kept.refund) == _key(refund) and kept.is_attached
        )
        if given_back + refund.value_minor > order.value_minor:
            return "exceeds_order"
    refunds.pop(key, None)
    refunds[key] = KeptRefund(refund, is_attached=order is not None)
    return "recorded" if order else "unknown_order"


def _settle(words: Sequence[Word], refunds: dict[RefundKey, KeptRefund]) -> None:
    """Recompute which refunds count against an order that the last of `words` created or rewrote."""
    order = _shown(words)
    assert order
    left = order.value_minor
    for key, kept in refunds.items():
        is_young = words[-1].received_at - kept.refund.received_at <= KEPT
        if _key(kept.refund) == _key(words[-1]) and (kept.is_attached or is_young):
            fits = kept.refund.currency == order.currency and kept.refund.value_minor <= left
            left -= kept.refund.value_minor if fits else 0
            refunds[key] = KeptRefund(kept.refund, is_attached=fits)
