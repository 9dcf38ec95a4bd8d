"""Have days with orders rolled up again, as what is stored of them lacks the touches of 0009.

Apart from 0009, whose locks it would hold all the while: each chunk commits, and an interruption goes on where it ended.
"""

from typing import Any

from django.db import migrations
from django.db.models import Exists, OuterRef

CHUNK = 1000


def mark_stale(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    days = apps.get_model('alhena_tracking', 'RolledUpDay').objects.using(alias)
    orders = apps.get_model('alhena_tracking', 'Order').objects.using(alias).order_by()
    of_day = orders.filter(company=OuterRef('company'), occurred_on=OuterRef('on'))
    last = 0
    while pks := list(days.filter(pk__gt=last).order_by('pk').values_list('pk', flat=True)[:CHUNK]):
        last = pks[-1]
        days.filter(Exists(of_day), pk__in=pks, is_stale=False).update(is_stale=True)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('alhena_tracking', '0009_daily_touches'),
    ]

    operations = [
        migrations.RunPython(mark_stale, migrations.RunPython.noop, elidable=True),
    ]
