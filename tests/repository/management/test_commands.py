from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from repository import jobs
from repository.authentication import principal_of
from repository.errors import Rejected, WrongCredentials
from repository.models import ApiToken, Collection, Job, Product
from repository.models.job import JobState
from tests.repository.conftest import STYLE, Role, raster_info

pytestmark = pytest.mark.django_db


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*map(str, arguments), stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_create_token_prints_a_working_token_alone_on_the_last_line(owner: Role) -> None:
    _, out, _ = run("create_token", "owner")
    token = out.splitlines()[-1]
    principal = principal_of(f"Bearer {token}", None)
    assert (principal.username, principal.can_write) == ("owner", True)


def test_create_token_can_make_one_that_only_reads(owner: Role) -> None:
    _, out, _ = run("create_token", "owner", "--scope", "read")
    assert not principal_of(f"Bearer {out.splitlines()[-1]}", None).can_write


def test_create_token_can_make_one_that_ends(owner: Role) -> None:
    run("create_token", "owner", "--days", 30)
    token = ApiToken.objects.get(name="made by create_token")
    assert (token.expires - token.created).days == 30


@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody"],
        ["owner", "--scope", "all"],
        ["owner", "--scope", ""],
        ["owner", "--days", "-1"],
        ["owner", "--days", "0"],
        ["owner", "--days", "99999999999"],
    ],
)
def test_create_token_refuses_what_makes_no_sense(owner: Role, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("create_token", *arguments)


def test_a_token_of_a_deactivated_user_does_not_hold(owner: Role) -> None:
    owner.user.is_active = False
    owner.user.save()
    with pytest.raises(WrongCredentials):
        principal_of(f"Bearer {owner.token}", None)


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    path = tmp_path / "my dem.tif"
    path.write_bytes(b"II*\0 as good as any: no worker reads it here")
    return path


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """What becomes of each job once the command looks at it."""
    from repository.management.commands import ingest

    def becomes(end: Callable[[Job, jobs.Lease], None]) -> None:
        follow = ingest.Command._follow

        def work_then_follow(self: Any, job: Job) -> Job:
            lease = jobs.claim(job.pk, "worker")
            assert lease is not None
            end(job, lease)
            return follow(self, job)

        monkeypatch.setattr(ingest.Command, "_follow", work_then_follow)

    return becomes


def published(job: Job, lease: jobs.Lease) -> None:
    from django.db import transaction

    from repository import registration

    with transaction.atomic():
        jobs.mark_published(lease)
        registration.publish(job.product_id, raster_info(), STYLE, [], request=job.request)


def rejected(job: Job, lease: jobs.Lease) -> None:
    error = Rejected("It is a text.", code="not_a_raster", hint="Send a raster.")
    jobs.finish(lease, JobState.REJECTED, error)


def test_ingest_publishes_and_prints_the_addresses(
    operator: Role, collection: Collection, raster: Path, worker: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://maps.example.org"
    worker(published)
    code, out, err = run("ingest", raster, "--collection", "alps")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "my dem.tif: published"
    assert "  https://maps.example.org/products/alps/my-dem" in out.splitlines()


def test_ingest_takes_what_is_said_of_the_product(
    operator: Role, collection: Collection, raster: Path, worker: Any
) -> None:
    worker(published)
    run(
        "ingest",
        raster,
        "--collection",
        "alps",
        "--id",
        "dem",
        "--title",
        "DEM",
        "--datetime",
        "2024-08-24",
        "--private",
    )
    product = Product.objects.get()
    assert (product.slug, product.title, product.visibility) == ("dem", "DEM", "private")
    assert str(product.start) == "2024-08-24 00:00:00+00:00"


def test_ingest_exits_with_1_and_one_sentence_for_a_rejected_file(
    operator: Role, collection: Collection, raster: Path, worker: Any
) -> None:
    worker(rejected)
    code, _, err = run("ingest", raster, "--collection", "alps")
    assert code == 1
    assert err.splitlines() == ["my dem.tif: It is a text. Send a raster."]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{missing}", "--collection", "alps"], "There is no file"),
        (["{raster}", "--collection", "none"], "There is no collection none"),
        (["{raster}", "--collection", "alps", "--user", "nobody"], "There is no user nobody"),
        (["{raster}", "--collection", "alps", "--datetime", "soon"], "is no date or time"),
        (["{raster}", "--collection", "alps", "--id", "Not An Id"], "cannot be an id"),
    ],
)
def test_ingest_says_what_is_wrong_and_exits_with_1(
    operator: Role, collection: Collection, raster: Path, arguments: list[str], sentence: str
) -> None:
    given = [a.format(raster=raster, missing=raster.with_name("no.tif")) for a in arguments]
    code, _, err = run("ingest", *given)
    assert code == 1
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_ingest_goes_on_after_a_file_that_is_refused(
    operator: Role, collection: Collection, raster: Path, worker: Any
) -> None:
    worker(published)
    code, out, err = run("ingest", raster.with_name("no.tif"), raster, "--collection", "alps")
    assert code == 1
    assert "my dem.tif: published" in out
    assert "no.tif" in err


def test_ingest_leaves_the_users_file_alone(
    operator: Role, collection: Collection, raster: Path, worker: Any
) -> None:
    worker(published)
    before = raster.read_bytes()
    run("ingest", raster, "--collection", "alps")
    assert (raster.read_bytes(), raster.stat().st_nlink) == (before, 1)


def test_one_id_for_two_files_is_refused(raster: Path) -> None:
    with pytest.raises(CommandError, match="one product"):
        call_command("ingest", str(raster), str(raster), "--collection", "alps", "--id", "x")


def test_bootstrap_makes_an_administrator_a_collection_and_samples(settings: Any) -> None:
    settings.ADMIN_PASSWORD, settings.PUBLISH_SAMPLE = "", True
    _, out, _ = run("bootstrap")
    assert "password:" in out
    assert set(Collection.objects.values_list("id", flat=True)) == {"uploads", "samples"}
    assert Job.objects.filter(collection="samples", state="queued").count() >= 1


def test_bootstrap_changes_nothing_the_second_time(settings: Any) -> None:
    settings.PUBLISH_SAMPLE = True
    run("bootstrap")
    before = (list(Collection.objects.values()), Job.objects.count())
    _, out, _ = run("bootstrap")
    assert out == ""
    assert (list(Collection.objects.values()), Job.objects.count()) == before


def test_bootstrap_does_not_print_a_password_that_was_given(settings: Any) -> None:
    settings.ADMIN_PASSWORD, settings.PUBLISH_SAMPLE = "given-and-secret", False
    _, out, _ = run("bootstrap")
    assert "given-and-secret" not in out
