"""The pure choices of ``attribution`` against the oracle, and sentence by sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from alhena_tracking.attribution import (
    EMPTY_CART,
    Candidate,
    CartState,
    Credit,
    change_cart,
    choose_credit,
    choose_session,
)
from tests.support import oracle
from tests.support.histories import History, histories
from tests.support.runs import examples


@dataclass
class _Memory:
    """What ``ingestion`` keeps in the database, kept in lists: the pure functions do all the choosing."""

    history: History
    interactions: dict[int, oracle.Interaction] = field(default_factory=dict)
    session_of: dict[int, int] = field(default_factory=dict)
    started_at: list[datetime] = field(default_factory=list)
    credits: dict[int, Credit] = field(default_factory=dict)

    def candidates(self, event: oracle.Event) -> list[Candidate]:
        return [
            Candidate(
                id=number,
                occurred_at=other.at,
                session_id=self.session_of[number],
                session_started_at=self.started_at[self.session_of[number]],
                channel=other.kind,
                ai_profile=other.ai_profile,
            )
            for number, other in self.interactions.items()
            if other.company == event.company
            and ((event.chat and event.chat == other.chat) or (event.faq and event.faq == other.faq))
        ]

    def run(self) -> None:
        window, model = self.history.window, self.history.model
        for number, event in enumerate(self.history.events):
            candidates = self.candidates(event)
            if isinstance(event, oracle.Interaction):
                session = choose_session(candidates, event.at, window)
                if session is None:
                    session = len(self.started_at)
                    self.started_at.append(event.at)
                self.started_at[session] = min(self.started_at[session], event.at)
                self.session_of[number] = session
                self.interactions[number] = event
            else:
                qualifying = [c for c in candidates if self.interactions[c.id].is_qualifying]
                credit = choose_credit(qualifying, event.at, window, model)
                if credit is not None:
                    self.credits[number] = credit


@settings(max_examples=examples(300, full=20_000), suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_pure_functions_when_a_history_arrives_agree_with_the_oracle(history: History) -> None:
    outcome = history.replay()
    memory = _Memory(history)
    memory.run()
    assert memory.started_at == [session.started_at for session in outcome.sessions]
    for number, expected in enumerate(outcome.results):
        if isinstance(expected, int):
            assert memory.session_of[number] == expected
        elif expected is None:
            assert number not in memory.credits
        elif not isinstance(expected, str):
            credit = expected.credit
            at = history.events[credit.interaction].at
            assert memory.credits[number] == Credit(
                credit.interaction, credit.session, credit.channel, credit.ai_profile, at
            )


@pytest.mark.parametrize(
    ("state", "type_", "quantity", "value_minor", "units", "gmv_minor"),
    [
        (EMPTY_CART, "ITEM_ADDED", "2", 1999, "2", 3998),
        (EMPTY_CART, "QUANTITY_INCREASED", "5", 1999, "1", 1999),
        (EMPTY_CART, "QUANTITY_INCREASED", "0.4", 1000, "0.4", 400),
        (EMPTY_CART, "QUANTITY_DECREASED", "5", 1999, "0", 0),
        (EMPTY_CART, "ITEM_REMOVED", "5", 1999, "0", 0),
        (CartState(Decimal(2), Decimal(2), 3998), "QUANTITY_INCREASED", "3", 2100, "1", 2100),
        (CartState(Decimal(2), Decimal(2), 3998), "ITEM_ADDED", "2", 1999, "0", 0),
        (CartState(Decimal(5), Decimal(5), 500), "ITEM_ADDED", "2", 100, "2", 200),
        (CartState(Decimal(3), Decimal(3), 100), "QUANTITY_DECREASED", "2", 1, "-1", -33),
        (CartState(Decimal(2), Decimal(2), 101), "QUANTITY_DECREASED", "1", 1, "-1", -51),
        (CartState(Decimal(3), Decimal(1), 100), "ITEM_REMOVED", "3", 1, "-1", -100),
    ],
)
def test_change_cart_when_given_a_state(
    state: CartState, type_: str, quantity: str, value_minor: int, units: str, gmv_minor: int
) -> None:
    change = change_cart(state, type_, Decimal(quantity), value_minor)
    assert (change.units, change.gmv_minor) == (Decimal(units), gmv_minor)


def test_change_cart_when_the_value_is_a_total_claims_its_share() -> None:
    state = CartState(Decimal(1), Decimal(1), 33)
    assert change_cart(state, "QUANTITY_INCREASED", Decimal(3), 100, "total").gmv_minor == 67
