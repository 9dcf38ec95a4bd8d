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
    "corrected",
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
    updated_at: datetime | None = None
    is_cancelled: bool | None = None
    tax_minor: int | None = None

    @property
    def version_at(self) -> datetime:
        """When the server made this version."""
        stated = self.updated_at
        is_usable = stated is not None and stated <= self.received_at + timedelta(seconds=60)
        return stated if stated is not None and is_usable else self.received_at


@dataclass(frozen=True, slots=True)
class Version:
    """What the server said of an order at one time. Lines that it did not state are `()`."""

    currency: str
    value_minor: int
    tax_minor: int | None
    lines: tuple[Line, ...]
    is_cancelled: bool
    at: datetime

    @classmethod
    def of(cls, word: Word, before: "Version | None" = None) -> "Version":
        """What stands after a word: what it leaves out stays, but not the tax or the lines of other money."""
        is_same_money = before is not None and before.currency == word.currency
        is_same = before is not None and (before.currency, before.value_minor) == (word.currency, word.value_minor)
        tax, lines = word.tax_minor, word.lines
        if before is not None:
            tax = before.tax_minor if tax is None and is_same else tax
            lines = lines or (before.lines if is_same_money else ())
        is_cancelled = bool(before and before.is_cancelled) if word.is_cancelled is None else word.is_cancelled
        return cls(word.currency, word.value_minor, tax, lines, is_cancelled, word.version_at)

    def is_said_by(self, word: Word) -> bool:
        return (
            (self.currency, self.value_minor) == (word.currency, word.value_minor)
            and word.tax_minor in (None, self.tax_minor)
            and word.lines in ((), self.lines)
            and word.is_cancelled in (None, self.is_cancelled)
        )


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
    standing: Literal["COUNTED", "HELD", "CANCELLED", "NOT_OURS"]
    has_conflict: bool
    currency: str
    value_minor: int
    lines: tuple[Line, ...]
    claims: tuple[Word, ...]
    versions: tuple[tuple[str, int], ...] = ()
    """The amounts of the former versions, in order of arrival."""

    @property
    def at(self) -> datetime:
        return self.word.at


@dataclass(frozen=True, slots=True)
class KeptRefund:
    """A refund, and whether it counts against its order."""

    refund: Refund
    is_attached: bool
    counted_minor: int = 0


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
    #: What the server said: the version that stands, and the former ones.
    version: Version | None = None
    former: list[Version] = field(default_factory=list)
    #: The time of the order by the server, once it states one.
    server_at: datetime | None = None
    verified: Word | None = None
    #: The claim or the word whose visitor and time stand, and whether it fits.
    shown_by: Word | None = None
    fits: bool = True
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
        return (
            shown.trust != "REPORTED" and shown.standing in ("COUNTED", "CANCELLED") and shown.credit.session == session
        )

    def choose_reported(self) -> None:
        believable = [claim for claim in self.claims if not _is_above_ceiling(claim)]
        self.shown_by = self.figures = (believable or self.claims)[0]
        self.fits = bool(believable)

    def choose_confirmed(self, moment: datetime, *, is_credited: bool) -> None:
        assert self.figures
        assert self.confirmed_at
        exact = [claim for claim in self.claims if _amount(claim) in self.amounts()]
        if is_credited and (not exact or moment - self.confirmed_at > KEPT):
            return
        if exact and self.server_at is not None:
            at = self.server_at
            self.shown_by = min(exact, key=lambda claim: abs(claim.received_at - at))
        else:
            self.shown_by = (exact or self.claims)[0]
        self.fits = bool(exact) or (len(self.claims) == 1 and self._is_near(self.claims[0]))

    def amounts(self) -> set[tuple[str, int]]:
        """The amounts with which a claim agrees."""
        former = {(version.currency, version.value_minor) for version in self.former}
        if self.confirmed_at and self.version:
            return {(self.version.currency, self.version.value_minor), *former}
        assert self.figures
        return {_amount(self.figures), *former}

    def _is_near(self, claim: Word) -> bool:
        assert self.version
        assert self.confirmed_at
        confirmed, tax = self.version.value_minor, self.version.tax_minor or 0
        at = self.server_at or self.confirmed_at
        return (
            claim.currency == self.version.currency
            and claim.value_minor > 0
            and any(
                Fraction(abs(claim.value_minor - amount)) <= Fraction(3 * amount, 10)
                for amount in (confirmed, confirmed - tax)
            )
            and abs(claim.received_at - at) <= NEAR
        )

    def hear_first(self, word: Word, since: datetime) -> None:
        """The server's first word, spoken at `since`."""
        assert self.figures
        tax = self.figures.tax_minor if _amount(self.figures) == _amount(word) and self.claims else None
        self.version = Version.of(replace(word, tax_minor=tax if word.tax_minor is None else word.tax_minor))
        self.confirmed_at = since
        self.server_at = word.at if word.is_dated else None

    def hear_alone(self, word: Word) -> None:
        """The word that opens the order."""
        self.version, self.confirmed_at = Version.of(word), word.received_at
        self.server_at = word.at if word.is_dated else None

    def hear_again(self, word: Word, refunded: int) -> bool:
        """Whether another word changes what stands."""
        version = self.version
        assert version
        if word.version_at < version.at:
            self.keep_late(word)
            return False
        is_net = refunded and _amount(word) == (version.currency, version.value_minor - refunded)
        if (
            version.is_said_by(word)
            or self.is_former(word)
            or (is_net and word.is_cancelled in (None, version.is_cancelled))
        ):
            if word.updated_at is not None:
                self.version = replace(version, at=word.version_at)
            return False
        self.former.append(version)
        self.version = Version.of(word, version)
        self.server_at = self.server_at or (word.at if word.is_dated else None)
        return True

    def is_former(self, word: Word) -> bool:
        """Whether the server said so before, and does not reinstate the order now."""
        is_reinstated = self.version and self.version.is_cancelled and word.is_cancelled is False
        return word.updated_at is None and not is_reinstated and any(one.is_said_by(word) for one in self.former)

    def keep_late(self, word: Word) -> None:
        if not any(former.is_said_by(word) for former in self.former):
            self.former.append(Version.of(word))

    @property
    def is_in_other_money(self) -> bool:
        """Whether the server changed its mind about the currency."""
        version = self.version if self.confirmed_at else None
        return version is not None and any(former.currency != version.currency for former in self.former)

    def compare(self) -> None:
        """Look for claims that disagree with what is shown."""
        shown = self.shown()
        self.has_conflict |= any(
            _session(claim) != shown.credit.session or _amount(claim) not in self.amounts() for claim in self.claims
        )

    def shown(self) -> ShownOrder:
        assert self.shown_by
        assert self.shown_by.credit
        assert self.figures
        version = self.version if self.confirmed_at else None
        currency, value_minor = (version.currency, version.value_minor) if version else _amount(self.figures)
        lines = version.lines if version else ()
        claim = (self.claim_of(self.shown_by.credit.session) if self.verified else None) or self.shown_by
        if not lines:
            lines = claim.lines if claim.currency == currency else ()
        return ShownOrder(
            word=self.shown_by,
            credit=self.shown_by.credit,
            trust=self.trust,
            standing=(
                "NOT_OURS"
                if self.is_denied
                else "CANCELLED"
                if version and version.is_cancelled
                else "COUNTED"
                if self.fits and not self.is_in_other_money
                else "HELD"
            ),
            has_conflict=self.has_conflict,
            currency=currency,
            value_minor=value_minor,
            lines=lines,
            claims=tuple(self.claims),
            versions=tuple((former.currency, former.value_minor) for former in self.former),
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
    def is_cancelled(self) -> bool:
        """Whether the server said so when it first spoke of it."""
        word = self.confirmed_by or self.word
        return word.is_confirmation and bool(word.is_cancelled)

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
            standing="HELD" if self.is_held else "CANCELLED" if self.is_cancelled else "COUNTED",
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
        if not story.claims and story.alive(word.received_at) is None:
            story.version, story.former = None, []  # what waited too long is forgotten
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
                heard = replace(word, credit=credit, received_at=story.waiting[1], updated_at=word.version_at)
                self._hear_named(story, heard, None, moment=visit.received_at)

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
            assert since
            assert story.version
            story.waiting = None
            story.hear_first(_as_word(waiting, story.version, since), since)
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
            if story.alive(word.received_at) is None:
                story.version = Version.of(word)
                story.waiting = (word, word.received_at)
                return "pending"
            if not story.hear_again(word, 0):
                return "duplicate"
            assert story.waiting
            story.waiting = (word, story.waiting[1])
            return "pending"
        if story.trust != "REPORTED":
            return self._hear_again(story, word)
        story.hear_first(word, word.received_at)
        self._settle(word, word.received_at)
        story.choose_confirmed(word.received_at, is_credited=False)
        story.compare()
        return "confirmed" if story.fits else "pending"

    def _hear_again(self, story: _Story, word: Word, moment: datetime | None = None) -> Answer:
        moment = moment or word.received_at
        if not story.hear_again(word, self._refunded(word)):
            return "duplicate"
        self._settle(word, moment)
        if story.trust == "CONFIRMED" and not story.fits:
            story.choose_confirmed(moment, is_credited=False)
        story.compare()
        return "corrected"

    def _refunded(self, word: Word) -> int:
        mine = [kept for key, kept in self.refunds.items() if key[:2] == (word.company, word.order_id)]
        return sum(kept.counted_minor for kept in mine)

    def _hear_denial(self, story: _Story, word: Word) -> Answer:
        if story.verified:
            return self._hear_again(story, word)
        if not story.claims:
            if story.version and not story.version.is_said_by(word) and not story.is_former(word):
                story.former.append(story.version)
            story.version = Version.of(word)
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
            answer = self._hear_again(story, word, moment)
            story.compare()
            return answer
        if is_new:
            if waiting and not waiting.visitor:
                story.hear_again(word, 0)
                story.confirmed_at, story.server_at = word.received_at, word.at if word.is_dated else None
            else:
                story.hear_alone(word)
        elif story.trust == "REPORTED":
            story.hear_first(word, word.received_at)
        else:
            story.hear_again(word, self._refunded(word))
        story.verified = word
        story.figures = story.figures or word
        story.shown_by = own_claim or word
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
        if any(not one.is_held and not one.is_cancelled and _is_repeated(word, one.word) for one in mine):
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
            attached = [one for one in attached if one.currency == order.currency]
            given_back = sum(one.value_minor for one in attached if (one.company, one.order_id) == order_key)
            fits = given_back + refund.value_minor <= order.value_minor
            self.refunds.pop(key, None)
            self.refunds[key] = KeptRefund(refund, is_attached=fits)
            self._share_out(order_key)
            return "recorded" if fits else "exceeds_order"
        self.refunds.pop(key, None)
        self.refunds[key] = KeptRefund(refund, is_attached=False)
        return "unknown_order"

    def _settle(self, word: Word, moment: datetime) -> None:
        """Attach what waits and fits an order that was created or whose figures changed."""
        assert word.order_id
        order_key = (word.company, word.order_id)
        order = self.stories[order_key].shown()
        mine = [key for key in self.refunds if key[:2] == order_key]
        mine = [key for key in mine if self.refunds[key].refund.currency == order.currency]
        left = order.value_minor
        left -= sum(self.refunds[key].refund.value_minor for key in mine if self.refunds[key].is_attached)
        for key in mine:
            kept = self.refunds[key]
            if kept.is_attached or moment - kept.refund.received_at > KEPT or kept.refund.value_minor > left:
                continue
            self.refunds[key] = KeptRefund(kept.refund, is_attached=True)
            left -= kept.refund.value_minor
        self._share_out(order_key)

    def _share_out(self, order_key: OrderKey) -> None:
        """Refunds fill the order's value by their time, then by arrival."""
        order = self.stories[order_key].shown()
        left = order.value_minor
        mine = [key for key in self.refunds if key[:2] == order_key]
        for key in sorted(mine, key=lambda key: self.refunds[key].refund.at):
            kept = self.refunds[key]
            counts = kept.is_attached and kept.refund.currency == order.currency
            counted = min(kept.refund.value_minor, left) if counts else 0
            left -= counted
            self.refunds[key] = replace(kept, counted_minor=counted)


def _as_word(waiting: Word, version: Version, since: datetime) -> Word:
    """What waited for a claim, as one word."""
    return replace(
        waiting,
        currency=version.currency,
        value_minor=version.value_minor,
        tax_minor=version.tax_minor,
        lines=version.lines,
        is_cancelled=version.is_cancelled or None,
        updated_at=version.at,
        received_at=since,
    )


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
        if not one.is_cancelled
    ]
    reported = [one for one in equal if one.is_reported]
    return min(same or reported or equal, key=lambda one: abs(word.at - one.word.at), default=None)
