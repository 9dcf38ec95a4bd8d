"""Store when products were named. Days are rolled up again, as before they held the alphabetically last names."""

from typing import Any

from django.db import migrations, models


def mark_stale(apps: Any, schema_editor: Any) -> None:
    days = apps.get_model("alhena_tracking", "RolledUpDay").objects.using(schema_editor.connection.alias)
    days.update(is_stale=True)


class Migration(migrations.Migration):

    dependencies = [
        ('alhena_tracking', '0005_credited_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='dailyproductfigures',
            name='product_named_at',
            field=models.CharField(blank=True, default='', max_length=26, verbose_name='named at'),
        ),
        migrations.AddField(
            model_name='dailyproductfigures',
            name='reported_named_at',
            field=models.CharField(blank=True, default='', max_length=26, verbose_name='named in unconfirmed orders at'),
        ),
        migrations.AddField(
            model_name='dailyproducttotals',
            name='product_named_at',
            field=models.CharField(blank=True, default='', max_length=26, verbose_name='named at'),
        ),
        migrations.AddField(
            model_name='dailyproducttotals',
            name='reported_named_at',
            field=models.CharField(blank=True, default='', max_length=26, verbose_name='named in unconfirmed orders at'),
        ),
        migrations.AddField(
            model_name='weeklyproducttotals',
            name='product_named_at',
            field=models.CharField(blank=True, default='', max_length=26, verbose_name='named at'),
        ),
        migrations.AddField(
            model_name='weeklyproducttotals',
            name='reported_named_at',
            field=models.CharField(blank=True, default='', max_length=26, verbose_name='named in unconfirmed orders at'),
        ),
        migrations.RunPython(mark_stale, migrations.RunPython.noop),
    ]
