"""Manage secret keys from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from alhena_tracking import company_cache
from alhena_tracking.db.transactions import database
from alhena_tracking.models import Company, SecretKey


class Command(BaseCommand):
    help = "Issue, list or revoke the secret keys with which a shop's server authenticates."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("company", nargs="?", help="the company's key; without it, --list lists all keys")
        task = parser.add_mutually_exclusive_group(required=True)
        task.add_argument("--name", help="issue a key under this name and print it; it cannot be shown again")
        task.add_argument("--revoke", type=int, metavar="ID", dest="revoked_id", help="revoke a key permanently")
        task.add_argument("--list", action="store_true", help="list keys with their ids")

    def handle(self, *, company: str | None, name: str | None, revoked_id: int | None, **options: Any) -> None:
        if name is not None:
            self.issue(company, name)
            return
        # A replica may not have the key yet that was issued a moment ago.
        keys = SecretKey.objects.using(database().alias).select_related("company").order_by("company__key", "pk")
        if company is not None:
            keys = keys.filter(company=self.find_company(company))
        if revoked_id is not None:
            self.revoke(keys, revoked_id)
            return
        for key in keys:
            self.stdout.write(f"{key.pk}\t{key.company.key}\t{key.name}\t{_state(key)}")

    def find_company(self, key: str) -> Company:
        found = company_cache.find_company(key)
        if found is None:
            raise CommandError(f"No company has the key {key!r}.")
        return found.company

    def issue(self, company: str | None, name: str) -> None:
        if company is None:
            raise CommandError("Name the company to issue the key for.")
        key = SecretKey(company=self.find_company(company), name=name.strip())
        try:
            key.full_clean(exclude=["company"])  # found above; it is validated where a router sends reads
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        issued = key.issue()
        company_cache.clear_after_commit()
        # On stderr, so that stdout has nothing but the key.
        self.stderr.write(f"Key {key.pk} of {company}. It is shown only once:", self.style.WARNING)
        self.stdout.write(issued)

    def revoke(self, keys: QuerySet[SecretKey], pk: int) -> None:
        key = keys.filter(pk=pk).first()
        if key is None:
            raise CommandError(f"No such key has the id {pk}.")
        if company_cache.revoke(key):
            self.stdout.write(f"Revoked key {pk}, {key.name!r} of {key.company.key}.")
        else:
            self.stdout.write(f"Key {pk} was already {_state(key)}.")


def _state(key: SecretKey) -> str:
    moment, word = (key.revoked_at, "revoked") if key.revoked_at else (key.created_at, "issued")
    return f"{word} {timezone.localtime(moment):%Y-%m-%d %H:%M}"
