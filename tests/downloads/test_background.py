"""Files made in the background: once, by whom it may be, for whom they are, and for a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.storage import InMemoryStorage
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from alhena_tracking.contract.limits import EXPORT_KEPT, EXPORT_ROWS, EXPORTS_OF_A_PERSON
from alhena_tracking.downloads import (
    TooManyFiles,
    TooManyRows,
    background,
    run_exports,
    tasks,
)
from alhena_tracking.models import Company, Export, FileFormat
from alhena_tracking.signals import export_requested
from tests.support import factories
from tests.support.background_files import request_file, stored
from tests.support.exported_files import read_csv

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

URL = "/admin/alhena_tracking/revenueimpact/files/"
RIGHTS = ("view_revenueimpact", "export_revenueimpact", "view_order")


def test_file_when_made_can_be_fetched_by_the_person(
    client: Client, log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage
) -> None:
    export = request_file(log_in(*RIGHTS), shop)
    [file] = client.get(URL).context["files"]
    assert (file.state, file.url) == ("Requested", "")
    assert client.get(f"{URL}{export.pk}/").status_code == 404
    assert run_exports() == 1
    [file] = client.get(URL).context["files"]
    assert file.state == "Done"
    response = client.get(file.url)
    content = b"".join(response)
    assert [row["Order ID"] for row in read_csv(content)] == ["A-0", "A-1", "A-2"]
    assert int(response["Content-Length"]) == len(content)
    assert (
        'filename="revenue-impact_acme_orders_2026-03-02_2026-03-02_EUR_3-rows.csv"'
        in (response["Content-Disposition"])
    )
    assert run_exports() == 0
    assert len(stored(storage)) == 1


def test_maintenance_when_files_are_requested_makes_them(
    log_in: Callable[..., Any], shop: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    request_file(log_in(*RIGHTS), shop)
    call_command("alhena_maintenance")
    assert Export.objects.get().status == "done"
    assert "orders: done." in capsys.readouterr().out


def test_csv_for_excel_when_requested_in_german_is_german(
    log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage
) -> None:
    request_file(log_in(*RIGHTS), shop, FileFormat.EXCEL)
    Export.objects.update(language="de")
    run_exports()
    with storage.open(Export.objects.get().stored_as) as file:
        assert ";10,00;" in file.read().decode()


# For whom


def test_file_when_asked_for_by_another_is_not_there(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    export = request_file(log_in(*RIGHTS), shop)
    run_exports()
    log_in(is_superuser=True)
    assert client.get(URL).context["files"] == []
    assert client.get(f"{URL}{export.pk}/").status_code == 404
    assert client.post(f"{URL}{export.pk}/delete/").status_code == 404


@pytest.mark.parametrize("right", RIGHTS)
def test_file_when_a_right_was_taken_back_is_refused(
    client: Client, log_in: Callable[..., Any], shop: Company, right: str
) -> None:
    user = log_in(*RIGHTS)
    export = request_file(user, shop)
    later = request_file(user, shop, FileFormat.EXCEL)
    run_exports()
    Export.objects.filter(pk=later.pk).update(status="requested", attempts=0, run=None)
    user.user_permissions.remove(Permission.objects.get(content_type__app_label="alhena_tracking", codename=right))
    assert client.get(f"{URL}{export.pk}/").status_code == 403
    assert run_exports() == 0
    later.refresh_from_db()
    assert (later.status, later.problem) == ("failed", "not_allowed")


def test_file_when_its_company_was_restricted_is_gone(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    user = log_in(*RIGHTS)
    export = request_file(user, shop)
    later = request_file(user, shop, FileFormat.EXCEL)
    factories.CompanyFactory.create(key="open")
    run_exports()
    Export.objects.filter(pk=later.pk).update(status="requested", attempts=0, run=None)
    factories.restrict(shop, factories.GroupFactory.create())
    assert client.get(f"{URL}{export.pk}/").status_code == 404
    assert client.get(URL).context["files"] == []
    run_exports()
    later.refresh_from_db()
    assert later.problem == "not_allowed"


def test_file_when_the_person_was_deactivated_is_not_made(log_in: Callable[..., Any], shop: Company) -> None:
    user = log_in(*RIGHTS)
    request_file(user, shop)
    user.is_active = False
    user.save()
    assert run_exports() == 0
    assert Export.objects.get().problem == "not_allowed"


def test_file_when_its_name_is_asked_of_the_storage_cannot_be_guessed(
    log_in: Callable[..., Any], shop: Company
) -> None:
    request_file(log_in(*RIGHTS), shop)
    run_exports()
    name = Export.objects.get().stored_as.removeprefix(background.FOLDER)
    assert len(name) == len("/") + 32 + len(".csv")
    assert "acme" not in name


# How many, how long


def test_request_when_made_twice_is_one_file(log_in: Callable[..., Any], shop: Company) -> None:
    user = log_in(*RIGHTS)
    assert request_file(user, shop) == request_file(user, shop)
    assert request_file(user, shop, FileFormat.EXCEL) != request_file(user, shop)
    run_exports()
    assert Export.objects.count() == 2
    request_file(user, shop)  # of the rows of now
    assert Export.objects.count() == 3


def test_request_when_the_person_has_enough_is_refused(log_in: Callable[..., Any], shop: Company) -> None:
    user = log_in(*RIGHTS)
    for _ in range(EXPORTS_OF_A_PERSON):
        factories.ExportFactory.create(requested_by=user, status="done", finished_at=timezone.now())
    with pytest.raises(TooManyFiles):
        request_file(user, shop)
    request_file(log_in(*RIGHTS), shop)


def test_page_when_the_person_has_enough_says_what_to_do(
    client: Client, log_in: Callable[..., Any], shop: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alhena_tracking.downloads.making.AT_ONCE_SECONDS", 0.0)
    user = log_in(*RIGHTS)
    for _ in range(EXPORTS_OF_A_PERSON):
        factories.ExportFactory.create(requested_by=user)
    response = client.get(URL.replace("files/", "export/orders.csv"), {"start": "2026-03-02"}, follow=True)
    assert response.status_code == 400
    response = client.get(URL.replace("files/", "export/orders.csv"), follow=True)
    assert [str(message) for message in response.context["messages"]] == [
        "You have 5 files already. Delete one to have another made."
    ]
    export = Export.objects.first()
    assert export
    assert client.get(f"{URL}{export.pk}/delete/").status_code == 405
    client.post(f"{URL}{export.pk}/delete/")
    assert Export.objects.count() == EXPORTS_OF_A_PERSON - 1


def test_request_when_there_are_too_many_rows_is_refused(log_in: Callable[..., Any], shop: Company) -> None:
    with pytest.raises(TooManyRows):
        request_file(log_in(*RIGHTS), shop, rows=EXPORT_ROWS + 1)


def test_file_when_it_becomes_too_large_is_given_up(
    log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "EXPORT_BYTES", 100)
    request_file(log_in(*RIGHTS), shop)
    assert run_exports() == 0
    assert Export.objects.get().problem == "too_large"
    assert stored(storage) == []


def test_file_when_a_day_old_is_deleted(
    client: Client, log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage
) -> None:
    user = log_in(*RIGHTS)
    export, kept = request_file(user, shop), request_file(user, shop, FileFormat.EXCEL)
    run_exports()
    Export.objects.filter(pk=export.pk).update(finished_at=timezone.now() - EXPORT_KEPT - timedelta(seconds=1))
    assert client.get(f"{URL}{export.pk}/").status_code == 404
    call_command("alhena_maintenance", verbosity=0)
    assert list(Export.objects.all()) == [kept]
    assert len(stored(storage)) == 1


def test_file_when_person_and_company_are_deleted_is_deleted_in_time(
    log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage
) -> None:
    user = log_in(*RIGHTS)
    request_file(user, shop)
    run_exports()
    user.delete()
    Export.objects.update(company=None, finished_at=timezone.now() - EXPORT_KEPT * 2)
    assert background.delete_expired() == 1
    assert stored(storage) == []


# Other ways to have them made


@pytest.fixture
def announced() -> Iterator[list[Export]]:
    found: list[Export] = []

    def receive(instance: Export, **kwargs: Any) -> None:
        found.append(instance)

    export_requested.connect(receive)
    yield found
    export_requested.disconnect(receive)


def test_signal_when_a_file_is_requested_is_sent_after_the_commit(
    log_in: Callable[..., Any],
    shop: Company,
    announced: list[Export],
    django_capture_on_commit_callbacks: Any,
) -> None:
    user = log_in(*RIGHTS)
    with django_capture_on_commit_callbacks(execute=True):
        export = request_file(user, shop)
        request_file(user, shop)
        assert announced == []
    assert announced == [export]


def test_task_when_django_has_workers_is_enqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("django.tasks", reason="Django tasks came with Django 6.0")
    called: list[str] = []
    monkeypatch.setattr(type(tasks.make_exports), "enqueue", lambda task: called.append(task.module_path))
    tasks.enqueue()  # the default runs tasks at once: in the request
    assert called == []

    class Backend:
        pass

    monkeypatch.setattr(tasks._tasks, "task_backends", {"default": Backend()})
    tasks.enqueue()
    assert called == ["alhena_tracking.downloads.tasks.make_exports"]
