import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Keys live in a table of their own, where they are reserved before there is a note."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('notes', '0002_login_attempts'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='note',
            name='note_once_per_key',
        ),
        migrations.RemoveField(
            model_name='note',
            name='idempotency_key',
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(max_length=64)),
                ('reservation', models.UUIDField(default=uuid.uuid4, unique=True)),
                ('reserved_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('note', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='notes.note')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['reserved_at'], name='key_age')],
                'constraints': [models.UniqueConstraint(fields=('owner', 'key'), name='key_once_per_owner')],
            },
        ),
    ]
