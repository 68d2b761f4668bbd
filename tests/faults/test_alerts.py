"""Faults of those who are told: nothing is lost, and nothing is told twice."""

import time
from collections import Counter

import pytest

from harness.clock import Steps
from harness.front import Front
from harness.process import free_port, wait_for
from harness.told import Command, Hole, Mailbox

# Fewer than are taken for the fault of the box (acme/alike.h).
NAMES = [f"untold{i}.test" for i in range(6)]
KINDS = "ca.down", "domain.failing"
STEP = 300		# seconds of the box's clock
BLOCKED = 1.0		# seconds: what an answer may never take, sinks or not


@pytest.fixture
def deaf(make_rig, tmp_path):
	"""A box with one live name, where neither sink takes anything."""
	box = Deaf(make_rig(), tmp_path)
	yield box
	box.close()


class Deaf:
	def __init__(self, rig, folder):
		self.rig = rig
		self.command = Command(folder)
		self.command.broken.touch()
		self.mail_port = free_port()
		self.mail = Hole(self.mail_port)
		self.clock = Steps(folder)
		self.front = Front(rig.http_port)
		self.is_cut_off = False
		self.slowest = 0.0
		self.daemon = rig.daemon(
			http_port=self.front.behind,
			notify=[str(self.command.path)],
			alert_mail=["a@example.org"],
			mail_server=f"smtp://127.0.0.1:{self.mail_port}",
			alert_gather="1s", alert_ca_down="5s")
		self.start()
		rig.dns.point("told.test")
		self.daemon.add("told.test")

	def start(self):
		self.daemon.start(env=self.clock.env())

	def close(self):
		self.mail.close()
		if not self.is_cut_off:
			self.front.close()

	def open(self):
		began = time.monotonic()
		alerts = self.daemon.api("GET", "/v1/alerts")[1]["alerts"]
		self.slowest = max(self.slowest, time.monotonic() - began)
		return Counter(a["kind"] for a in alerts)

	def wait_open(self, kind, count, seconds=60):
		wait_for(f"{count} of {kind}", lambda:
			 self.open()[kind] == count, seconds, 0.1)

	def fail_in_all_ways(self):
		self.front.close()	# no validation gets through
		self.is_cut_off = True
		for name in NAMES:
			self.rig.dns.point(name)
		self.daemon.add(*NAMES, wait=False)
		self.wait_open("domain.failing", len(NAMES))
		self.rig.pebble.stop()
		self.daemon.ok("cert", "renew", "told.test")
		self.wait_open("ca.down", 1)
		self.rig.pebble.start()
		self.wait_open("ca.down", 0, seconds=120)
		self.wait_open("domain.failing", len(NAMES) + 1)

	def pass_time(self, steps):
		for _ in range(steps):
			self.clock.step(STEP)
			time.sleep(1.5)
			self.open()

	def hear_again(self):
		self.command.broken.unlink()
		self.mail.close()
		self.mail = Mailbox(self.mail_port)

	def waiting(self):
		return self.daemon.rows("SELECT COUNT(*) FROM delivery")[0][0]

	def wait_told(self):
		def all_told():
			self.clock.step(STEP)
			return not self.waiting()

		wait_for("all to be told", all_told, 120, 1.5)


def told_of(notices):
	"""How often each (what, kind, subject) was told, each notice once."""
	once = {n["id"]: n for n in notices}.values()
	return Counter((n["what"], n["kind"], a["subject"])
		       for n in once for a in n["alerts"])


@pytest.mark.quick
@pytest.mark.fault(50, "the command fails and the mail server hangs for an "
		   "hour of the box's clock; SIGKILL meanwhile",
		   "retried, nothing lost, nothing blocked; each failure is "
		   "one alert (I9)")
def test_nobody_hears(deaf, saw):
	deaf.fail_in_all_ways()
	deaf.pass_time(6)
	deaf.daemon.kill()
	deaf.start()
	deaf.pass_time(6)
	tries = deaf.command.failures()
	assert tries >= 6 and not deaf.command.told()
	assert deaf.open()["alert.sink-down"] >= 1
	waited = deaf.waiting()

	deaf.hear_again()
	deaf.wait_told()
	wait_for("both sinks to be well",
		 lambda: deaf.open()["alert.sink-down"] == 0, 30)
	deaf.wait_told()

	told = told_of(deaf.command.told())
	assert {k: n for k, n in told.items() if k[1] in KINDS} == {
		("begun", "ca.down", "pebble"): 1,
		("ended", "ca.down", "pebble"): 1} | {
		("begun", "domain.failing", name): 1
		for name in [*NAMES, "told.test"]}
	subjects = [m["Subject"] for m in deaf.mail.mails]
	for words in "warning: ca.down", "over: ca.down", "domain.failing":
		assert any(words in s for s in subjects)
	rows = deaf.daemon.rows("SELECT kind, subject, SUM(count) FROM alert"
				" GROUP BY kind, subject")
	assert {row[2] for row in rows if row[0] in KINDS} == {1}
	assert deaf.slowest < BLOCKED
	saw(f"{tries} tries of the command in {12 * STEP // 60} min; "
	    f"{waited} waited, then all told, each once; the slowest answer "
	    f"took {deaf.slowest * 1000:.0f} ms")
