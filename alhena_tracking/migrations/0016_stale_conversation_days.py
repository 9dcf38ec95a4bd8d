"""Mark roll-ups stale that lack what 0009 adds: of days with orders from conversations, and with sessions that had some.

Apart from 0009, whose locks it would hold all the while: each day is marked by itself.
"""

from typing import Any

from django.db import migrations


def mark(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    days, interactions, orders, sessions = (
        apps.get_model('alhena_tracking', name).objects.using(alias).order_by()
        for name in ('RolledUpDay', 'Interaction', 'Order', 'VisitorSession')
    )
    for company in days.values_list('company', flat=True).distinct():
        if not interactions.filter(company=company, conversation_id__gt='').exists():
            continue
        credited = orders.filter(company=company, credited_interaction__conversation_id__gt='')
        conversing = sessions.filter(company=company, interactions__conversation_id__gt='')
        for day in days.filter(company=company):
            if not day.is_stale and credited.filter(occurred_on=day.on).exists():
                days.filter(pk=day.pk).update(is_stale=True)
            if not day.has_stale_sessions and conversing.filter(started_on=day.on).exists():
                days.filter(pk=day.pk).update(has_stale_sessions=True)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('alhena_tracking', '0015_conversations'),
    ]

    operations = [
        migrations.RunPython(mark, migrations.RunPython.noop, elidable=True),
    ]
