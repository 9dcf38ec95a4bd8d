import alhena_tracking.models.base
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alhena_tracking', '0003_privacy_request_list'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OrderTouch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('CHAT', 'Chat'), ('FAQ', 'Product FAQ'), ('NUDGE', 'Nudge')], max_length=20, verbose_name='channel')),
                ('ai_profile', alhena_tracking.models.base.ExactCharField(blank=True, max_length=255, verbose_name='AI profile')),
                ('count', models.PositiveSmallIntegerField(verbose_name='interactions')),
                ('is_first', models.BooleanField(default=False, verbose_name='first touch')),
                ('is_last', models.BooleanField(default=False, verbose_name='last touch')),
                ('linear_minor', models.BigIntegerField(help_text="In minor units of the order's currency.", verbose_name='linear share')),
            ],
            options={
                'verbose_name': 'touch',
                'verbose_name_plural': 'touches',
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='dailyfigures',
            name='direct_minor',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='direct purchase revenue'),
        ),
        migrations.AddField(
            model_name='interaction',
            name='recommended_product_ids',
            field=models.JSONField(help_text='Their IDs; empty if the assistant recommended none.', null=True, verbose_name='recommended products'),
        ),
        migrations.AddField(
            model_name='order',
            name='credited_at',
            field=models.DateTimeField(help_text='Empty for orders of before it was stored.', null=True, verbose_name='time of the credited interaction'),
        ),
        migrations.AddField(
            model_name='order',
            name='direct_minor',
            field=models.BigIntegerField(db_default=0, default=0, help_text='What of the value is direct, in minor units of the currency. The rest is assisted.', verbose_name='direct'),
        ),
        migrations.AddField(
            model_name='order',
            name='grouped_lines',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='named_products',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='touches',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='orderclaim',
            name='credited_at',
            field=models.DateTimeField(help_text='Empty for orders of before it was stored.', null=True, verbose_name='time of the credited interaction'),
        ),
        migrations.AddField(
            model_name='orderclaim',
            name='named_products',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='orderclaim',
            name='touches',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='orderline',
            name='is_direct',
            field=models.BooleanField(db_default=False, default=False, help_text='An interaction before the order named or recommended the product.', verbose_name='direct'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('direct_minor__gte', 0), ('direct_minor__lte', models.F('value_minor'))), name='alhena_order_direct'),
        ),
        migrations.AddField(
            model_name='ordertouch',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='several_touches', to='alhena_tracking.order', verbose_name='order'),
        ),
        migrations.AddIndex(
            model_name='ordertouch',
            index=models.Index(fields=['order', 'id'], name='alhena_ordertouch_order'),
        ),
    ]
