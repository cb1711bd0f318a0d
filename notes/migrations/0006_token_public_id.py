import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    """By itself: PostgreSQL alters no table in the transaction that has just changed its rows."""

    dependencies = [
        ('notes', '0005_token_scopes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apitoken',
            name='public_id',
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
    ]
