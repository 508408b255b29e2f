"""Remember what was seen in the drop box, so that each item becomes one job."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("repository", "0005_permit_imports"),
    ]

    operations = [
        migrations.CreateModel(
            name="DroppedItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.CharField(max_length=900, unique=True)),
                ("signature", models.CharField(max_length=64)),
                (
                    "seen",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("taken", models.BooleanField(default=False)),
                (
                    "job",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="repository.job",
                    ),
                ),
            ],
            options={
                "db_table": "rastrum_dropped_item",
            },
        ),
    ]
