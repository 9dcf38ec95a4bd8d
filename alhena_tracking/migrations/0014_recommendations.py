"""Count what the assistant recommended by day. Days with recommendations are rolled up again."""

from typing import Any

import alhena_tracking.models.base
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Exists, OuterRef


def mark_stale(apps: Any, schema_editor: Any) -> None:
    """Mark the days with an interaction that recommended products."""

    def rows_of(name: str) -> Any:
        return apps.get_model('alhena_tracking', name).objects.using(schema_editor.connection.alias)

    interactions = rows_of('Interaction').filter(company=OuterRef('company'), occurred_on=OuterRef('on')).order_by()
    recommending = interactions.filter(is_qualifying=True, recommended_product_ids__isnull=False)
    rows_of('RolledUpDay').filter(Exists(recommending)).update(has_stale_sessions=True)


class Migration(migrations.Migration):

    dependencies = [
        ('alhena_tracking', '0013_amounts_of_orders'),
    ]

    operations = [
        migrations.CreateModel(
            name='DailyRecommended',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.DateField(help_text="In the company's time zone.", verbose_name='day')),
                ('channel', models.CharField(blank=True, max_length=20, verbose_name='channel')),
                ('ai_profile', alhena_tracking.models.base.ExactCharField(blank=True, max_length=255, verbose_name='AI profile')),
                ('product_id', alhena_tracking.models.base.ExactCharField(max_length=255, verbose_name='product ID')),
                ('interactions', models.PositiveIntegerField(default=0, verbose_name='interactions')),
                ('company', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, to='alhena_tracking.company', verbose_name='company')),
            ],
            options={
                'verbose_name': 'daily recommendations',
                'verbose_name_plural': 'daily recommendations',
                'abstract': False,
                'default_permissions': (),
                'indexes': [models.Index(fields=['company', 'on'], name='alhena_dailyrecommended_day'), models.Index(fields=['company', 'product_id', 'on'], name='alhena_dailyrecommended_of')],
            },
        ),
        migrations.RunPython(mark_stale, migrations.RunPython.noop, elidable=True),
    ]
