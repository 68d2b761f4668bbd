"""mtastsctl backup, and mtastsd --restore of what it makes."""

import errno
import os
import pty
import shutil
import signal
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from harness.clones import clone
from harness.daemon import BUILD, SANITIZERS
from harness.metrics import scrape
from harness.process import wait_for
from harness.shim import FaultyDisk, build_shim

FINE, ERRORS, REFUSED, UNREACHABLE, USAGE = 0, 2, 3, 4, 64


def restore(daemon, file, stdin=None):
	return subprocess.run([BUILD / "mtastsd", "--config",
			       daemon.config_file, "--restore", file],
			      stdin=stdin, capture_output=True, text=True,
			      timeout=60)


def heed_all():
	"""Under nohup, or behind an `&`, some are ignored, and children's too."""
	for number in signal.SIGINT, signal.SIGHUP:
		signal.signal(number, signal.SIG_DFL)


def begin(daemon, *words, stdout=subprocess.PIPE, env=None):
	return subprocess.Popen([BUILD / "mtastsctl", "--socket",
				 daemon.socket, "backup", *map(str, words)],
				stdout=stdout, stderr=subprocess.PIPE,
				preexec_fn=heed_all,
				env=os.environ | SANITIZERS | (env or {}))


def end(process, seconds=30):
	_, said = process.communicate(timeout=seconds)
	return process.returncode, said.decode()


def fetched(rig, daemon, name):
	"""(policy, serial), as a sender gets it."""
	reply = rig.client(daemon).fetch(f"mta-sts.{name}")
	assert reply.status == 200
	return reply.body, reply.serial


def when(instant):
	return datetime.fromisoformat(instant.replace("Z", "+00:00")).timestamp()


def another_box(rig, **settings):
	"""On a machine of its own; it cannot be reached as the first one is."""
	daemon = rig.daemon(**settings)
	daemon.state.mkdir(mode=0o700)
	daemon.write_config()
	return daemon


@pytest.fixture
def large(rig, name):
	"""A box whose backup fits into no pipe."""
	daemon = rig.daemon()
	rig.dns.point(name)
	daemon.start()
	daemon.add(name)
	daemon.stop()
	clone(daemon, name, [f"c{i}.clones.test" for i in range(3000)],
	      due_at=int(time.time()) + 10**7)
	return daemon.start()


def left_in(folder):
	return sorted(p.name for p in folder.iterdir())


def copies(daemon):
	return [p.name for p in daemon.state.iterdir()
		if p.name.startswith("state-copy")]


# a file

def test_it_is_whole_and_for_its_owner_alone(rig, daemon, name, tmp_path):
	rig.dns.point(name)
	daemon.add(name)
	file = tmp_path / "box.backup"
	old = os.umask(0)
	try:
		result = daemon.ctl("backup", file, "--reason", "ticket 9")
	finally:
		os.umask(old)

	assert result.status == FINE, result
	assert "private keys" in result.out
	assert stat.S_IMODE(file.stat().st_mode) == 0o600
	event = daemon.json("log", "--limit", "1")["events"][0]
	assert (event["kind"], event["reason"]) == ("box.backup", "ticket 9")
	before = fetched(rig, daemon, name)
	daemon.stop()

	new = another_box(rig)
	done = restore(new, file)
	assert done.returncode == 0, done
	new.start()
	assert fetched(rig, new, name) == before
	assert len(new.orders(name)) == 1	# as many as before


def test_never_over_a_file_unless_asked(daemon, tmp_path):
	file = tmp_path / "box.backup"
	file.write_text("precious")
	result = daemon.ctl("backup", file)
	assert result.status == REFUSED and "--replace" in result.err, result
	assert file.read_text() == "precious"
	assert daemon.ctl("backup", tmp_path, "--replace").status == REFUSED

	facts = daemon.json("backup", file, "--replace")
	assert file.read_bytes().startswith(b"mtastsd-backup 1\n")
	assert facts["file"] == str(file)
	assert facts["sha256"].encode() in file.read_bytes()[-80:]
	assert left_in(tmp_path) == ["box.backup"]
	result = daemon.ctl("backup", tmp_path / "not" / "there")
	assert result.status == ERRORS and "not" in result.err, result


def test_without_a_daemon_there_is_no_file(daemon, tmp_path):
	daemon.stop()
	result = daemon.ctl("backup", tmp_path / "box.backup")
	assert result.status == UNREACHABLE, result
	assert left_in(tmp_path) == []


# standard output

def test_a_pipe_takes_it_and_brings_it_back(rig, daemon, name, tmp_path):
	rig.dns.point(name)
	daemon.add(name)
	made = begin(daemon, "-")
	sealed = subprocess.run(
		["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-k", "x"],
		stdin=made.stdout, capture_output=True, check=True).stdout
	made.stdout.close()
	assert made.wait() == FINE
	assert b"mtastsd" not in sealed
	daemon.stop()

	new = another_box(rig)
	opened = subprocess.Popen(
		["openssl", "enc", "-d", "-aes-256-cbc", "-pbkdf2", "-k", "x"],
		stdin=subprocess.PIPE, stdout=subprocess.PIPE)
	threading.Thread(target=lambda: (opened.stdin.write(sealed),
					 opened.stdin.close())).start()
	done = restore(new, "-", opened.stdout)
	assert done.returncode == 0, done
	assert "from standard input" in done.stdout
	new.start()
	assert fetched(rig, new, name)


def test_no_terminal_gets_it(daemon):
	ours, theirs = pty.openpty()
	status, said = end(begin(daemon, "-", stdout=theirs))
	os.close(theirs)
	assert status == REFUSED and "gpg" in said
	os.close(ours)
	assert daemon.ctl("backup", "-", "--json").status == USAGE


def test_a_pipe_that_breaks_is_an_error(large, tmp_path):
	made = begin(large, "-")
	half = made.stdout.read(100_000)
	made.stdout.close()
	assert made.wait(30) == ERRORS
	assert b"standard output" in made.stderr.read()

	wait_for("its copy to be gone", lambda: not copies(large), 10)
	assert large.ctl("backup", tmp_path / "b").status == FINE
	(tmp_path / "half").write_bytes(half)
	large.stop()
	before = large.rows("SELECT COUNT(*) FROM trail")
	done = restore(large, tmp_path / "half")
	assert done.returncode == 1 and "cut off" in done.stderr, done
	with open(tmp_path / "half", "rb") as stdin:
		done = restore(large, "-", stdin)
	assert done.returncode == 1 and "cut off" in done.stderr, done
	assert large.rows("SELECT COUNT(*) FROM trail") == before
	assert not list(large.state.glob("state.db.*"))


def test_a_full_disk_is_an_error(daemon):
	with open("/dev/full", "wb") as full:
		status, said = end(begin(daemon, "-", stdout=full))
	assert status == ERRORS and "No space" in said


# breaking off

def stalled(daemon):
	"""One that has begun to come, and is not read on."""
	made = begin(daemon, "-")
	assert made.stdout.read(1000)
	return made


def with_names(scratch):
	"""On a file system where a file has a name from the beginning."""
	return {"LD_PRELOAD": str(build_shim("notmpfile", scratch)),
		"ASAN_OPTIONS": "verify_asan_link_order=0"}


@pytest.mark.parametrize("number, has_names", [
	(signal.SIGINT, False), (signal.SIGKILL, False),
	(signal.SIGINT, True), (signal.SIGTERM, True), (signal.SIGHUP, True)])
def test_interrupted_it_leaves_nothing(daemon, tmp_path, number, has_names):
	folder = tmp_path / "there"
	folder.mkdir()
	env = with_names(tmp_path) if has_names else {}
	os.kill(daemon.process.pid, signal.SIGSTOP)	# it hangs
	try:
		made = begin(daemon, folder / "b", env=env)
		if has_names:
			wait_for("it to begin", lambda: left_in(folder), 10)
		time.sleep(0.3)
		made.send_signal(number)
		assert made.wait(30) == -number
	finally:
		os.kill(daemon.process.pid, signal.SIGCONT)
	assert left_in(folder) == []


def test_where_a_file_has_a_name_from_the_beginning(daemon, tmp_path):
	folder, env = tmp_path / "there", with_names(tmp_path)
	folder.mkdir()
	for words in [folder / "b"], [folder / "b", "--replace"]:
		status, said = end(begin(daemon, *words, env=env))
		assert status == FINE, said
		assert left_in(folder) == ["b"]
	assert end(begin(daemon, folder / "b", env=env))[0] == REFUSED
	assert stat.S_IMODE((folder / "b").stat().st_mode) == 0o600


def test_one_at_a_time_and_control_goes_on(large, tmp_path):
	made = stalled(large)
	result = large.ctl("backup", tmp_path / "b")
	assert result.status == ERRORS and "somebody else" in result.err
	assert left_in(tmp_path) == []
	began = time.monotonic()
	large.ok("domain", "add", "x.test", "--mx", "mx.x.test")
	assert time.monotonic() - began < 5
	made.kill()
	made.wait()
	wait_for("the next one to be made", lambda: large.ctl(
		"backup", tmp_path / "b").status == FINE, 10)
	assert copies(large) == []


def test_a_daemon_that_stops_makes_no_half_file(large, tmp_path):
	made = stalled(large)
	large.stop()
	rest = made.communicate(timeout=30)
	assert made.returncode in (ERRORS, UNREACHABLE), rest
	large.start()
	assert large.ctl("backup", tmp_path / "b").status == FINE


# by schedule

def kept(folder):
	return sorted(folder.glob("mtastsd-*Z.backup"))


def box_of(file):
	return file.name.split("-")[1]


@pytest.fixture
def elsewhere(rig):
	folder = Path(tempfile.mkdtemp(dir=rig.folder))
	yield folder
	shutil.rmtree(folder, ignore_errors=True)


def test_by_schedule_into_a_folder(rig, elsewhere):
	daemon = rig.daemon(backup_folder=elsewhere).start()
	wait_for("a backup", lambda: kept(elsewhere), 20)
	status = wait_for("it to be seen", lambda: (
		b := daemon.json("status")["backup"])["newest"] and b, 10)
	assert (status["folder"], status["count"], status["problem"],
		status["interval"]) == (str(elsewhere), 1, "", 86400)
	assert status["size"] == kept(elsewhere)[0].stat().st_size
	assert f"backup {elsewhere}: 1 kept, the last one" in \
		daemon.ctl("status").out
	m = scrape(daemon)
	assert m("mtastsd_backup_failing") == 0
	assert m("mtastsd_backup_timestamp_seconds") == \
		pytest.approx(time.time(), abs=60)
	daemon.stop()
	daemon.start()
	time.sleep(4)
	assert len(kept(elsewhere)) == 1	# it knows by the folder
	daemon.stop()
	new = another_box(rig, backup_folder=elsewhere)
	assert restore(new, kept(elsewhere)[0]).returncode == 0
	new.start()		# and the old one may run on
	wait_for("its own", lambda: len(kept(elsewhere)) == 2, 20)
	assert len({box_of(file) for file in kept(elsewhere)}) == 2
	assert wait_for("it to be seen", lambda: new.json("status")["backup"][
		"newest"] and new.json("status")["backup"]["count"], 10) == 1


def plant(daemon, folder, days):
	"""One of its own, of so many days ago."""
	(box,), = daemon.rows("SELECT value FROM meta WHERE key = 'store_id'")
	at = time.strftime("%Y%m%dT%H%M%SZ",
			   time.gmtime(time.time() - days * 86400))
	file = folder / f"mtastsd-{box[:8]}-{at}.backup"
	file.write_bytes(b"")
	return file


def test_none_is_too_old_before_a_ca_says_what_time_it_is(rig, elsewhere,
							  name):
	other = elsewhere / "other"
	other.mkdir()
	daemon = rig.daemon().start()
	old, older = plant(daemon, elsewhere, 40), plant(daemon, other, 50)
	daemon.settings |= {"backup_folder": elsewhere,
			    "backup_keep_for": "30d"}
	daemon.reload()
	wait_for("a backup", lambda: len(kept(elsewhere)) == 2, 20)
	rig.dns.point(name)
	daemon.add(name)	# by an order, whose answers have a date
	daemon.settings["backup_folder"] = other
	daemon.reload()
	wait_for("a backup", lambda: kept(other) not in ([], [older]), 20)
	wait_for("what is too old to go", lambda: not older.exists(), 10)
	assert old.exists() and len(kept(other)) == 1


def findings(daemon):
	return {f["id"]: f for f in daemon.json("status")["findings"]}


def test_a_folder_that_is_gone_is_told_and_its_end_too(rig, elsewhere):
	gone = elsewhere / "mounted"
	daemon = rig.daemon(backup_folder=gone).start()
	found = wait_for("it to be found", lambda: findings(daemon).get(
		"backup.failed"), 20)
	assert str(gone) in found["text"] and "mounted" in found["hint"]
	wait_for("an alert", lambda: [a for a in daemon.json(
		"alert", "list")["alerts"] if a["kind"] == "backup.failed"], 20)
	assert scrape(daemon)("mtastsd_backup_failing") == 1
	assert not gone.exists()
	gone.mkdir()
	daemon.reload()		# it need not wait five minutes
	wait_for("a backup", lambda: kept(gone), 20)
	wait_for("its end", lambda: "backup.failed" not in findings(daemon)
		 and not daemon.json("alert", "list")["alerts"], 20)


def test_a_full_folder_harms_nobody(rig, name, elsewhere, tmp_path):
	disk = FaultyDisk(elsewhere, tmp_path)
	disk.fail(errno.ENOSPC)
	daemon = rig.daemon(backup_folder=elsewhere)
	rig.dns.point(name)
	daemon.start(env=disk.env)
	daemon.add(name)
	found = wait_for("it to be found", lambda: findings(daemon).get(
		"backup.failed"), 20)
	assert "No space" in found["text"]
	assert left_in(elsewhere) == [] and not copies(daemon)
	assert fetched(rig, daemon, name)
	disk.fail(errno.EAGAIN)		# hangs
	daemon.reload()			# is no remedy by itself
	wait_for("another try", lambda: disk.failed, 20)
	assert "backup.failed" in findings(daemon)


def test_a_folder_that_hangs_harms_nobody(rig, name, elsewhere, tmp_path):
	disk = FaultyDisk(elsewhere, tmp_path)
	disk.fail(errno.EAGAIN)
	daemon = rig.daemon(backup_folder=elsewhere)
	rig.dns.point(name)
	daemon.start(env=disk.env)
	wait_for("it to hang", lambda: disk.failed, 20)
	daemon.add(name)
	assert fetched(rig, daemon, name)
	assert daemon.ctl("backup", tmp_path / "b").status == FINE
	began = time.monotonic()
	daemon.stop()
	assert time.monotonic() - began < 10
	assert "is not waited for" in daemon.log.read_text()
	assert not kept(elsewhere)
	disk.work()
	daemon.start(env=disk.env)
	wait_for("a backup", lambda: kept(elsewhere), 20)
	assert left_in(elsewhere) == [kept(elsewhere)[0].name]


def test_another_folder_is_taken_while_one_hangs(rig, elsewhere, tmp_path):
	dead, well = elsewhere / "dead", elsewhere / "well"
	dead.mkdir(), well.mkdir()
	disk = FaultyDisk(dead, tmp_path)
	disk.fail(errno.EAGAIN)
	daemon = rig.daemon(backup_folder=dead).start(env=disk.env)
	wait_for("it to hang", lambda: disk.failed, 20)
	daemon.settings["backup_folder"] = well
	daemon.reload()
	wait_for("a backup", lambda: kept(well), 20)
	status = wait_for("it to be seen", lambda: (
		b := daemon.json("status")["backup"])["newest"] and b, 10)
	assert (status["folder"], status["count"], status["problem"]) == \
		(str(well), 1, "")
	assert left_in(dead)	# it hangs still
	disk.work()
	wait_for("its end", lambda: not left_in(dead), 10)
	assert left_in(well) == [kept(well)[0].name]
	daemon.stop()


# while much happens

MANY = 100


def test_taken_while_domains_are_added(rig, daemon, tmp_path):
	# A CA's limits are for all names below one that is registered.
	names = [f"many{i}.test" for i in range(MANY)]
	file = tmp_path / "box.backup"
	rig.dns.point(*names)
	adding = threading.Thread(target=lambda: daemon.add(*names, wait=False))
	adding.start()

	def live(box=daemon):
		return {n for (n,) in box.rows(
			"SELECT name FROM domain WHERE state = 2")}
	wait_for("some to be live", lambda: len(live()) > 20, 60, 0.05)
	at_least = live()
	assert daemon.ctl("backup", file).status == FINE
	assert len(live()) < MANY	# it was in the middle of it
	adding.join()
	wait_for("all to be live", lambda: len(live()) == MANY, 120, 0.2)
	old = {n: fetched(rig, daemon, n) for n in names}
	daemon.stop()

	new = another_box(rig)
	assert restore(new, file).returncode == 0
	there = live(new)
	assert at_least <= there and len(there) < MANY
	new.start()
	assert {n: fetched(rig, new, n) for n in there} == \
		{n: old[n] for n in there}
	assert not {n for n in there if len(new.orders(n)) != 1}


# an old one

def test_what_was_issued_since_is_not_ordered_again(rig, daemon, name,
						    tmp_path):
	rig.dns.point(name)
	daemon.add(name)
	file = tmp_path / "box.backup"
	assert daemon.ctl("backup", file).status == FINE
	before = daemon.serial(name)
	daemon.ok("cert", "renew", name, "--wait")
	renewed = daemon.serial(name)
	assert renewed != before
	daemon.stop()
	placed = rig.pebble.orders()

	assert restore(daemon, file).returncode == 0
	daemon.start()
	assert daemon.serial(name) == renewed
	assert int(fetched(rig, daemon, name)[1], 16) == renewed
	time.sleep(3)
	assert rig.pebble.orders() == placed
	due = daemon.rows("SELECT due_at FROM domain")[0][0]
	assert due > time.time() + 86400


def test_a_removal_does_not_end_early_for_an_old_backup(rig, daemon, name,
							tmp_path):
	"""Of what was served since nobody knows: it counts until now."""
	rig.dns.point(name)
	daemon.add(name)
	fetched(rig, daemon, name)
	file = tmp_path / "box.backup"
	wait_for("the fetch to be counted", lambda: daemon.rows(
		"SELECT 1 FROM served WHERE fetches > 0"), 30)
	assert daemon.ctl("backup", file).status == FINE
	daemon.stop()

	new = another_box(rig)
	assert restore(new, file).returncode == 0
	with sqlite3.connect(new.state / "state.db") as db:
		db.execute("UPDATE policy SET created_at = created_at - 2000000")
		db.execute("UPDATE served SET first_at = first_at - 2000000,"
			   " last_at = last_at - 2000000")
	db.close()
	began = time.time()
	new.start()
	served, = new.json("policy", "history", name)["versions"]
	assert when(served["last_served"]) >= int(began) - 5
	new.ok("domain", "remove", name)
	leaving = new.domain(name)["leaving"]
	assert when(leaving["held_until"]) >= int(began) - 5 + 7 * 86400


def renew_until_refused(daemon, name):
	for done in range(6):
		result = daemon.ctl("cert", "renew", name, "--wait")
		if result.status not in (0, 1):
			assert "kept for emergencies" in str(result), result
			return done
	raise AssertionError("nothing keeps it from being renewed")


@pytest.mark.parametrize("is_there", [True, False],
			 ids=["serve.db", "another machine"])
def test_the_duplicate_guard_holds_after_an_old_backup(rig, daemon, name,
						       tmp_path, is_there):
	rig.dns.point(name)
	daemon.add(name)
	file = tmp_path / "box.backup"
	assert daemon.ctl("backup", file).status == FINE
	assert renew_until_refused(daemon, name) > 0
	daemon.stop()
	box = daemon if is_there else another_box(rig)
	assert restore(box, file).returncode == 0
	box.start()
	assert renew_until_refused(box, name) == 0
