"""Store pyramids of finished tiles, and let a collection say whether."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("repository", "0008_add_block_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="prerender",
            field=models.CharField(
                choices=[("auto", "Where it pays"), ("never", "Never"), ("always", "Always")],
                db_default="auto",
                default="auto",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="stored_pyramid",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="Pyramid",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("revision", models.PositiveIntegerField()),
                ("drawing", models.CharField(max_length=64)),
                ("renderer", models.CharField(max_length=20)),
                (
                    "setting",
                    models.CharField(
                        choices=[
                            ("auto", "Where it pays"),
                            ("never", "Never"),
                            ("always", "Always"),
                        ],
                        max_length=10,
                    ),
                ),
                ("format", models.CharField(max_length=10)),
                ("key", models.CharField(blank=True, max_length=500)),
                ("size", models.BigIntegerField(default=0)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("min_zoom", models.PositiveSmallIntegerField(default=0)),
                ("max_zoom", models.PositiveSmallIntegerField(default=0)),
                ("tiles", models.BigIntegerField(default=0)),
                ("left_out", models.PositiveSmallIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("rendering", "Being drawn"),
                            ("ready", "Ready"),
                            ("declined", "Does not pay"),
                            ("failed", "Failed (our fault)"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("progress", models.FloatField(default=0.0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("fencing_token", models.PositiveIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("not_before", models.DateTimeField(null=True)),
                ("worker", models.CharField(blank=True, max_length=200)),
                ("error", models.TextField(blank=True)),
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
                ("retired", models.DateTimeField(null=True)),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pyramids",
                        to="repository.product",
                    ),
                ),
            ],
            options={
                "db_table": "rastrum_pyramid",
                "ordering": ["id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["waiting", "rendering"])),
                        fields=["created"],
                        name="pyramid_unfinished",
                    ),
                    models.Index(fields=["key"], name="pyramid_by_key"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("product", "version", "drawing", "renderer", "setting"),
                        name="pyramid_of_one_drawing_is_unique",
                    )
                ],
            },
        ),
    ]
