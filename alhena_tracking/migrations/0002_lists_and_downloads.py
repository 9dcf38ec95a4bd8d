import alhena_tracking.models.base
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alhena_tracking', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('table', models.CharField(max_length=32, verbose_name='table')),
                ('format', models.CharField(choices=[('csv', 'CSV'), ('excel', 'CSV for Excel'), ('xlsx', 'XLSX')], max_length=5, verbose_name='format')),
                ('filters', models.JSONField(default=dict, verbose_name='filters')),
                ('language', models.CharField(max_length=35, verbose_name='language')),
                ('status', models.CharField(choices=[('requested', 'Requested'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed')], default='requested', max_length=9, verbose_name='status')),
                ('problem', models.CharField(blank=True, choices=[('not_allowed', 'You may not export this any more.'), ('too_large', 'The file became too large. Choose a shorter period.'), ('error', 'Something went wrong. The log of the shop has the details.')], max_length=11, verbose_name='problem')),
                ('requested_at', models.DateTimeField(verbose_name='requested at')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished at')),
                ('row_count', models.BigIntegerField(verbose_name='rows')),
                ('size', models.BigIntegerField(default=0, verbose_name='size in bytes')),
                ('file_name', alhena_tracking.models.base.ExactCharField(blank=True, max_length=255, verbose_name='file name')),
                ('stored_as', alhena_tracking.models.base.ExactCharField(blank=True, editable=False, max_length=255)),
                ('run', models.UUIDField(editable=False, null=True)),
                ('worked_at', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, editable=False)),
            ],
            options={
                'verbose_name': 'export',
                'verbose_name_plural': 'exports',
                'ordering': ['-requested_at', '-id'],
                'default_permissions': (),
            },
        ),
        migrations.AlterModelOptions(
            name='pendingconfirmation',
            options={'ordering': ['-received_at', '-id'], 'verbose_name': 'pending confirmation', 'verbose_name_plural': 'pending confirmations'},
        ),
        migrations.AddField(
            model_name='secretkey',
            name='prefix',
            field=models.CharField(blank=True, editable=False, max_length=16, verbose_name='beginning'),
        ),
        migrations.AddIndex(
            model_name='cartevent',
            index=models.Index(fields=['company', 'occurred_at', 'id'], name='alhena_cartevent_list'),
        ),
        migrations.AddIndex(
            model_name='cartevent',
            index=models.Index(fields=['company', 'product_id_digest', 'occurred_at', 'id'], name='alhena_cartevent_product'),
        ),
        migrations.AddIndex(
            model_name='interaction',
            index=models.Index(fields=['company', 'occurred_at', 'id'], name='alhena_interaction_list'),
        ),
        migrations.AddIndex(
            model_name='interaction',
            index=models.Index(fields=['company', 'conversation_id', 'occurred_at', 'id'], name='alhena_interaction_chat'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(fields=['company', 'occurred_at', 'id'], name='alhena_order_list'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(fields=['company', 'standing', 'occurred_at', 'id'], name='alhena_order_standings'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(fields=['company', 'has_conflict', 'occurred_at', 'id'], name='alhena_order_conflicts'),
        ),
        migrations.AddIndex(
            model_name='orderclaim',
            index=models.Index(fields=['company', 'occurred_at', 'id'], name='alhena_orderclaim_list'),
        ),
        migrations.AddIndex(
            model_name='pendingconfirmation',
            index=models.Index(fields=['company', 'received_at', 'id'], name='alhena_pending_list'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['company', 'occurred_at', 'id'], name='alhena_refund_list'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['company', 'refund_id_digest'], name='alhena_refund_search'),
        ),
        migrations.AddIndex(
            model_name='visitorsession',
            index=models.Index(fields=['company', 'started_at', 'id'], name='alhena_session_list'),
        ),
        migrations.AddField(
            model_name='export',
            name='company',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='alhena_tracking.company', verbose_name='company'),
        ),
        migrations.AddField(
            model_name='export',
            name='requested_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='requested by'),
        ),
        migrations.AddIndex(
            model_name='export',
            index=models.Index(fields=['status', 'requested_at'], name='alhena_export_status_at'),
        ),
        migrations.AddConstraint(
            model_name='export',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['requested', 'running', 'done', 'failed'])), name='alhena_export_status'),
        ),
    ]
