"""What the company cache holds, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import InterfaceError, InternalError, OperationalError, transaction

from alhena_tracking import company_cache
from alhena_tracking.company_cache import CACHE_SECONDS, find_company, is_listed_origin
from alhena_tracking.models import Company, SecretKey
from tests.support import factories

SHOP = "https://shop.example"

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still."""
    clock = Clock()
    monkeypatch.setattr(company_cache, "monotonic", clock)
    return clock


@pytest.fixture
def acme(company: Company) -> Company:
    company.allowed_origins = f"{SHOP}\nhttps://OTHER.example"
    company.save()
    return company


def issue(company: Company) -> tuple[SecretKey, str]:
    key = SecretKey(company=company, name="server")
    return key, key.issue()


def digests(key: str) -> tuple[str, ...]:
    known = find_company(key)
    assert known
    return tuple(known.secret_keys)


def test_company_when_looked_up_again_costs_no_query(
    acme: Company, clock: Clock, django_assert_num_queries: Callable[..., Any]
) -> None:
    keys = {issue(acme)[0].digest for _ in range(2)}
    with django_assert_num_queries(1):
        known = find_company("acme")
    assert known
    assert known.company == acme
    assert known.origins == {SHOP, "https://other.example"}
    assert set(known.secret_keys) == keys
    with django_assert_num_queries(0):
        assert find_company("acme") is known
        clock.seconds += CACHE_SECONDS - 0.001
        assert find_company("acme") is known
    with django_assert_num_queries(1):
        clock.seconds += 0.001
        assert find_company("acme") is not known


def test_company_when_no_key_is_active_has_none(acme: Company) -> None:
    assert digests("acme") == ()
    company_cache.revoke(issue(acme)[0])
    issue(factories.CompanyFactory.create())
    assert digests("acme") == ()


@pytest.mark.parametrize("key", ["nobody", "ACME", "acmé", "acme ", ""])
def test_company_when_its_key_differs_is_neither_found_nor_cached(
    acme: Company, django_assert_num_queries: Callable[..., Any], key: str
) -> None:
    for _ in range(2):
        with django_assert_num_queries(1):
            assert find_company(key) is None


def test_cache_when_full_stays_bounded(acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company_cache, "MAX_COMPANIES", 3)
    keys = [factories.CompanyFactory.create().key for _ in range(8)]
    for key in keys:
        find_company(key)
        assert key in company_cache._cache.companies
        assert len(company_cache._cache.companies) <= 3


def test_cache_when_full_keeps_the_others_as_one_is_renewed(
    acme: Company, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {acme.key, factories.CompanyFactory.create().key}
    monkeypatch.setattr(company_cache, "MAX_COMPANIES", len(keys))
    for key in keys:
        find_company(key)
    clock.seconds += CACHE_SECONDS
    find_company(acme.key)
    assert company_cache._cache.companies.keys() == keys


def test_key_when_revoked_by_another_process_fails_within_five_seconds(acme: Company, clock: Clock) -> None:
    key, _ = issue(acme)
    assert digests("acme") == (key.digest,)
    SecretKey.objects.filter(pk=key.pk).update(revoked_at="2026-03-02T12:00Z")
    clock.seconds += 4
    assert digests("acme") == ()


def test_answer_when_the_database_is_slow_is_as_old_as_its_query(
    acme: Company, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = company_cache._read_company

    def read_slowly(key: str) -> Any:
        known = read(key)
        clock.seconds += CACHE_SECONDS
        return known

    monkeypatch.setattr(company_cache, "_read_company", read_slowly)
    assert find_company("acme") is not find_company("acme")


def test_answer_when_the_cache_is_cleared_meanwhile_is_not_cached(
    acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = issue(acme)
    read = company_cache._read_company

    def read_and_revoke(company_key: str) -> Any:
        known = read(company_key)
        company_cache.revoke(key)
        return known

    with monkeypatch.context() as patch:
        patch.setattr(company_cache, "_read_company", read_and_revoke)
        assert digests("acme") == (key.digest,)
    assert digests("acme") == ()


def test_change_when_committed_here_takes_effect_at_once(acme: Company, clock: Clock) -> None:
    key, _ = issue(acme)
    assert digests("acme") == (key.digest,)
    with transaction.atomic():
        assert company_cache.revoke(key)
        assert digests("acme") == (key.digest,)
    assert digests("acme") == ()


def test_revocation_when_repeated_keeps_the_time_of_the_first(acme: Company) -> None:
    key, _ = issue(acme)
    assert company_cache.revoke(key)
    key.refresh_from_db()
    revoked_at = key.revoked_at
    assert revoked_at
    assert not company_cache.revoke(key)
    key.refresh_from_db()
    assert key.revoked_at == revoked_at


def test_answer_when_read_in_a_transaction_is_not_cached(acme: Company) -> None:
    with transaction.atomic():
        key, _ = issue(acme)
        Company.objects.update(allowed_origins="https://new.example")
        assert digests("acme") == (key.digest,)
        assert is_listed_origin("https://new.example")
        transaction.set_rollback(True)
    assert digests("acme") == ()
    assert is_listed_origin(SHOP)
    assert not is_listed_origin("https://new.example")


def test_origin_when_any_company_lists_it_is_listed(
    acme: Company, clock: Clock, django_assert_num_queries: Callable[..., Any]
) -> None:
    factories.CompanyFactory.create(allowed_origins="https://third.example:8443")
    factories.CompanyFactory.create()
    with django_assert_num_queries(1):
        for origin in (SHOP, "https://other.example", "https://third.example:8443"):
            assert is_listed_origin(origin)
        for origin in ("https://evil.example", "https://third.example", "", "null"):
            assert not is_listed_origin(origin)
    Company.objects.update(allowed_origins="")
    assert is_listed_origin(SHOP)
    clock.seconds += CACHE_SECONDS
    assert not is_listed_origin(SHOP)


@pytest.mark.parametrize(
    "trouble", [OperationalError("server closed the connection"), InterfaceError("closed"), InternalError("aborted")]
)
def test_origin_when_the_database_fails_is_not_listed(
    acme: Company, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(company_cache, "_companies", fail)
        assert not is_listed_origin(SHOP)
    assert is_listed_origin(SHOP)


def test_company_when_the_database_fails_is_not_taken_for_unknown(
    acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(company_cache, "_companies", fail)
    with pytest.raises(OperationalError):
        find_company("acme")
