"""Fixtures of the end-to-end stories and of the faults.

rig		a CA and a DNS server, shared by the stories of one process
daemon		a fresh mtastsd, started, on that rig
make_rig	a rig of one's own, with options for the CA
make_two	such a rig, and a second CA beside (harness/two_cas.py)
make_fakeca	fakeca, as many as one likes (harness/fakeca.py)
world		a fakeca, and a client of it that does as it is told
name		a mail domain that no other story uses: "d7.test"
"""

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
pytest.register_assert_rewrite("harness")	# its asserts speak, too


def pytest_configure(config):
	config.addinivalue_line("markers", "alone: measures time, so nothing "
				"else may run beside it")
	config.addinivalue_line("markers", "fault(number, inject, expect): a "
				"row of the table of faults")
	config.addinivalue_line("markers", "quick: a fault that make check "
				"injects too")
	config.addinivalue_line("markers", "soak: runs for as long as it is told")
	config.addinivalue_line("markers", "valgrind: run by check-valgrind")


@pytest.fixture(scope="session")
def shared_rig():
	from harness.rig import Rig

	rig = Rig()
	try:
		yield rig.start()
	finally:
		rig.close()


@pytest.fixture
def rig(shared_rig):
	shared_rig.mend()
	yield shared_rig
	shared_rig.end_daemons()


@pytest.fixture
def make_rig():
	from harness.rig import Rig

	rigs = []

	def make(**pebble):
		rigs.append(Rig(**pebble))
		return rigs[-1].start()

	try:
		yield make
		for one in rigs:
			one.end_daemons()
	finally:
		for one in rigs:
			one.close()


@pytest.fixture
def make_two(make_rig):
	from harness.two_cas import TwoCas

	made = []

	def make(**pebble):
		made.append(TwoCas(make_rig(**pebble), **pebble))
		return made[-1]

	yield make
	for two in made:
		if two.second.process.is_alive():
			two.second.process.kill()


@pytest.fixture
def make_fakeca(tmp_path):
	from harness.fakeca import FakeCa
	from harness.process import free_port

	made = []

	def make(http_port=None, **options):
		made.append(FakeCa(tmp_path / f"fakeca{len(made)}",
				   http_port or free_port(), **options))
		return made[-1].start()

	yield make
	for ca in made:
		ca.stop()


@pytest.fixture
def world(make_fakeca):
	from harness.acme import World

	world = World(make_fakeca())
	yield world
	world.responder.close()


@pytest.fixture
def daemon(rig):
	return rig.daemon().start()


_numbers = itertools.count(1)


@pytest.fixture
def name():
	return f"d{next(_numbers)}.test"


# What the daemons of a story logged is shown if the story fails.

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
	outcome = yield
	report = outcome.get_result()
	note_fault(item, report)
	if report.failed:
		from harness.process import LOGS

		for log in dict.fromkeys(LOGS[item.log_mark:]):
			report.sections.append((f"log {log.name}", tail(log)))


def pytest_runtest_setup(item):
	from harness.process import LOGS

	item.log_mark = len(LOGS)


def tail(path, most=20000):
	if not path.exists():
		return "(gone)"
	return path.read_text(errors="replace")[-most:]


# The table of faults: each story says what it saw, in its own words.

@pytest.fixture
def saw(request):
	"""saw("3 orders, 3 certificates"): the last column of the table."""
	request.node.seen = []

	def say(text):
		request.node.seen.append(text)

	return say


def note_fault(item, report):
	mark = item.get_closest_marker("fault")
	if not mark or report.when != "call" and not report.failed:
		return
	number, inject, expect = mark.args
	case = item.callspec.id if hasattr(item, "callspec") else ""
	seen = "; ".join(getattr(item, "seen", []))
	item.user_properties += [
		("fault", str(number)), ("inject", inject), ("case", case),
		("expect", expect),
		("seen", seen if report.passed else f"FAILED. {seen}")]
