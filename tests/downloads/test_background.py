"""Files made in the background: once, by whom it may be, for whom they are, and for a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from alhena_tracking.contract.limits import EXPORT_ABANDONED_AFTER, EXPORT_KEPT, EXPORT_ROWS, EXPORTS_OF_A_PERSON
from alhena_tracking.downloads import (
    Asked,
    TakesTooLong,
    TooManyFiles,
    TooManyRows,
    background,
    request_export,
    run_exports,
    tasks,
)
from alhena_tracking.models import Company, Export, FileFormat
from alhena_tracking.reports import Period, ReportQuery
from alhena_tracking.signals import export_requested
from tests.support import factories
from tests.support.exported_files import read_csv
from tests.support.factories import at

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
URL = "/admin/alhena_tracking/revenueimpact/files/"
RIGHTS = ("view_revenueimpact", "export_revenueimpact", "view_order")


@pytest.fixture(autouse=True)
def storage(monkeypatch: pytest.MonkeyPatch) -> InMemoryStorage:
    found = InMemoryStorage()
    monkeypatch.setattr(background, "storage", lambda: found)
    monkeypatch.setattr("alhena_tracking.admin.report.files.storage", lambda: found)
    return found


@pytest.fixture
def shop(company: Company) -> Company:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    for number in range(3):
        factories.OrderFactory.create(session=session, order_id=f"A-{number}")
    return company


def stored(storage: InMemoryStorage) -> list[str]:
    try:
        return storage.listdir(background.FOLDER)[1]
    except FileNotFoundError:
        return []


def request(user: Any, company: Company, file_format: FileFormat = FileFormat.CSV, rows: int = 3) -> Export:
    asked = Asked("orders", file_format, ReportQuery(company=company, period=Period(MONDAY, MONDAY), currency="EUR"))
    return request_export(user, asked, TakesTooLong(None, rows))


def test_file_when_made_can_be_fetched_by_the_person(
    client: Client, log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage
) -> None:
    export = request(log_in(*RIGHTS), shop)
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
    request(log_in(*RIGHTS), shop)
    call_command("alhena_maintenance")
    assert Export.objects.get().status == "done"
    assert "orders: done." in capsys.readouterr().out


def test_csv_for_excel_when_requested_in_german_is_german(
    log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage
) -> None:
    request(log_in(*RIGHTS), shop, FileFormat.EXCEL)
    Export.objects.update(language="de")
    run_exports()
    with storage.open(Export.objects.get().stored_as) as file:
        assert ";10,00;" in file.read().decode()


# For whom


def test_file_when_asked_for_by_another_is_not_there(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    export = request(log_in(*RIGHTS), shop)
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
    export = request(user, shop)
    later = request(user, shop, FileFormat.EXCEL)
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
    export = request(user, shop)
    later = request(user, shop, FileFormat.EXCEL)
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
    request(user, shop)
    user.is_active = False
    user.save()
    assert run_exports() == 0
    assert Export.objects.get().problem == "not_allowed"


def test_file_when_its_name_is_asked_of_the_storage_cannot_be_guessed(
    log_in: Callable[..., Any], shop: Company
) -> None:
    request(log_in(*RIGHTS), shop)
    run_exports()
    name = Export.objects.get().stored_as.removeprefix(background.FOLDER)
    assert len(name) == len("/") + 32 + len(".csv")
    assert "acme" not in name


# How many, how long


def test_request_when_made_twice_is_one_file(log_in: Callable[..., Any], shop: Company) -> None:
    user = log_in(*RIGHTS)
    assert request(user, shop) == request(user, shop)
    assert request(user, shop, FileFormat.EXCEL) != request(user, shop)
    run_exports()
    assert Export.objects.count() == 2
    request(user, shop)  # of the rows of now
    assert Export.objects.count() == 3


def test_request_when_the_person_has_enough_is_refused(log_in: Callable[..., Any], shop: Company) -> None:
    user = log_in(*RIGHTS)
    for _ in range(EXPORTS_OF_A_PERSON):
        factories.ExportFactory.create(requested_by=user, status="done", finished_at=timezone.now())
    with pytest.raises(TooManyFiles):
        request(user, shop)
    request(log_in(*RIGHTS), shop)


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
        request(log_in(*RIGHTS), shop, rows=EXPORT_ROWS + 1)


def test_file_when_it_becomes_too_large_is_given_up(
    log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "EXPORT_BYTES", 100)
    request(log_in(*RIGHTS), shop)
    assert run_exports() == 0
    assert Export.objects.get().problem == "too_large"
    assert stored(storage) == []


def test_file_when_a_day_old_is_deleted(
    client: Client, log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage
) -> None:
    user = log_in(*RIGHTS)
    export, kept = request(user, shop), request(user, shop, FileFormat.EXCEL)
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
    request(user, shop)
    run_exports()
    user.delete()
    Export.objects.update(company=None, finished_at=timezone.now() - EXPORT_KEPT * 2)
    assert background.delete_expired() == 1
    assert stored(storage) == []


# Killed, failed, twice at once


@pytest.fixture
def abandoned(log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage) -> Export:
    """What a killed process leaves: a part of the file, and a row that says it is at work."""
    export = request(log_in(*RIGHTS), shop)
    taken = background._claim(set())
    assert taken == export
    storage.save(taken.stored_as, ContentFile(b"a part"))
    return taken


def test_file_when_its_process_was_killed_is_made_by_another(abandoned: Export, storage: InMemoryStorage) -> None:
    assert run_exports() == 0  # it may be alive
    Export.objects.update(worked_at=timezone.now() - EXPORT_ABANDONED_AFTER - timedelta(seconds=1))
    assert run_exports() == 1
    [name] = stored(storage)
    assert name in Export.objects.get().stored_as != abandoned.stored_as
    background._make(abandoned)  # the first one was only slow
    assert stored(storage) == [name]
    assert Export.objects.get().status == "done"


def test_file_when_deleted_while_it_is_made_leaves_nothing(abandoned: Export, storage: InMemoryStorage) -> None:
    background.delete_export(abandoned)
    background._make(abandoned)
    assert (stored(storage), Export.objects.count()) == ([], 0)


def test_file_when_every_process_dies_of_it_is_given_up(abandoned: Export) -> None:
    Export.objects.update(worked_at=timezone.now() - EXPORT_ABANDONED_AFTER * 2, attempts=background.ATTEMPTS)
    assert run_exports() == 0
    assert Export.objects.get().problem == "error"


def test_file_when_the_storage_fails_is_tried_again(
    log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> Any:
        raise OSError("storage")

    request(log_in(*RIGHTS), shop)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "save", fail)
        assert run_exports() == 0
    assert Export.objects.get().status == "requested"
    assert run_exports() == 1


def test_pulse_when_another_process_has_the_file_ends_the_work(abandoned: Export) -> None:
    with background._Pulse(abandoned) as pulse:
        pulse.check()
        pulse._is_lost.set()
        with pytest.raises(background._Lost):
            pulse.check()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite writes one after another")
def test_file_when_made_by_two_at_once_is_made_once(
    log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage
) -> None:
    user = log_in(*RIGHTS)
    for file_format in FileFormat:
        request(user, shop, file_format)

    def work() -> int:
        try:
            return run_exports()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: work(), range(4))) == len(FileFormat)
    assert len(stored(storage)) == len(FileFormat)
    assert set(Export.objects.values_list("attempts", flat=True)) == {1}


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
        export = request(user, shop)
        request(user, shop)
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
