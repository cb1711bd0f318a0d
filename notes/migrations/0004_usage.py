import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('notes', '0003_idempotency_keys'),
    ]

    operations = [
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('notes', models.PositiveIntegerField(default=0)),
                ('audio_milliseconds', models.PositiveBigIntegerField(default=0)),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='usage', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'usage',
                'constraints': [
                    models.UniqueConstraint(fields=('owner', 'day'), name='usage_once_per_day'),
                    models.UniqueConstraint(condition=models.Q(('owner__isnull', True)), fields=('day',), name='usage_of_all_once_per_day'),
                ],
            },
        ),
    ]
