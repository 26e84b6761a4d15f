"""Files as people and accidents make them: each is understood, or refused with one message."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beamheat_fw.campaign import load_campaign
from beamheat_fw.errors import InputError
from beamheat_fw.launch.worker_file import read_fworker
from beamheat_fw.store.server.launchpad_file import read_launchpad_file
from beamheat_fw.yaml_files import read_mapping

ROOT = Path(__file__).parents[1]
READERS = {
    "workflows/quickstart.yaml": load_campaign,
    "launchers/my_fworker.yaml": read_fworker,
    "my_launchpad.yaml": lambda path: read_launchpad_file(path).client().close(),
}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        [10**400, -1, 0, "", "é\u202e\U0001f525", "*", "!!python/object:os.system", "2026-99-99"]
    ),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=8),
    st.dates(),
)
#: More than Python's stack holds; what reads YAML takes the square of it in time.
TOO_DEEP = 2000
VALUES = st.recursive(
    SCALARS,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=8), x, max_size=3),
    max_leaves=6,
)


@cache
def _document(source: str) -> Any:
    return yaml.safe_load((ROOT / source).read_text())


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in items for path in _paths(item, (*at, key)))]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


def _refusal(source: str, path: Path) -> str | None:
    """Return how a file is refused, or None; anything but an `InputError` fails the test."""
    try:
        READERS[source](path)
    except InputError as error:
        return error.message()
    return None


@st.composite
def mutated(draw: st.DrawFn, source: str) -> bytes:
    """A valid file with values replaced or bytes cut, doubled and written over."""
    text = (ROOT / source).read_text()
    if draw(st.booleans()):
        document = _document(source)
        for _ in range(draw(st.integers(1, 3))):
            document = _replaced(document, draw(st.sampled_from(_paths(document))), draw(VALUES))
        return yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass")
    content, at = text.encode(), draw(st.integers(0, len(text)))
    how = draw(st.sampled_from(["cut", "insert", "double line", "deep", "anchor", "binary", "empty"]))
    line = content[:at].splitlines()[-1:] or [b""]
    return {
        "cut": content[:at],
        "insert": content[:at] + draw(st.binary(max_size=10)) + content[at:],
        "double line": content + b"\n" + line[0] + b"\n",
        "deep": content + b"\nx: " + b"[" * TOO_DEEP,
        "anchor": b"a: &a [x, x]\nb: &b [*a, *a]\n" + content,
        "binary": draw(st.binary(max_size=200)),
        "empty": b"",
    }[how]


@pytest.mark.parametrize("source", READERS)
def test_mutated_file_is_understood_or_refused_with_one_message(source: str, tmp_path: Path) -> None:
    path = tmp_path / Path(source).name
    (tmp_path / "data").symlink_to(ROOT / "workflows" / "data")

    @settings(max_examples=167, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(mutated(source))
    def read(content: bytes) -> None:
        path.write_bytes(content)
        path.chmod(0o600)
        before = sorted(os.listdir(tmp_path))
        message = _refusal(source, path)
        assert message is None or len(message) < 3000
        assert sorted(os.listdir(tmp_path)) == before

    read()


SAMPLES = [b"", b"\xff\x00", b"[" * TOO_DEEP, b"a: 1\na: 2\n", b"a: &a [1, *a]\n", b"x: " + b"9" * 5000]
OPTIONS = ["campaign", "-l"]


class Check(NamedTuple):
    """A process that reads a file, the only one in its folder."""

    process: subprocess.Popen[str]
    folder: Path


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[bytes, str], Check]:
    """``beamheat check`` on each sample, all of them at once; each has a folder of its own."""
    started = {}
    for content, option in itertools.product(SAMPLES, OPTIONS):
        path = tmp_path_factory.mktemp("check") / "file.yaml"
        path.write_bytes(content)
        emt = str(ROOT / "workflows/emt_au_cu.yaml")
        what = [str(path), "--no-database"] if option == "campaign" else [emt, "-l", str(path)]
        process = subprocess.Popen(
            [sys.executable, "-m", "beamheat_fw", "check", *what],
            cwd=path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started[content, option] = Check(process, path.parent)
    return started


@pytest.mark.parametrize("content", SAMPLES)
@pytest.mark.parametrize("option", OPTIONS)
def test_command_line_says_what_is_wrong_and_ends_with_2(
    content: bytes, option: str, checks: dict[tuple[bytes, str], Check]
) -> None:
    process, folder = checks[content, option]
    _, errors = process.communicate()
    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    assert errors.count("\n") == 1
    assert os.listdir(folder) == ["file.yaml"]


def test_password_in_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pad.yaml"
    for secret in ("password: hush", "uri_mode: true\nhost: mongodb://me:hush@db.example/"):
        path.write_text(f"name: x\n{secret}\n")
        path.chmod(0o644)
        with pytest.raises(InputError, match="chmod 600") as refusal:
            read_launchpad_file(path)
        assert "hush" not in refusal.value.message()
        path.chmod(0o600)
        read_launchpad_file(path)


def _read(path: Path, text: str) -> dict[str, Any]:
    path.write_text(text)
    return read_mapping(path, "file", "Mend it.")


def test_aliases_and_merged_mappings_are_read_as_yaml_says(tmp_path: Path) -> None:
    text = """
base: &base {ranks: 2, walltime: 1h}
late: {<<: *base, ranks: 8}
both: {<<: [*base, {gpu: true}]}
again: *base
"""
    assert _read(tmp_path / "a.yaml", text) == {
        "base": {"ranks": 2, "walltime": "1h"},
        "late": {"ranks": 8, "walltime": "1h"},
        "both": {"ranks": 2, "walltime": "1h", "gpu": True},
        "again": {"ranks": 2, "walltime": "1h"},
    }


def test_campaign_file_with_anchors_is_the_same_campaign(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "workflows" / "data")
    plain = ROOT / "workflows/quickstart.yaml"
    document = yaml.safe_load(plain.read_text()) | {"tags": ["one", "two"]}
    document["queue"] = {stage: {"nodes": 1, "queue": "short"} for stage in ("train", "md")}
    (tmp_path / "plain.yaml").write_text(yaml.safe_dump(document))
    shared = {"nodes": 1, "queue": "short"}
    anchored = yaml.safe_dump(document | {"queue": {"train": shared, "md": shared}})
    assert "*id" in anchored
    (tmp_path / "anchored.yaml").write_text(anchored)
    campaigns = [load_campaign(tmp_path / f"{name}.yaml") for name in ("plain", "anchored")]
    assert campaigns[0] == campaigns[1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
            "values",
        ),
        ("a: &a {b: [*a]}\n", "inside of what it names"),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [[*a{n - 1}]]\n" for n in range(1, 40)), "nested deeper"),
        ("a: &a {x: 1, x: 2}\nb: *a\n", "stands twice"),
    ],
)
def test_aliases_cannot_blow_a_file_up(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        _read(tmp_path / "a.yaml", text)
