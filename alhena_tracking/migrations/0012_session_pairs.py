"""Count sessions by each channel and AI profile that they used. All days' sessions are rolled up again."""

from typing import Any

from django.db import migrations, models

import alhena_tracking.models.base


def mark_stale(apps: Any, schema_editor: Any) -> None:
    days = apps.get_model("alhena_tracking", "RolledUpDay").objects.using(schema_editor.connection.alias)
    days.update(has_stale_sessions=True)


def drop_rows(apps: Any, schema_editor: Any) -> None:
    mark_stale(apps, schema_editor)
    # Those with null cannot stay.
    apps.get_model("alhena_tracking", "DailySessions").objects.using(schema_editor.connection.alias).all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('alhena_tracking', '0011_maintenance_steps'),
    ]

    operations = [
        migrations.AlterField(
            model_name='dailysessions',
            name='ai_profile',
            field=alhena_tracking.models.base.ExactCharField(help_text='Null in rows over all AI profiles.', max_length=255, null=True, verbose_name='AI profile'),  # type: ignore[misc]
        ),
        migrations.AlterField(
            model_name='dailysessions',
            name='channel',
            field=models.CharField(help_text='Null in rows over all channels.', max_length=20, null=True, verbose_name='channel'),
        ),
        migrations.RunPython(mark_stale, drop_rows),
    ]
