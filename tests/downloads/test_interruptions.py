"""Files in the background whose making is interrupted: killed, failed, deleted, or begun twice at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.db import connection, connections
from django.utils import timezone

from alhena_tracking.contract.limits import EXPORT_ABANDONED_AFTER
from alhena_tracking.downloads import (
    background,
    run_exports,
)
from alhena_tracking.models import Company, Export, FileFormat
from tests.support.background_files import request_file, stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

RIGHTS = ("view_revenueimpact", "export_revenueimpact", "view_order")


@pytest.fixture
def abandoned(log_in: Callable[..., Any], shop: Company, storage: InMemoryStorage) -> Export:
    """What a killed process leaves: a part of the file, and a row that says it is at work."""
    export = request_file(log_in(*RIGHTS), shop)
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

    request_file(log_in(*RIGHTS), shop)
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
        request_file(user, shop, file_format)

    def work() -> int:
        try:
            return run_exports()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: work(), range(4))) == len(FileFormat)
    assert len(stored(storage)) == len(FileFormat)
    assert set(Export.objects.values_list("attempts", flat=True)) == {1}
