"""Add up more of what orders hold. Days are rolled up again where an order holds any of it."""

from typing import Any

from django.db import migrations, models
from django.db.models import Exists, OuterRef, Q


def mark_stale(apps: Any, schema_editor: Any) -> None:
    """Mark the days with an order without lines, with a direct line, or that states tax, shipping or a discount."""

    def rows_of(name: str) -> Any:
        return apps.get_model('alhena_tracking', name).objects.using(schema_editor.connection.alias)

    lines = rows_of('OrderLine').filter(order=OuterRef('pk')).order_by()
    states = Q(tax_minor__isnull=False) | Q(shipping_minor__isnull=False) | Q(discount_minor__isnull=False)
    orders = rows_of('Order').filter(company=OuterRef('company'), occurred_on=OuterRef('on')).order_by()
    orders = orders.filter(~Exists(lines) | Exists(lines.filter(is_direct=True)) | states)
    rows_of('RolledUpDay').filter(Exists(orders)).update(is_stale=True)


class Migration(migrations.Migration):

    dependencies = [
        ('alhena_tracking', '0012_session_pairs'),
    ]

    operations = [
        migrations.AddField(
            model_name='dailyfigures',
            name='discount_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='discount'),
        ),
        migrations.AddField(
            model_name='dailyfigures',
            name='shipping_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='shipping'),
        ),
        migrations.AddField(
            model_name='dailyfigures',
            name='stated_orders',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='orders that state tax or shipping'),
        ),
        migrations.AddField(
            model_name='dailyfigures',
            name='tax_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='tax'),
        ),
        migrations.AddField(
            model_name='dailyfigures',
            name='unlined_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='orders without lines'),
        ),
        migrations.AddField(
            model_name='dailyproductfigures',
            name='direct_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='direct purchase revenue'),
        ),
        migrations.AddField(
            model_name='dailyproducttotals',
            name='direct_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='direct purchase revenue'),
        ),
        migrations.AddField(
            model_name='dailyproducttotals',
            name='trusted_direct_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='direct revenue of confirmed and verified orders'),
        ),
        migrations.AddField(
            model_name='weeklyproducttotals',
            name='direct_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='direct purchase revenue'),
        ),
        migrations.AddField(
            model_name='weeklyproducttotals',
            name='trusted_direct_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='direct revenue of confirmed and verified orders'),
        ),
        migrations.RunPython(mark_stale, migrations.RunPython.noop, elidable=True),
    ]
