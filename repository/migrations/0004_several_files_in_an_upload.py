"""An upload may have several files: what was one file's moves to a row of its own."""

import django.db.models.deletion
from django.db import migrations, models


def give_each_upload_its_file(apps, schema_editor):
    Upload = apps.get_model("repository", "Upload")
    UploadedFile = apps.get_model("repository", "UploadedFile")
    for upload in Upload.objects.iterator():
        UploadedFile.objects.create(
            upload=upload,
            position=0,
            file_name=upload.file_name,
            key=upload.key,
            size=upload.size,
            sha256=upload.sha256,
            md5=upload.md5,
        )


class Migration(migrations.Migration):
    dependencies = [("repository", "0003_add_resumable_uploads")]

    operations = [
        migrations.CreateModel(
            name="UploadedFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("file_name", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=500)),
                ("size", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("md5", models.CharField(max_length=32)),
                (
                    "upload",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="files",
                        to="repository.upload",
                    ),
                ),
            ],
            options={
                "db_table": "rastrum_uploaded_file",
                "ordering": ["upload", "position"],
                "indexes": [models.Index(fields=["key"], name="uploaded_file_by_key")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("upload", "position"), name="uploaded_file_position"
                    )
                ],
            },
        ),
        migrations.RunPython(give_each_upload_its_file, migrations.RunPython.noop),
        # Foreign keys of the new rows are checked before their table may be altered again.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RemoveField(model_name="upload", name="key"),
        migrations.RemoveField(model_name="upload", name="md5"),
        migrations.RemoveField(model_name="upload", name="sha256"),
        migrations.AlterField(
            model_name="upload", name="size", field=models.BigIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="upload",
            name="source",
            field=models.CharField(blank=True, max_length=2000),
        ),
        migrations.AddField(
            model_name="asset",
            name="position",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="asset",
            name="role",
            field=models.CharField(
                choices=[("data", "Data"), ("original", "Original"), ("attachment", "Attachment")],
                max_length=20,
            ),
        ),
        migrations.AlterModelOptions(
            name="asset", options={"ordering": ["product", "version", "role", "position", "id"]}
        ),
    ]
