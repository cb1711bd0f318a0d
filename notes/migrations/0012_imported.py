from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("notes", "0011_measure"),
    ]

    operations = [
        migrations.CreateModel(
            name='Imported',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('imported_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name_plural': 'imported',
            },
        ),
    ]
