"""Every commit that changes what policy reads is told to all listeners (repository/generation.py)."""

from django.db import migrations

WATCHED = ("rastrum_collection", "rastrum_overview_tile", "rastrum_product", "rastrum_style")

FUNCTION = """
create function rastrum_tell_generation() returns trigger language plpgsql as $$
begin
    perform pg_notify('rastrum_generation', '');
    return null;
end $$
"""
TRIGGER = """
create trigger tell_generation after insert or update or delete or truncate on {table}
for each statement execute function rastrum_tell_generation()
"""


class Migration(migrations.Migration):
    dependencies = [("repository", "0011_add_styles")]

    operations = [
        migrations.RunSQL(FUNCTION, "drop function rastrum_tell_generation()"),
        *(
            migrations.RunSQL(
                TRIGGER.format(table=table), f"drop trigger tell_generation on {table}"
            )
            for table in WATCHED
        ),
    ]
