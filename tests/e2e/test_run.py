"""tests/run: which stories may be told twice, and what is said of that."""

import importlib.machinery
import importlib.util

import pytest

from harness.daemon import HERE

FLAKY = """
from pathlib import Path

def test_flaky(record_property):
	record_property("fault", "1")
	record_property("case", "")
	record_property("inject", "a race")
	record_property("expect", "nothing")
	tried = Path(__file__).with_suffix(".tried")
	is_first = not tried.exists()
	tried.touch()
	record_property("seen", "FAILED: it raced" if is_first else "nothing")
	assert not is_first
"""


@pytest.fixture
def run():
	loader = importlib.machinery.SourceFileLoader("run",
						      str(HERE / "tests/run"))
	module = importlib.util.module_from_spec(
		importlib.util.spec_from_loader("run", loader))
	loader.exec_module(module)
	return module


@pytest.fixture
def flaky(tmp_path):
	(tmp_path / "test_flaky.py").write_text(FLAKY)
	return str(tmp_path)


def test_what_shows_less_than_is_meant_is_named(run, tmp_path, monkeypatch):
	(tmp_path / "test_slow.py").write_text(
		"def test_slow(record_property):\n"
		"\trecord_property('short', '60 a second, not 500')\n"
		"def test_fast(record_property):\n\tpass\n")
	monkeypatch.setattr(run, "listed", lambda _where: [str(tmp_path)])
	assert run.run_pytest(tmp_path, [], "not alone")[:3] == (0, 2, 0)
	assert run.short == {"test_slow": "60 a second, not 500"}


def test_a_fault_is_tried_once(run, flaky, monkeypatch):
	told = []
	monkeypatch.setattr(run, "say", told.append)
	monkeypatch.setattr(run, "FAULTS", 1)
	monkeypatch.setattr(run, "listed", lambda _where: [flaky])
	assert run.KINDS["faults"](None) == (0, 1)
	assert any("FAILED: it raced" in line for line in told)
	assert run.late == []


def test_a_quick_one_is_tried_twice_and_both_are_told(run, flaky, monkeypatch):
	told, module = [], FLAKY.replace(
		"def test", "import pytest\n\n@pytest.mark.quick\ndef test")
	with open(f"{flaky}/test_flaky.py", "w") as file:
		file.write(module)
	monkeypatch.setattr(run, "say", told.append)
	monkeypatch.setattr(run, "listed", lambda _where: [flaky])
	assert run.KINDS["faults-quick"](None) == (1, 0)
	assert run.late == ["test_flaky"]
	assert [line for line in told if "a race" in line] == [
		"    1 | a race | nothing | at first, beside others: "
		"FAILED: it raced",
		"    1 | a race | nothing | nothing"]
