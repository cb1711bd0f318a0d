import hashlib
import uuid

from django.db import migrations, models


def mark_tokens(apps, schema_editor):
    """Tokens that exist belong to the password that their user has."""
    tokens = apps.get_model('notes', 'ApiToken').objects
    for token in tokens.select_related('user').iterator():
        mark = hashlib.sha256(token.user.password.encode()).hexdigest()
        tokens.filter(pk=token.pk).update(public_id=uuid.uuid4(), password_mark=mark)


class Migration(migrations.Migration):

    dependencies = [
        ('notes', '0004_usage'),
    ]

    operations = [
        migrations.AddField(
            model_name='apitoken',
            name='scope',
            field=models.CharField(choices=[('notes:write', 'Write'), ('notes:read', 'Read'), ('full', 'Full')], default='full', max_length=12),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='password_mark',
            field=models.CharField(default='', editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='apitoken',
            name='public_id',
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.RunPython(mark_tokens, migrations.RunPython.noop, elidable=True),
    ]
