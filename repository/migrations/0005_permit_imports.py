"""Importing by address is a permission that operators grant."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("repository", "0004_several_files_in_an_upload"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="upload",
            options={
                "ordering": ["-created"],
                "permissions": [("import_by_url", "Can import files by their address")],
            },
        ),
    ]
