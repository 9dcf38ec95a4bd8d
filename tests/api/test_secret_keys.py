"""Secret keys: who is known by one, and how staff and operators issue and revoke them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from django.urls import reverse
from rest_framework.exceptions import AuthenticationFailed

from alhena_tracking import company_cache
from alhena_tracking.api.ingestion.authentication import has_secret_key
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import Company, SecretKey
from tests.support import factories
from tests.support.admin_pages import Page
from tests.support.api_calls import IDENTITY, post

pytestmark = pytest.mark.django_db

LIST_URL = "/admin/alhena_tracking/secretkey/"
ADD_URL = LIST_URL + "add/"


def issue(company: Company, name: str = "server") -> tuple[SecretKey, str]:
    row = SecretKey(company=company, name=name)
    return row, row.issue()


def known(company: Company) -> company_cache.CachedCompany:
    found = company_cache.find_company(company.key)
    assert found
    return found


def page_url(page: str, row: SecretKey) -> str:
    return reverse(f"admin:alhena_tracking_secretkey_{page}", args=[row.pk])


def is_revoked(row: SecretKey) -> bool:
    return not SecretKey.objects.active().filter(pk=row.pk).exists()


# Who is known by a key


def is_known(company: Company, authorization: str | None) -> bool:
    headers = {} if authorization is None else {"Authorization": authorization}
    return has_secret_key(RequestFactory().post("/", headers=headers), known(company))


def test_caller_when_without_authorization_is_unconfirmed(company: Company) -> None:
    issue(company)
    assert not is_known(company, None)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_caller_when_its_key_is_active_is_authenticated(company: Company, scheme: str) -> None:
    keys = [issue(company)[1] for _ in range(3)]
    assert all(is_known(company, f"{scheme} {key}") for key in keys)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer  {key}",
        "Bearer {key} ",
        "Bearer {key},{key}",
        "Bearer\t{key}",
        " Bearer {key}",
        "{key}",
        "Token {key}",
        "Bearer Bearer {key}",
        "Bearer {digest}",
        "Bearer {key}x",
        "Bearer alhena_sk_",
        "Bearer \xe9\xff",
        "Bearer \udce9",
        "Bearer " + "x" * 100_000,
    ],
    ids=lambda authorization: repr(authorization[:24]),
)
def test_caller_when_its_authorization_is_invalid_is_rejected(company: Company, authorization: str) -> None:
    row, key = issue(company)
    with pytest.raises(AuthenticationFailed) as refused:
        is_known(company, authorization.format(key=key, digest=row.digest))
    assert refused.value.status_code == 401
    assert refused.value.get_codes() == "invalid_key"


@pytest.mark.parametrize("scheme", ["Basic", "basic", "Digest", "Negotiate", "NTLM"])
def test_caller_when_only_its_browser_knows_a_password_is_no_server(company: Company, scheme: str) -> None:
    _, key = issue(company)
    assert not is_known(company, f"{scheme} {key}")


def test_key_when_checked_is_compared_with_every_key(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(one: str, other: str) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    issued = [issue(company) for _ in range(3)]
    for _, key in issued:
        compared.clear()
        assert is_known(company, f"Bearer {key}")
        assert sorted(compared) == sorted(row.digest for row, _ in issued)


def test_caller_when_its_key_is_revoked_or_foreign_is_rejected(company: Company) -> None:
    revoked, revoked_key = issue(company)
    company_cache.revoke(revoked)
    _, other_key = issue(factories.CompanyFactory.create())
    _, key = issue(company)
    for wrong in (revoked_key, other_key):
        with pytest.raises(AuthenticationFailed):
            is_known(company, f"Bearer {wrong}")
    assert is_known(company, f"Bearer {key}")


def test_caller_when_the_company_has_no_key_is_rejected(company: Company) -> None:
    with pytest.raises(AuthenticationFailed):
        is_known(company, "Bearer alhena_sk_x")


# In the admin


@pytest.fixture
def log_in(client: Client) -> Callable[..., Any]:
    """Log in a staff user with permissions such as ``add``, in the given groups."""

    def log_in(*rights: str, groups: tuple[Any, ...] = ()) -> Any:
        user = factories.UserFactory.create()
        codenames = [f"{right}_secretkey" for right in rights]
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        assert user.user_permissions.count() == len(rights)
        user.groups.set(groups)
        client.force_login(user)
        return user

    return log_in


@pytest.fixture
def hidden() -> Company:
    """A company of a group of its own."""
    company = factories.CompanyFactory.create(name="Hidden shop")
    factories.restrict(company, factories.GroupFactory.create())
    return company


def test_key_when_issued_is_shown_once_and_stored_nowhere(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    user = log_in("add", "view")
    response = client.post(ADD_URL, {"company": company.pk, "name": "ERP <b>"})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]

    row = SecretKey.objects.get()
    key = response.context["issued_key"]
    html = response.content.decode()
    assert (row.name, row.company) == ("ERP <b>", company)
    assert row.digest == SecretKey.digest_of(key)
    assert html.count(key) == 1
    assert "It is shown only once." in html
    assert LIST_URL in html
    assert "<b>" not in html
    assert is_known(company, f"Bearer {key}")

    for url in (LIST_URL, page_url("change", row), page_url("history", row), "/admin/"):
        shown = client.get(url)
        assert shown.status_code == 200
        assert key not in shown.content.decode()
        assert row.digest not in shown.content.decode()
    assert key not in str(response.cookies)
    assert key not in str([session.get_decoded() for session in Session.objects.all()])
    entry = LogEntry.objects.get(user=user)
    assert entry.is_addition()
    assert key not in entry.change_message + entry.object_repr


@pytest.mark.parametrize("button", ["_continue", "_addanother", "_popup", "_saveasnew"])
def test_key_when_issued_by_any_button_is_shown(
    client: Client, log_in: Callable[..., Any], company: Company, button: str
) -> None:
    log_in("add")
    response = client.post(ADD_URL, {"company": company.pk, "name": "ERP", button: "1"})
    assert response.status_code == 200
    assert SecretKey.digest_of(response.context["issued_key"]) == SecretKey.objects.get().digest
    assert LIST_URL + '"' not in response.content.decode()  # which the permission to add does not open


def test_key_when_it_cannot_be_shown_is_not_issued(
    client: Client, log_in: Callable[..., Any], company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OSError("no such template")

    monkeypatch.setattr("alhena_tracking.admin.keys.render", fail)
    log_in("add")
    client.raise_request_exception = False
    assert client.post(ADD_URL, {"company": company.pk, "name": "ERP"}).status_code == 500
    assert not SecretKey.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "\x00"])
def test_key_when_issued_needs_a_name(client: Client, log_in: Callable[..., Any], company: Company, name: str) -> None:
    log_in("add")
    response = client.post(ADD_URL, {"company": company.pk, "name": name})
    assert set(response.context["adminform"].form.errors) == {"name"}
    assert not SecretKey.objects.exists()


def test_key_when_issued_is_for_a_company_the_user_may_see(
    client: Client, log_in: Callable[..., Any], company: Company, hidden: Company
) -> None:
    log_in("add")
    response = client.get(ADD_URL)
    assert list(response.context["adminform"].form.fields["company"].queryset) == [company]
    assert hidden.name not in response.content.decode()
    assert response.context["adminform"].form["company"].initial == company
    response = client.post(ADD_URL, {"company": hidden.pk, "name": "ERP"})
    assert set(response.context["adminform"].form.errors) == {"company"}
    assert not SecretKey.objects.exists()

    log_in("add", groups=tuple(hidden.groups.all()))
    assert client.get(ADD_URL).context["adminform"].form["company"].initial is None
    client.post(ADD_URL, {"company": hidden.pk, "name": "ERP"})
    assert SecretKey.objects.get().company == hidden


def test_keys_when_listed_show_their_state(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    active, revoked = issue(company, "active")[0], issue(company, "gone")[0]
    company_cache.revoke(revoked)
    log_in("view")
    shown = {
        state: {row.pk for row in client.get(LIST_URL, {"state": state}).context["cl"].result_list}
        for state in ("active", "revoked", "lost")
    }
    assert shown == {"active": {active.pk}, "revoked": {revoked.pk}, "lost": {active.pk, revoked.pk}}
    html = client.get(LIST_URL).content.decode()
    assert '<td class="field-state">Active</td>' in html
    assert '<td class="field-state">Revoked</td>' in html


def test_keys_when_of_a_hidden_company_are_out_of_reach(
    client: Client, log_in: Callable[..., Any], company: Company, hidden: Company
) -> None:
    row, hidden_row = issue(company)[0], issue(hidden)[0]
    log_in("view", "change")
    response = client.get(LIST_URL)
    assert [shown.pk for shown in response.context["cl"].result_list] == [row.pk]
    assert hidden.name not in response.content.decode()
    assert client.get(page_url("change", hidden_row)).status_code == 302
    assert client.get(page_url("history", hidden_row)).status_code == 302
    assert client.get(page_url("revoke", hidden_row)).status_code == 404
    assert client.post(page_url("revoke", hidden_row)).status_code == 404
    assert not is_revoked(hidden_row)

    log_in("change", groups=tuple(hidden.groups.all()))
    assert client.post(page_url("revoke", hidden_row)).status_code == 302
    assert is_revoked(hidden_row)


def test_key_when_opened_cannot_be_changed_or_deleted(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    row, _ = issue(company)
    log_in("add", "view", "change", "delete")
    response = client.get(page_url("change", row))
    assert response.status_code == 200
    assert 'name="name"' not in response.content.decode()
    changes = {"company": company.pk, "name": "other"}
    assert client.post(page_url("change", row), changes).status_code == 403
    assert client.post(page_url("delete", row), {"post": "yes"}).status_code == 403
    client.post(LIST_URL, {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    row.refresh_from_db()
    assert row.name == "server"


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("add", {"list": 403, "add": 200, "change": 403, "revoke": 403}),
        ("view", {"list": 200, "add": 403, "change": 200, "revoke": 403}),
        ("change", {"list": 200, "add": 403, "change": 200, "revoke": 200}),
        ("delete", {"list": 403, "add": 403, "change": 403, "revoke": 403}),
    ],
)
def test_pages_when_the_user_has_their_permission_open(
    client: Client, log_in: Callable[..., Any], company: Company, right: str, expected: dict[str, int]
) -> None:
    row, _ = issue(company)
    log_in(right)
    urls = {"list": LIST_URL, "add": ADD_URL, "change": page_url("change", row), "revoke": page_url("revoke", row)}
    assert {page: client.get(url).status_code for page, url in urls.items()} == expected
    if expected["add"] == 403:
        assert client.post(ADD_URL, {"company": company.pk, "name": "ERP"}).status_code == 403
        assert SecretKey.objects.count() == 1
    if expected["revoke"] == 403:
        assert client.post(page_url("revoke", row)).status_code == 403
        assert not is_revoked(row)


def test_pages_when_nobody_is_logged_in_ask_to_log_in(client: Client, company: Company) -> None:
    row, _ = issue(company)
    for url in (LIST_URL, ADD_URL, page_url("change", row), page_url("revoke", row)):
        assert client.post(url)["Location"].startswith("/admin/login/")
    assert not is_revoked(row)


def test_key_is_revoked_when_that_is_confirmed(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    row, _ = issue(company)
    user = log_in("change")
    assert page_url("revoke", row) in client.get(page_url("change", row)).content.decode()
    client.get(page_url("revoke", row))
    assert not is_revoked(row)

    response = client.post(page_url("revoke", row), follow=True)
    assert response.redirect_chain == [(page_url("change", row), 302)]
    assert "was revoked" in response.content.decode()
    assert is_revoked(row)
    row.refresh_from_db()
    revoked_at = row.revoked_at
    assert page_url("revoke", row) not in client.get(page_url("change", row)).content.decode()
    assert "<form method" not in client.get(page_url("revoke", row)).content.decode()

    client.post(page_url("revoke", row))
    row.refresh_from_db()
    assert row.revoked_at == revoked_at
    [entry] = LogEntry.objects.filter(user=user)
    assert entry.get_change_message() == "Revoked."


def test_revoke_button_when_permitted_is_shown(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    row, _ = issue(company)
    log_in("view")
    assert page_url("revoke", row) not in client.get(page_url("change", row)).content.decode()


def test_key_pages_when_the_csp_is_strict_are_not_blocked(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    row, _ = issue(company, "<script>alert(1)</script>")
    log_in("add", "change")
    pages = [client.get(page_url(page, row)) for page in ("change", "revoke")]
    pages += [client.get(LIST_URL), client.get(ADD_URL), client.post(ADD_URL, {"company": company.pk, "name": "<i>"})]
    assert [Page(page.content.decode()).blocked for page in pages] == [[]] * 5


def test_key_when_another_site_posts_is_not_issued_or_revoked(log_in: Callable[..., Any], company: Company) -> None:
    row, _ = issue(company)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(log_in("add", "change"))
    assert strict.post(page_url("revoke", row)).status_code == 403
    assert strict.post(ADD_URL, {"company": company.pk, "name": "ERP"}).status_code == 403
    assert not is_revoked(row)
    assert SecretKey.objects.count() == 1


@pytest.mark.parametrize("pk", ["0", "-1", "x", "%00", "99999999999999999999999", "_00"])
def test_key_when_there_is_none_cannot_be_revoked(
    client: Client, log_in: Callable[..., Any], company: Company, pk: str
) -> None:
    log_in("change")
    client.raise_request_exception = False
    assert client.post(f"{LIST_URL}{pk}/revoke/").status_code == 404


@pytest.mark.django_db
def test_key_when_used_is_listed_with_its_beginning_and_last_use(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    used, unused = SecretKey(company=company, name="used"), SecretKey(company=company, name="unused")
    secret = used.issue()
    unused.issue()
    assert post("interactions", {**IDENTITY, "type": "CHAT"}, Authorization=f"Bearer {secret}")[0] == 201
    event_counts.flush()
    log_in("view")
    rows = {row.name: row for row in client.get(LIST_URL).context["cl"].result_list}
    assert (rows["used"].prefix, len(rows["used"].prefix)) == (secret[:14], 14)
    assert rows["used"].last_used_at is not None
    assert rows["unused"].last_used_at is None
    page = client.get(page_url("change", used)).content.decode()
    assert f"{secret[:14]}…" in page
    assert secret[:15] not in page


@pytest.mark.django_db(transaction=True)
def test_key_when_issued_or_revoked_in_the_admin_is_known_here_at_once(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    log_in("add", "change")
    assert known(company).secret_keys == {}
    client.post(ADD_URL, {"company": company.pk, "name": "ERP"})
    row = SecretKey.objects.get()
    assert known(company).secret_keys == {row.digest: row.pk}
    client.post(page_url("revoke", row))
    assert known(company).secret_keys == {}


# On the command line


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("alhena_secret_key", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_command_when_issuing_prints_only_the_new_key(company: Company) -> None:
    err = io.StringIO()
    out = io.StringIO()
    call_command("alhena_secret_key", company.key, "--name", " ERP ", stdout=out, stderr=err)
    row = SecretKey.objects.get()
    key = out.getvalue().removesuffix("\n")
    assert (row.company, row.name) == (company, "ERP")
    assert row.digest == SecretKey.digest_of(key)
    assert f"Key {row.pk} of acme" in err.getvalue()
    assert key not in err.getvalue()


def test_command_when_listing_never_shows_secrets(company: Company) -> None:
    (active, key), (revoked, _) = issue(company, "ERP"), issue(company, "old")
    company_cache.revoke(revoked)
    other, _ = issue(factories.CompanyFactory.create(key="zebra"), "web")
    lines = [line.split("\t") for line in run("--list").splitlines()]
    assert [line[:3] for line in lines] == [
        [str(active.pk), "acme", "ERP"],
        [str(revoked.pk), "acme", "old"],
        [str(other.pk), "zebra", "web"],
    ]
    assert [line[3].split()[0] for line in lines] == ["issued", "revoked", "issued"]
    assert [line.split("\t")[0] for line in run("acme", "--list").splitlines()] == [str(active.pk), str(revoked.pk)]
    assert key not in run("--list")
    assert active.digest not in run("--list")


def test_command_when_revoking_revokes_a_key_once(company: Company) -> None:
    row, _ = issue(company, "ERP")
    assert run("--revoke", str(row.pk)) == f"Revoked key {row.pk}, 'ERP' of acme.\n"
    row.refresh_from_db()
    revoked_at = row.revoked_at
    assert revoked_at
    assert run("acme", "--revoke", str(row.pk)).startswith(f"Key {row.pk} was already revoked ")
    row.refresh_from_db()
    assert row.revoked_at == revoked_at


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["acme"], "one of the arguments --name --revoke --list is required"),
        (["--name", "ERP"], "Name the company to issue the key for."),
        (["ACME", "--name", "ERP"], "No company has the key 'ACME'."),
        (["nobody", "--list"], "No company has the key 'nobody'."),
        (["acme", "--name", " "], "This field cannot be blank."),
        (["acme", "--name", "x" * 65], "at most 64 characters"),
        (["acme", "--name", "ERP", "--list"], "not allowed with argument"),
        (["--revoke", "99999999999999999999999"], "No such key has the id"),
        (["acme", "--revoke", "x"], "invalid int value"),
    ],
)
def test_command_when_used_wrongly_says_how(company: Company, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert not SecretKey.objects.exists()


def test_command_when_the_key_is_another_companys_revokes_nothing(company: Company) -> None:
    row, _ = issue(factories.CompanyFactory.create())
    with pytest.raises(CommandError, match="No such key"):
        run("acme", "--revoke", str(row.pk))
    assert not is_revoked(row)


@pytest.mark.django_db(transaction=True)
def test_key_when_issued_or_revoked_by_the_command_is_known_here_at_once(company: Company) -> None:
    assert known(company).secret_keys == {}
    run("acme", "--name", "ERP")
    row = SecretKey.objects.get()
    assert known(company).secret_keys == {row.digest: row.pk}
    run("--revoke", str(row.pk))
    assert known(company).secret_keys == {}
