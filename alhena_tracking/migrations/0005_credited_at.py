"""Store the time of the credited interaction with each order and claim of before 0004.

Apart from 0004, whose locks it would hold all the while: each chunk commits, and an interruption goes on where it ended.
Their ``touches`` stay empty, as all of an order is then of its own channel and AI profile; nothing of it is direct.
"""

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery

CHUNK = 1000


def fill_in(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    interactions = apps.get_model('alhena_tracking', 'Interaction').objects.using(alias).order_by()
    times = interactions.filter(pk=OuterRef('credited_interaction')).values('occurred_at')
    for name in ('Order', 'OrderClaim'):
        rows = apps.get_model('alhena_tracking', name).objects.using(alias)
        last = 0
        while pks := list(rows.filter(pk__gt=last).order_by('pk').values_list('pk', flat=True)[:CHUNK]):
            last = pks[-1]
            rows.filter(pk__in=pks, credited_at=None).update(credited_at=Subquery(times))


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('alhena_tracking', '0004_direct_and_touches'),
    ]

    operations = [
        migrations.RunPython(fill_in, migrations.RunPython.noop, elidable=True),
    ]
