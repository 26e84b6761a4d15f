import pytest

from beamheat_fw.cli.main import COMMANDS, run


def call(capsys, *arguments):
    status = run(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "No such command"),
        (["predict"], "--conductance-mw-m2k"),
        (["check", "missing.yaml"], "missing.yaml"),
        (["submit", "missing.yaml"], "missing.yaml"),
        (["run", "missing.yaml"], "missing.yaml"),
        (["eels", "missing.dm3"], "missing.dm3"),
        (["status", "-l", "missing_launchpad.yaml"], "missing_launchpad.yaml"),
        (["doctor", "-l", "missing_launchpad.yaml"], "missing_launchpad.yaml"),
        (["find", "labels", "-l", "missing_launchpad.yaml"], "missing_launchpad.yaml"),
    ],
)
def test_bad_input_ends_with_two_and_one_message(capsys, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    status, out, err = call(capsys, *arguments)
    assert status == 2
    assert told in err
    assert "Traceback" not in err
    assert out == ""
    assert not list(tmp_path.iterdir())


def test_an_unreachable_database_is_named(capsys, tmp_path):
    launchpad = tmp_path / "my_launchpad.yaml"
    launchpad.write_text("host: 127.0.0.1\nport: 9\nname: nowhere\n")
    status, _, err = call(capsys, "status", "-l", str(launchpad))
    assert status == 2
    assert str(launchpad) in err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("height_A: 2.3", "height_A: 0.1"), "overlap"),
        (("atoms_per_layer: [12, 7]", "atoms_per_layer: [61, 37]"), "cell"),
        (("name: emt_au_cu", "nmae: emt_au_cu"), "'name'"),
        (("{calculator: emt}", "{calculator: emt, h_A: 0.2}"), "h_A"),
        (("element: Cu, repeat: [3, 3]", "element: Hs, repeat: [3, 3]"), "Hs"),
    ],
)
def test_check_refuses_what_cannot_run(capsys, tmp_path, request, change, told):
    workflows = request.config.rootpath / "workflows"
    text = (workflows / "emt_au_cu.yaml").read_text().replace(*change)
    assert change[1] in text
    (tmp_path / "data").symlink_to(workflows / "data")
    campaign = tmp_path / "wrong.yaml"
    campaign.write_text(text)
    status, out, err = call(capsys, "check", str(campaign), "--no-database")
    assert status == 2
    assert told in err
    assert out == ""


def test_every_command_explains_itself(capsys):
    for name, _ in COMMANDS:
        status, out, _ = call(capsys, name, "--help")
        assert status == 0
        assert name in out
