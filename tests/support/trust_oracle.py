"""A second implementation of trust, claims and refunds, to check the application.

It shares no code with what it checks: it follows the specification sentence by sentence, on plain lists, and keeps all
that was ever said of an order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from uuid import UUID

from tests.support.oracle import REPEATED_WITHIN, Credit

KEPT = timedelta(hours=72)
"""How long a confirmation or a refund waits for its order."""
NEAR = timedelta(hours=1)
CEILINGS = {"EUR": 10_000_000, "JPY": 10_000_000}
CLAIMS_OF_A_SESSION = 20
WINDOW = timedelta(hours=24)

Answer = Literal[
    "recorded",
    "held",
    "duplicate",
    "confirmed",
    "pending",
    "no_interaction",
    "too_many_claims",
    "unknown_order",
    "currency_mismatch",
    "exceeds_order",
]
Trust = Literal["REPORTED", "CONFIRMED", "VERIFIED"]
Ids = tuple[str | None, str | None]
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
    `is_dated` is false where the sender left the time out; then `at` is `received_at`.
    """

    company: str
    event_id: UUID
    is_confirmation: bool
    visitor: Ids | None
    credit: Credit | None
    order_id: str | None
    currency: str
    value_minor: int
    lines: tuple[Line, ...]
    at: datetime
    received_at: datetime
    is_dated: bool = True
    earned_by: Ids | None = None
    """The ids of the interaction that the credit names."""


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
class Visit:
    """An interaction that arrives among the words; `credit` gives what a word of a visitor would earn from now on."""

    company: str
    visitor: Ids
    received_at: datetime
    credit: Callable[[Ids, datetime], Credit | None]


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """An order as shown, with all its claims. Its visitor and time are those of one `word`, given its `credit`."""

    word: Word
    credit: Credit
    trust: Trust
    standing: Literal["COUNTED", "HELD", "NOT_OURS"]
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
    event has arrived, wait for their order and are not too old to, with the time since when they wait.
    """

    answers: tuple[Answer, ...]
    orders: dict[OrderKey, ShownOrder]
    unnamed: tuple[ShownOrder, ...]
    waiting: dict[OrderKey, tuple[Word, datetime]]
    refunds: dict[RefundKey, KeptRefund]


def replay(events: Sequence[Word | Refund | Visit]) -> Outcome:
    """Answer `events`, given in order of arrival, and compute the final state. Visits get no answer.

    Raises ValueError for a browser's word that names no visitor, and for one that names neither visitor nor order.
    """
    shop = _Shop()
    answers: list[Answer] = []
    for event in events:
        if isinstance(event, Visit):
            shop.hear_visit(event)
        elif isinstance(event, Refund):
            answers.append(shop.hear_refund(event))
        else:
            if event.visitor is None and (event.order_id is None or not event.is_confirmation):
                raise ValueError(f"a word about nobody's order: {event}")
            answers.append(shop.hear(event))
    moment = max((event.received_at for event in events), default=None)
    return Outcome(
        answers=tuple(answers),
        orders={key: story.shown() for key, story in shop.stories.items() if story.claims},
        unnamed=tuple(unnamed.shown() for unnamed in shop.unnamed),
        waiting={
            key: story.waiting
            for key, story in shop.stories.items()
            if story.waiting and moment and moment - story.waiting[1] <= KEPT
        },
        refunds=shop.refunds,
    )


def _amount(word: Word) -> tuple[str, int]:
    return word.currency, word.value_minor


def _session(word: Word) -> int:
    assert word.credit
    return word.credit.session


def _is_above_ceiling(word: Word) -> bool:
    return word.value_minor > CEILINGS[word.currency]


@dataclass(slots=True)
class _Story:
    """All that is known of one order id."""

    claims: list[Word] = field(default_factory=list)
    #: What the shop's server said that waits for a claim, or denies all, and since when it does.
    waiting: tuple[Word, datetime] | None = None
    is_denied: bool = False
    #: The word whose figures stand, and when the server first gave any.
    figures: Word | None = None
    confirmed_at: datetime | None = None
    verified: Word | None = None
    #: The claim or the word whose visitor and time stand, and whether it fits.
    shown_by: Word | None = None
    fits: bool = True
    server_lines: tuple[Line, ...] | None = None
    has_conflict: bool = False

    @property
    def trust(self) -> Trust:
        return "VERIFIED" if self.verified else "CONFIRMED" if self.confirmed_at else "REPORTED"

    def alive(self, moment: datetime) -> Word | None:
        return self.waiting[0] if self.waiting and moment - self.waiting[1] <= KEPT else None

    def denial(self, moment: datetime) -> Word | None:
        word = self.alive(moment)
        return word if word and word.visitor else None

    def claim_of(self, session: int) -> Word | None:
        return next((claim for claim in self.claims if _session(claim) == session), None)

    def is_confirmed_for(self, session: int) -> bool:
        shown = self.shown()
        return shown.trust != "REPORTED" and shown.standing == "COUNTED" and shown.credit.session == session

    def choose_reported(self) -> None:
        believable = [claim for claim in self.claims if not _is_above_ceiling(claim)]
        self.shown_by = self.figures = (believable or self.claims)[0]
        self.fits = bool(believable)

    def choose_confirmed(self, moment: datetime, *, is_credited: bool) -> None:
        assert self.figures
        assert self.confirmed_at
        figures = self.figures
        exact = [claim for claim in self.claims if _amount(claim) == _amount(figures)]
        if is_credited and (not exact or moment - self.confirmed_at > KEPT):
            return
        if exact and figures.is_dated:
            self.shown_by = min(exact, key=lambda claim: abs(claim.received_at - figures.at))
        else:
            self.shown_by = (exact or self.claims)[0]
        self.fits = bool(exact) or (len(self.claims) == 1 and self._is_near(self.claims[0]))

    def _is_near(self, claim: Word) -> bool:
        assert self.figures
        assert self.confirmed_at
        confirmed = self.figures.value_minor
        at = self.figures.at if self.figures.is_dated else self.confirmed_at
        return (
            claim.currency == self.figures.currency
            and claim.value_minor > 0
            and Fraction(abs(claim.value_minor - confirmed)) <= Fraction(3 * confirmed, 10)
            and abs(claim.received_at - at) <= NEAR
        )

    def compare(self) -> None:
        """Look for claims that disagree with what is shown."""
        shown = self.shown()
        self.has_conflict |= any(
            (_session(claim), *_amount(claim)) != (shown.credit.session, shown.currency, shown.value_minor)
            for claim in self.claims
        )

    def shown(self) -> ShownOrder:
        assert self.shown_by
        assert self.shown_by.credit
        assert self.figures
        lines = self.server_lines
        claim = (self.claim_of(self.shown_by.credit.session) if self.verified else None) or self.shown_by
        if lines is None:
            lines = claim.lines if claim.currency == self.figures.currency else ()
        return ShownOrder(
            word=self.shown_by,
            credit=self.shown_by.credit,
            trust=self.trust,
            standing="NOT_OURS" if self.is_denied else "COUNTED" if self.fits else "HELD",
            has_conflict=self.has_conflict,
            currency=self.figures.currency,
            value_minor=self.figures.value_minor,
            lines=lines,
            claims=tuple(self.claims),
        )


@dataclass(slots=True)
class _Unnamed:
    """An order without an id: the word that created it, and the one that confirmed it."""

    word: Word
    confirmed_by: Word | None = None

    @property
    def is_reported(self) -> bool:
        return not self.word.is_confirmation and self.confirmed_by is None

    @property
    def is_held(self) -> bool:
        return self.is_reported and _is_above_ceiling(self.word)

    def shown(self) -> ShownOrder:
        assert self.word.credit
        lines = self.confirmed_by.lines if self.confirmed_by and self.confirmed_by.lines else self.word.lines
        return ShownOrder(
            word=self.word,
            credit=self.word.credit,
            trust="REPORTED" if self.is_reported else "VERIFIED",
            standing="HELD" if self.is_held else "COUNTED",
            has_conflict=False,
            currency=self.word.currency,
            value_minor=(self.confirmed_by or self.word).value_minor,
            lines=lines,
            claims=(),
        )


class _Shop:
    def __init__(self) -> None:
        self.stories: dict[OrderKey, _Story] = {}
        self.unnamed: list[_Unnamed] = []
        self.refunds: dict[RefundKey, KeptRefund] = {}

    def hear(self, word: Word) -> Answer:
        if (word.order_id is None or not word.is_confirmation) and self._is_known_by_event_id(word):
            return "duplicate"
        if word.order_id is None:
            return self._hear_unnamed(word)
        story = self.stories.setdefault((word.company, word.order_id), _Story())
        if not word.is_confirmation:
            return self._hear_browser(story, word)
        if word.visitor is None:
            return self._hear_nameless(story, word)
        claim = self._own_claim(story, word) if word.credit is None else None
        if word.credit or claim:
            return self._hear_named(story, word, claim)
        return self._hear_denial(story, word)

    def hear_visit(self, visit: Visit) -> None:
        """An interaction of a visitor whom the server named lifts the denial, if it is dated before the order."""
        for (company, _), story in self.stories.items():
            word = story.denial(visit.received_at)
            if word is None or company != visit.company:
                continue
            assert word.visitor
            assert story.waiting
            credit = visit.credit(word.visitor, word.at)
            if credit is not None:
                self._hear_named(story, _credited(word, credit, story.waiting[1]), None, moment=visit.received_at)

    def _is_known_by_event_id(self, word: Word) -> bool:
        kept = [claim for story in self.stories.values() for claim in story.claims]
        kept += [unnamed.confirmed_by or unnamed.word for unnamed in self.unnamed]
        return any(
            (word.company, word.event_id, word.is_confirmation) == (one.company, one.event_id, one.is_confirmation)
            for one in kept
        )

    # Orders with an id

    def _hear_browser(self, story: _Story, word: Word) -> Answer:
        if word.credit is None:
            return "duplicate" if story.claims else "no_interaction"
        if not story.claims:
            if self._has_too_many_claims(word):
                return "too_many_claims"
            return self._open(story, word)
        claim = story.claim_of(_session(word))
        if claim is None:
            if self._has_too_many_claims(word):
                return "too_many_claims"
            story.claims.append(word)
        elif claim.value_minor == 0 < word.value_minor and not story.verified:
            story.claims[story.claims.index(claim)] = word
        else:
            story.has_conflict |= _amount(claim) != _amount(word)
            return "duplicate"
        if story.trust == "REPORTED":
            story.choose_reported()
            self._settle(word, word.received_at)
        elif story.trust == "CONFIRMED" and not story.is_denied:
            story.choose_confirmed(word.received_at, is_credited=story.fits)
        story.compare()
        return "duplicate"

    def _has_too_many_claims(self, word: Word) -> bool:
        session, since = _session(word), word.received_at - WINDOW
        open_claims = [
            claim
            for story in self.stories.values()
            for claim in story.claims
            if not claim.is_confirmation and _session(claim) == session and claim.received_at > since
            if not story.is_confirmed_for(session)
        ]
        return len(open_claims) >= CLAIMS_OF_A_SESSION

    def _open(self, story: _Story, word: Word) -> Answer:
        story.claims.append(word)
        story.choose_reported()
        waiting, since = story.alive(word.received_at), story.waiting[1] if story.waiting else None
        if waiting is None:
            story.waiting = None
        elif waiting.visitor:
            story.is_denied = story.has_conflict = True
        else:
            story.figures, story.confirmed_at, story.waiting = waiting, since, None
            story.server_lines = waiting.lines or None
            story.choose_confirmed(word.received_at, is_credited=False)
            story.compare()
        self._settle(word, word.received_at)
        return "held" if story.trust == "REPORTED" and not story.fits else "recorded"

    def _hear_nameless(self, story: _Story, word: Word) -> Answer:
        denial = story.denial(word.received_at)
        if denial:
            story.waiting = (denial, word.received_at)
        if denial or story.is_denied:
            return "no_interaction"
        if not story.claims:
            waiting = story.alive(word.received_at)
            if waiting and _amount(waiting) == _amount(word):
                return "duplicate"
            story.waiting = (word, story.waiting[1] if waiting and story.waiting else word.received_at)
            return "pending"
        assert story.figures
        if story.trust != "REPORTED":
            story.has_conflict |= _amount(story.figures) != _amount(word)
            return "duplicate"
        story.figures, story.confirmed_at = word, word.received_at
        story.server_lines = word.lines or None
        self._settle(word, word.received_at)
        story.choose_confirmed(word.received_at, is_credited=False)
        story.compare()
        return "confirmed" if story.fits else "pending"

    def _hear_denial(self, story: _Story, word: Word) -> Answer:
        if story.verified:
            assert story.figures
            story.has_conflict |= _amount(story.figures) != _amount(word)
            return "duplicate"
        story.waiting = (word, word.received_at)
        if story.claims:
            story.is_denied = story.has_conflict = True
        return "no_interaction"

    def _hear_named(
        self, story: _Story, word: Word, own_claim: Word | None, *, moment: datetime | None = None
    ) -> Answer:
        moment = moment or word.received_at
        is_new = not story.claims
        waiting = story.alive(moment)
        if own_claim is None and story.claim_of(_session(word)) is None:
            story.claims.append(word)
        if story.verified:
            assert story.figures
            story.has_conflict |= _amount(story.figures) != _amount(word)
            story.compare()
            return "duplicate"
        if is_new:
            story.has_conflict |= bool(waiting and not waiting.visitor and _amount(waiting) != _amount(word))
        elif story.trust == "CONFIRMED":
            assert story.figures
            story.has_conflict |= _amount(story.figures) != _amount(word)
        if not is_new and story.figures and story.figures.currency != word.currency:
            story.server_lines = None
        story.server_lines = word.lines or story.server_lines
        story.verified = story.figures = word
        story.shown_by = own_claim or word
        story.confirmed_at = story.confirmed_at or word.received_at
        story.fits, story.is_denied, story.waiting = True, False, None
        self._settle(word, moment)
        if not is_new:
            story.compare()
        return "recorded" if is_new else "confirmed"

    @staticmethod
    def _own_claim(story: _Story, word: Word) -> Word | None:
        """The claim of the visitor whom the server names: credited to an interaction that shares a fingerprint."""
        return next((claim for claim in story.claims if _shares(claim, word)), None)

    # Orders without an id

    def _hear_unnamed(self, word: Word) -> Answer:
        if word.credit is None:
            return "no_interaction"
        mine = [one for one in self.unnamed if one.word.company == word.company]
        mine = [one for one in mine if _session(one.word) == _session(word)]
        if word.is_confirmation and (equal := _equal(word, mine)):
            if not equal.is_reported:
                return "duplicate"
            equal.confirmed_by = word
            return "confirmed"
        if any(not one.is_held and _is_repeated(word, one.word) for one in mine):
            return "duplicate"
        self.unnamed.append(_Unnamed(word))
        return "held" if self.unnamed[-1].is_held else "recorded"

    # Refunds

    def hear_refund(self, refund: Refund) -> Answer:
        """Keep a refund, in order of arrival. An unattached one is handled as new."""
        order_key = (refund.company, refund.order_id)
        key = (*order_key, refund.refund_id)
        known = self.refunds.get(key)
        story = self.stories.get(order_key)
        if known and known.is_attached:
            return "duplicate"
        if story and story.claims:
            order = story.shown()
            if refund.currency != order.currency:
                return "currency_mismatch"
            attached = [kept.refund for kept in self.refunds.values() if kept.is_attached]
            given_back = sum(one.value_minor for one in attached if (one.company, one.order_id) == order_key)
            if given_back + refund.value_minor > order.value_minor:
                return "exceeds_order"
        self.refunds.pop(key, None)
        self.refunds[key] = KeptRefund(refund, is_attached=bool(story and story.claims))
        return "recorded" if story and story.claims else "unknown_order"

    def _settle(self, word: Word, moment: datetime) -> None:
        """Recompute which refunds count against an order that was created or whose figures changed."""
        assert word.order_id
        order_key = (word.company, word.order_id)
        order = self.stories[order_key].shown()
        left = order.value_minor
        for key, kept in self.refunds.items():
            is_young = moment - kept.refund.received_at <= KEPT
            if key[:2] == order_key and (kept.is_attached or is_young):
                fits = kept.refund.currency == order.currency and kept.refund.value_minor <= left
                left -= kept.refund.value_minor if fits else 0
                self.refunds[key] = KeptRefund(kept.refund, is_attached=fits)


def _credited(word: Word, credit: Credit, received_at: datetime) -> Word:
    return replace(word, credit=credit, received_at=received_at)


def _shares(claim: Word, word: Word) -> bool:
    """Whether the interaction that earned a claim has a fingerprint of the visitor whom another word names."""
    assert word.visitor
    earned_by = claim.earned_by or (None, None)
    return any(mine is not None and mine == named for mine, named in zip(earned_by, word.visitor, strict=True))


def _is_repeated(word: Word, other: Word) -> bool:
    return _amount(word) == _amount(other) and word.lines == other.lines and abs(word.at - other.at) <= REPEATED_WITHIN


def _equal(word: Word, orders: Sequence[_Unnamed]) -> _Unnamed | None:
    """The order that a server's word without an id is about: the one of its event id, else the nearest equal one."""
    same = [one for one in orders if one.is_reported and one.word.event_id == word.event_id]
    equal = [
        one
        for one in sorted(orders, key=lambda one: one.word.at)
        if _amount(word) == _amount(one.word) and abs(word.at - one.word.at) <= REPEATED_WITHIN
        if not word.lines or not one.word.lines or word.lines == one.word.lines
    ]
    reported = [one for one in equal if one.is_reported]
    return min(same or reported or equal, key=lambda one: abs(word.at - one.word.at), default=None)
