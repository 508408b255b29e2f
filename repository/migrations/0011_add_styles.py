"""Keep named styles of products, of collections and of their owners."""

import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("repository", "0010_add_overview_tiles"),
    ]

    operations = [
        migrations.CreateModel(
            name="Style",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=100,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z0-9][a-z0-9_.-]{0,99}\\Z",
                                "Use small letters, digits, '.', '_' and '-', starting with a letter or digit.",
                            )
                        ],
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=300)),
                ("definition", models.JSONField()),
                ("bands_needed", models.PositiveIntegerField()),
                ("revision", models.PositiveIntegerField(default=1)),
                (
                    "created",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "updated",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="styles",
                        to="repository.collection",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="styles",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="styles",
                        to="repository.product",
                    ),
                ),
            ],
            options={
                "db_table": "rastrum_style",
                "ordering": ["name", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("product", "name"), name="style_of_product"),
                    models.UniqueConstraint(
                        fields=("collection", "name"), name="style_of_collection"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("collection", None), ("product", None)),
                        fields=("owner", "name"),
                        name="style_of_owner",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("product", None), ("collection", None), _connector="OR"
                        ),
                        name="style_belongs_to_one",
                    ),
                ],
            },
        ),
    ]
