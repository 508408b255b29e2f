"""The addresses of the private engines."""

from __future__ import annotations

from pathlib import Path

import dj_database_url
import pytest

from config.embedded import UnsafeRunFolder, connection_env, make_run_folder, run_folder


@pytest.fixture
def data_dir(tmp_path: Path):
    yield tmp_path
    folder = run_folder(tmp_path)
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        folder.rmdir()


def test_the_database_url_leads_to_the_run_folder(data_dir: Path) -> None:
    url = connection_env(data_dir)["DATABASE_URL"]
    assert dj_database_url.parse(url)["HOST"] == str(run_folder(data_dir))


def test_every_spelling_of_a_data_folder_has_the_same_addresses(data_dir: Path) -> None:
    assert connection_env(data_dir / "x" / "..") == connection_env(data_dir)


def test_two_data_folders_share_nothing(tmp_path: Path) -> None:
    one, two = connection_env(tmp_path / "one"), connection_env(tmp_path / "two")
    assert not set(one.values()) & set(two.values())


def test_a_deep_data_folder_has_short_socket_paths(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name"] * 12)
    assert len(str(run_folder(deep) / ".s.PGSQL.5432.lock")) < 108


def test_the_run_folder_is_private(data_dir: Path) -> None:
    assert make_run_folder(data_dir).stat().st_mode & 0o777 == 0o700
    assert make_run_folder(data_dir) == run_folder(data_dir)


def test_a_run_folder_that_others_may_enter_is_refused(data_dir: Path) -> None:
    make_run_folder(data_dir).chmod(0o755)
    with pytest.raises(UnsafeRunFolder, match="not a private folder"):
        make_run_folder(data_dir)


def test_a_link_in_place_of_the_run_folder_is_refused(data_dir: Path, tmp_path: Path) -> None:
    run_folder(data_dir).symlink_to(tmp_path)
    with pytest.raises(UnsafeRunFolder, match="not a private folder"):
        make_run_folder(data_dir)
