from argparse import ArgumentParser
from socket import socket
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management import BaseCommand, CommandError, call_command
from django.utils import timezone

from alhena_tracking.conf import conf
from alhena_tracking.models import Company
from example_project.shop.catalogue import load_catalogue
from example_project.shop.currencies import DEFAULT_CURRENCY
from example_project.shop.history import exclude_test_order, lay_history, store_rates

LOGIN = "demo"
PASSWORD = "demo"


class Command(BaseCommand):
    help = "Set up the example shop with a catalogue, a login and 60 days of traffic, and serve it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port to serve on (default: %(default)s)")
        parser.add_argument("--days", type=int, default=60, help="days of traffic (default: %(default)s)")
        parser.add_argument("--seed", type=int, default=1, help="seed of the random traffic (default: %(default)s)")
        parser.add_argument("--no-serve", action="store_true", help="set up the shop without serving it")

    def handle(self, *, port: int, days: int, seed: int, no_serve: bool, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo creates a login with a public password. It runs only with DEBUG = True.")
        if days < 1:
            raise CommandError("--days must be at least 1.")

        if not no_serve and is_taken(port):
            raise CommandError(f'Port {port} is in use. Choose another one: make demo ARGS="--port {port + 1}"')

        call_command("migrate", verbosity=0)
        products = load_catalogue()
        user = self.make_login()
        company = Company.objects.get(key=conf.company_key)
        Company.objects.filter(pk=company.pk).update(name="Morgenrot", currency=DEFAULT_CURRENCY.code)
        events = lay_history(company, days=days, seed=seed, now=timezone.now())
        store_rates(timezone.localdate(), days)
        if events:
            exclude_test_order(company, user)

        history = f"{events} events in {days} days" if events else "traffic of an earlier run kept"
        url = f"http://127.0.0.1:{port}"
        self.stdout.write(
            f"\n{products} products, {history}.\n\n"
            f"  Shop            {url}/\n"
            f"  Revenue impact  {url}/admin/alhena_tracking/revenueimpact/\n"
            f"  Login           {LOGIN} / {PASSWORD}\n"
        )
        if not no_serve:
            self.stdout.flush()  # the server below never returns
            # The autoreloader would run this whole command again.
            call_command("runserver", f"127.0.0.1:{port}", use_reloader=False)

    def make_login(self) -> AbstractBaseUser:
        user, _ = get_user_model()._default_manager.get_or_create(username=LOGIN)
        user.is_staff = user.is_superuser = True
        if not user.check_password(PASSWORD):  # setting it again would log out every session
            user.set_password(PASSWORD)
        user.save()
        return user


def is_taken(port: int) -> bool:
    """Whether another process listens on `port`."""
    with socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
