"""A machine that fails: its disk, its memory, its descriptors; and a copy of it."""

import errno
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from harness.daemon import BUILD, Daemon
from harness.fetch import Fetcher
from harness.front import Front
from harness.process import wait_for
from harness.reports import JSON, Poster, report
from harness.shim import FaultyDisk

NOISE = b"\x5a" * 512


@pytest.fixture
def live(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	return daemon


def findings(daemon):
	"""Of the box: id and text."""
	status, view = daemon.api("GET", "/v1/status")
	assert status == 200
	return {one["id"]: one["text"] for one in view["findings"]}


def wait_finding(daemon, finding, seconds=30):
	return wait_for(finding, lambda: findings(daemon).get(finding), seconds)


def wait_well(daemon, seconds=30):
	wait_for("the box to be well", lambda: not findings(daemon), seconds)


def wait_backup(daemon):
	"""The first one, which is made soon after the start."""
	folder = daemon.state / "backup"
	return wait_for("a backup",
			lambda: next(folder.glob("state-*.db"), None), 60, 0.1)


def restore(daemon, backup):
	done = subprocess.run([BUILD / "mtastsd", "--config",
			       daemon.config_file, "--restore", str(backup)],
			      capture_output=True, text=True, timeout=60)
	return done.returncode, done.stdout + done.stderr


def remove(daemon, pattern):
	for path in daemon.state.glob(pattern):
		path.unlink()


def scribble(path, start=0):
	with open(path, "r+b") as file:
		for at in range(start, path.stat().st_size, 4096):
			file.seek(at)
			file.write(NOISE)


def still_serves(rig, daemon, name):
	return int(rig.client(daemon).fetch(f"mta-sts.{name}").serial, 16)


# state.db is lost.

LOSSES = {
	"deleted": lambda daemon: remove(daemon, "state.db*"),
	"first page": lambda daemon: scribble(daemon.state / "state.db"),
	"other pages": lambda daemon: scribble(daemon.state / "state.db", 4096),
	"emptied": lambda daemon: (daemon.state / "state.db").write_bytes(b""),
}


@pytest.mark.parametrize("loss", [
	pytest.param(loss, marks=pytest.mark.quick if loss == "deleted" else [])
	for loss in LOSSES])
@pytest.mark.fault(38, "state.db is lost while the daemon is down; then a "
		   "backup, older than the certificate, is restored",
		   "serves on, and orders nothing; the restored box goes on "
		   "by itself with what serve.db has; nothing is ordered again")
def test_state_db_lost(rig, live, name, saw, loss):
	backup = wait_backup(live)
	serial = renew(live, name)
	issued = rig.pebble.issued()
	live.stop()
	LOSSES[loss](live)

	live.start()
	assert still_serves(rig, live, name) == serial
	said = wait_finding(live, "box.serves-only")
	status = live.ctl("status")
	assert status.status == 2 and "--restore" in status.out
	refused = live.ctl("domain", "list")
	assert refused.status == 3 or "state.db" in refused.err
	assert live.api("GET", "/v1/domains")[0] == 503

	with Fetcher(rig.client(live), [f"mta-sts.{name}"], pause=0.05) as f:
		code, text = restore(live, backup)
		assert code == 0, text
		wait_well(live)
		live.wait_state("live", name)
	assert not f.failures
	assert live.serial(name) == serial
	assert rig.pebble.issued() == issued
	kept = list(live.state.glob("state.db.broken-*"))
	assert bool(kept) == (loss != "deleted")
	saw(f'"{said}"; after the restore {f.ok} fetches, 0 failed, serial as '
	    "before, 0 orders")


def renew(daemon, name):
	daemon.ok("cert", "renew", name, "--wait")
	return daemon.serial(name)


@pytest.mark.quick
@pytest.mark.fault(38, "state.db is deleted while the daemon runs, and it is "
		   "restarted; a backup is restored",
		   "serves on before and after, and says so; nothing is lost")
def test_state_db_deleted_while_it_runs(rig, live, name, saw):
	backup = wait_backup(live)
	serial = live.serial(name)
	remove(live, "state.db*")
	said = wait_finding(live, "store.broken")
	assert still_serves(rig, live, name) == serial

	live.stop()
	live.start()
	wait_finding(live, "box.serves-only")
	assert still_serves(rig, live, name) == serial
	assert restore(live, backup)[0] == 0
	wait_well(live)
	assert live.serial(name) == serial
	saw(f'"{said}"')


@pytest.mark.fault(38, "pages of state.db are overwritten while the daemon "
		   "runs; a backup is restored on the stopped box",
		   "a check finds it; serves on; a restore is refused while it "
		   "runs, and brings all back")
def test_pages_of_state_db(rig, daemon, name, saw):
	names = [f"p{i}.{name}" for i in range(30)]
	rig.dns.point(name, *names)
	daemon.add(name, wait=False)
	daemon.add(*names)
	backup = wait_backup(daemon)
	serial = daemon.serial(name)
	daemon.stop()
	issued = rig.pebble.issued()
	scribble_table(daemon.state / "state.db", "trail")
	daemon.start()
	said = wait_finding(daemon, "store.broken", 40)
	assert still_serves(rig, daemon, name) == serial

	code, text = restore(daemon, backup)
	assert code == 1 and "stop mtastsd first" in text
	daemon.stop()
	assert restore(daemon, backup)[0] == 0
	daemon.start()
	assert not findings(daemon)
	assert {daemon.domain(n)["state"] for n in [name, *names]} == {"live"}
	assert daemon.serial(name) == serial
	assert rig.pebble.issued() == issued
	saw(f'"{said}"; 31 of 31 certificates kept')


def scribble_table(path, table):
	"""Its leaves: pages of the database's tree that nothing starts with."""
	db = sqlite3.connect(path)
	pages = [row[0] for row in db.execute(
		"SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'",
		(table,))] if has_dbstat(db) else []
	db.close()
	assert pages, table
	with open(path, "r+b") as file:
		for page in pages:
			file.seek((page - 1) * 4096)
			file.write(NOISE)


def has_dbstat(db):
	return ("ENABLE_DBSTAT_VTAB",) in db.execute("PRAGMA compile_options")


# serve.db is lost.

@pytest.mark.quick
@pytest.mark.parametrize("loss", ["deleted", "damaged"])
@pytest.mark.fault(38, "serve.db is lost while the daemon runs",
		   "it is made anew within seconds, without a restart")
def test_serve_db_lost_while_it_runs(rig, live, name, saw, loss):
	serial = live.serial(name)
	live.stop()		# its log is in it now
	live.start()
	if loss == "deleted":
		remove(live, "serve.db*")
	else:
		scribble(live.state / "serve.db", 4096)
	client = rig.client(live)
	wait_for("serve.db to be made anew",
		 lambda: "made anew" in live.log.read_text() and
		 is_sound(live.state / "serve.db"), 30)

	with Fetcher(client, [f"mta-sts.{name}"], pause=0.02) as f:
		wait_for("the new one to be read", lambda: f.ok > 20, 10)
	renewed = renew(live, name)
	wait_for("the new certificate to be served",
		 lambda: still_serves(rig, live, name) == renewed, 5)
	assert renewed != serial
	assert not findings(live)
	saw(f"served again; a renewal after it too; {len(f.failures)} of "
	    f"{f.ok + len(f.failures)} fetches failed")


def is_sound(path):
	try:
		db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
		found = db.execute("PRAGMA integrity_check").fetchall()
		db.close()
	except sqlite3.DatabaseError:
		return False
	return found == [("ok",)]


# Errors.

@pytest.fixture
def disk(rig, name):
	"""A daemon on a disk that can fail, with one live domain."""
	daemon = rig.daemon()
	with tempfile.TemporaryDirectory() as scratch:
		disk = FaultyDisk(daemon.state, Path(scratch))
		disk.daemon = daemon.start(env=disk.env)
		rig.dns.point(name)
		daemon.add(name)
		yield disk
		disk.work()


@pytest.mark.quick
@pytest.mark.fault(38, "every write and sync fails for 5 s while a renewal is "
		   "under way", "serves on, says so; the renewal ends when the "
		   "disk is well; one certificate")
def test_disk_that_fails(rig, disk, name, saw):
	daemon = disk.daemon
	issued, before = rig.pebble.issued(), daemon.serial(name)
	with Fetcher(rig.client(daemon), [f"mta-sts.{name}"], pause=0.02) as f:
		daemon.ok("cert", "renew", name)
		disk.fail(errno.EIO)
		said = wait_finding(daemon, "store.broken")
		status, answer = daemon.api("POST", "/v1/freeze", {})
		assert status == 500
		assert answer["error"]["hint"]
		f.wait_count(f.ok + 100)
		disk.work()
		wait_well(daemon)
		wait_for("the renewal", lambda: daemon.serial(name) != before)
	assert not f.failures
	assert rig.pebble.issued() == issued + 1
	assert daemon.rows("PRAGMA integrity_check") == [("ok",)]
	saw(f'{disk.failed} calls failed; "{said}"; {f.ok} fetches, 0 failed; '
	    "1 certificate")


@pytest.mark.fault(37, "every ninth write of a new domain's way to its "
		   "certificate in turn, and the one behind it, find no room",
		   "each goes live, with one order and one certificate")
def test_no_room_at_each_write(rig, disk, name, saw):
	daemon = disk.daemon
	issued, orders = rig.pebble.issued(), rig.pebble.orders()
	rounds = at = 0
	while True:
		fresh = f"w{rounds}{name}"
		rig.dns.point(fresh)
		disk.fail(errno.ENOSPC, skip=at, count=2)
		wait_for("room to add it", lambda: add(daemon, fresh))
		daemon.wait_state("live", fresh)
		rounds, at = rounds + 1, at + 9
		is_over = disk.left[1] == 2
		disk.work()
		wait_well(daemon)
		if is_over:
			break
	assert rig.pebble.issued() == issued + rounds
	assert rig.pebble.orders() == orders + rounds
	assert daemon.rows("PRAGMA integrity_check") == [("ok",)]
	assert rounds > 10
	saw(f"{rounds} domains, {at} writes: {rounds} orders, {rounds} "
	    "certificates")


def add(daemon, name):
	return daemon.ctl("domain", "add", name, "--mx",
			  f"mx.{name}").status == 0


# Real file systems, where this may be mounted.

@pytest.fixture
def small(rig):
	"""A daemon whose state is on a disk of 16 MB: 1 is ballast, 2 are the
	reserve."""
	daemon = rig.daemon()
	daemon.state.mkdir()
	if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=700",
			   "tmpfs", daemon.state], capture_output=True).returncode:
		pytest.skip("nothing can be mounted here")
	try:
		yield daemon
	finally:
		if daemon.is_running():
			daemon.stop()
		subprocess.run(["umount", daemon.state], check=True)


def leave(daemon, free):
	"""Somebody else takes all but so many bytes."""
	room = os.statvfs(daemon.state)
	with open(daemon.state / "other", "ab") as file:
		file.flush()
		os.posix_fallocate(file.fileno(), file.tell(),
				   room.f_bavail * room.f_frsize - free)


def free(daemon):
	(daemon.state / "other").unlink()


def wait_store_alert(daemon):
	"""Its text, once it stands."""
	def standing():
		status, answer = daemon.api("GET", "/v1/alerts")
		assert status == 200
		return next((one["text"] for one in answer["alerts"]
			     if one["kind"] == "store.health"), None)
	return wait_for("an alert of the store", standing, 30)


def fill_in_mid_order(daemon):
	"""No byte is left, from one moment to the next. The names whose orders
	were under way at that moment."""
	process = daemon.process.process

	def held():
		process.send_signal(signal.SIGSTOP)
		caught = [row[0] for row in daemon.rows(
			"SELECT d.name FROM ord o JOIN domain d"
			" ON d.id = o.domain_id WHERE o.ended_at = 0")]
		if not caught:
			process.send_signal(signal.SIGCONT)
		return caught
	caught = wait_for("some to be under way", held, 30, 0.001)
	leave(daemon, 0)
	process.send_signal(signal.SIGCONT)
	return caught


@pytest.mark.fault(37, "the disk is filled below the reserve, and then up, "
		   "during a wave of renewals",
		   "none is begun while it is tight; what is under way ends in "
		   "the room of the ballast; alerts; all are renewed once there "
		   "is room")
def test_wave_on_a_full_disk(rig, small, name, saw):
	names = [f"n{i}{name}" for i in range(12)]
	rig.dns.point(*names)
	small.start()
	small.add(*names)
	wait_for("the ballast", (small.state / "ballast").exists, 40)
	issued, orders = rig.pebble.issued(), rig.pebble.orders()
	before = {n: small.serial(n) for n in names}
	hosts = [f"mta-sts.{n}" for n in names]

	with Fetcher(rig.client(small), hosts, pause=0.02) as f:
		leave(small, 1 << 20)
		tight = wait_store_alert(small)
		for n in names:
			small.ok("cert", "renew", n)
		f.wait_count(f.ok + 100)
		assert rig.pebble.orders() == orders

		free(small)
		wait_well(small, 60)
		caught = fill_in_mid_order(small)
		wait_for("what is under way to end", lambda: all(
			small.serial(n) != before[n] for n in caught), 30)
		full = wait_store_alert(small)
		assert {"store.tight", "store.full"} & set(findings(small))
		f.wait_count(f.ok + 100)
		ended = rig.pebble.issued() - issued
		free(small)
		# It looks at a disk that was full once a minute at last.
		wait_for("all to be renewed", lambda: all(
			small.serial(n) != before[n] for n in names), 120)
		wait_well(small, 60)
	assert not f.failures
	assert rig.pebble.issued() == issued + len(names)
	assert rig.pebble.orders() == orders + len(names)
	assert small.rows("PRAGMA integrity_check") == [("ok",)]
	saw(f'"{tight}"; then "{full}", and {ended} renewed meanwhile; 12 '
	    f"orders, 12 certificates; {f.ok} fetches, 0 failed")


@pytest.mark.quick
@pytest.mark.fault(53, "reports are posted while the disk is tight, and full",
		   "each is told to come later, and stored once there is room; "
		   "policies are served as ever")
def test_reports_on_a_full_disk(rig, small, name, saw, tmp_path):
	rig.dns.point(name)
	small.start()
	small.add(name)
	wait_for("the ballast", (small.state / "ballast").exists, 40)
	poster = Poster(small, rig.pebble.root(), name, tmp_path)
	statuses = [poster.post(report(name, 0), kind=JSON)]

	with Fetcher(rig.client(small), [f"mta-sts.{name}"], pause=0.02) as f:
		for room in 1 << 20, 0:
			leave(small, room)
			wait_for("a report to be refused", lambda: poster.post(
				report(name, 1), kind=JSON) == 503)
			statuses += [poster.post(report(name, n), kind=JSON)
				     for n in range(2, 6)]
		f.wait_count(f.ok + 50)
		free(small)
		wait_for("a report to be taken", lambda: poster.post(
			report(name, 9), kind=JSON) == 200, 60)
	assert statuses == [200] + [503] * 8
	assert not f.failures
	wait_well(small, 60)
	assert small.rows("PRAGMA integrity_check") == [("ok",)]
	saw(f"200, 8 times 503, 200; {f.ok} fetches, 0 failed")


@pytest.mark.quick
@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.fault(38, "the file system is read-only at the start, after a "
		   "stop or a crash, and later writable again",
		   "serves at once, says why it orders nothing, and goes on by "
		   "itself")
def test_read_only_at_the_start(rig, small, name, saw, end):
	rig.dns.point(name)
	small.start()
	small.add(name)
	serial = small.serial(name)
	getattr(small, end)()
	remount(small, "ro")

	small.start()
	assert still_serves(rig, small, name) == serial
	said = wait_finding(small, "box.serves-only")
	assert "ead-only" in said
	remount(small, "rw")
	wait_well(small)
	small.wait_state("live", name)
	renewed = renew(small, name)
	wait_for("the new certificate to be served",
		 lambda: still_serves(rig, small, name) == renewed, 5)
	assert renewed != serial
	saw(f'"{said}"; renewed after it')


def remount(daemon, how):
	subprocess.run(["mount", "-o", f"remount,{how}", daemon.state],
		       check=True)


# One row, one more daemon.

@pytest.mark.fault(39, "the row of one certificate is damaged",
		   "the start is not held up; that name is certified anew, "
		   "the others are left alone")
def test_one_damaged_row(rig, daemon, name, saw):
	names = [f"r{i}{name}" for i in range(3)]
	rig.dns.point(*names)
	daemon.add(*names)
	before = {n: daemon.serial(n) for n in names}
	issued = rig.pebble.issued()
	daemon.stop()
	db = sqlite3.connect(daemon.state / "state.db")
	db.execute("UPDATE cert SET leaf = x'3000' WHERE id = (SELECT cert_id"
		   " FROM domain WHERE name = ?)", (names[1],))
	db.commit()
	db.close()

	daemon.start()
	assert still_serves(rig, daemon, names[0]) == before[names[0]]
	wait_for("a new certificate", lambda: daemon.serial(names[1]) !=
		 before[names[1]], 40)
	assert still_serves(rig, daemon, names[1]) == daemon.serial(names[1])
	assert daemon.serial(names[0]) == before[names[0]]
	assert daemon.serial(names[2]) == before[names[2]]
	assert rig.pebble.issued() == issued + 1
	kinds = [e["kind"] for e in daemon.json("log", names[1])["events"]]
	assert "cert.damaged" in kinds
	saw("found by the desk, 1 certificate issued, 2 of 2 others kept")


@pytest.mark.quick
@pytest.mark.fault(40, "a second daemon is started on the same state folder",
		   "it ends and names the first, which is not disturbed")
def test_second_daemon(rig, live, name, saw):
	second = Daemon(rig.folder / f"second-{name}").use(rig.pebble, rig.dns)
	second.settings["state_dir"] = live.state
	with Fetcher(rig.client(live), [f"mta-sts.{name}"], pause=0.02) as f:
		second.launch()
		status = second.process.wait()
		f.wait_count(f.ok + 20)
	said = second.log.read_text().splitlines()
	assert status == 1
	assert str(live.process.pid) in said[0]
	assert not f.failures
	assert renew(live, name)
	saw(f"status {status}, {len(said)} lines naming the first's pid; "
	    f"{f.ok} fetches, 0 failed; a renewal after it")


# The process itself.

@pytest.fixture
def front(rig):
	front = Front(rig.http_port)
	yield front
	front.close()


@pytest.mark.fault(46, "abort(), as when there is no memory, at random "
		   "moments while orders are under way; then a restart",
		   "each order is gone on with; one certificate each")
def test_abort(rig, front, name, saw):
	daemon = rig.daemon(http_port=front.behind)
	issued, orders = rig.pebble.issued(), rig.pebble.orders()
	names = [f"a{i}{name}" for i in range(8)]
	rig.dns.point(*names)
	dice = random.Random(46)
	daemon.start()
	for n in names:
		daemon.add(n, wait=False)
		time.sleep(dice.uniform(0, 0.4))
		daemon.process.process.send_signal(signal.SIGABRT)
		assert daemon.process.wait() == -signal.SIGABRT
		daemon.start()
	daemon.wait_state("live", *names, seconds=60)
	assert rig.pebble.issued() == issued + len(names)
	assert rig.pebble.orders() == orders + len(names)
	assert daemon.rows("PRAGMA integrity_check") == [("ok",)]
	saw(f"{len(names)} aborts, {len(names)} orders, {len(names)} "
	    "certificates")


@pytest.mark.fault(46, "not one descriptor more for 3 s, while clients knock "
		   "at all doors and a renewal is asked for",
		   "no busy loop, no end; all goes on when there are some again")
def test_out_of_descriptors(rig, live, name, saw):
	pid, serial = live.process.pid, live.serial(name)
	issued = rig.pebble.issued()
	limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
	live.ok("cert", "renew", name)
	used = len(os.listdir(f"/proc/{pid}/fd"))
	resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, limits[1]))
	doors = [socket.create_connection(("127.0.0.1", port))
		 for port in (live.https_port, live.http_port) * 5]
	doors += [unix_door(live.socket) for _ in range(5)]
	before = cpu_seconds(pid)
	time.sleep(3)
	burnt = cpu_seconds(pid) - before
	assert live.is_running()
	resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
	for door in doors:
		door.close()

	log = live.log.read_text()
	assert burnt < 1.5
	assert "accept: Too many open files" in log
	assert "Error from accept()" not in log	# libevent's, each time round
	wait_for("the renewal", lambda: live.serial(name) != serial, 90)
	assert still_serves(rig, live, name) == live.serial(name)
	assert rig.pebble.issued() == issued + 1
	wait_well(live, 60)
	saw(f"{used} descriptors in use, {burnt:.2f} s of CPU in 3 s; then the "
	    "renewal: 1 certificate")


def unix_door(path):
	door = socket.socket(socket.AF_UNIX)
	door.connect(str(path))
	return door


def cpu_seconds(pid):
	fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
	return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.fault(6, "the databases and their logs, as they are on disk at "
		   "random moments while orders are under way, become another "
		   "box's (what was not synced is dropped in the simulator)",
		   "they are whole; the orders are gone on with; one "
		   "certificate each")
def test_copied_while_it_runs(rig, front, name, saw):
	issued, orders = rig.pebble.issued(), rig.pebble.orders()
	daemon = rig.daemon(http_port=front.behind).start()
	names = [f"c{i}{name}" for i in range(6)]
	rig.dns.point(*names)
	dice = random.Random(6)
	for n in names:
		daemon.add(n, wait=False)
		time.sleep(dice.uniform(0, 0.4))
		other = rig.daemon(http_port=front.behind,
				   https_port=daemon.https_port)
		daemon.process.process.send_signal(signal.SIGSTOP)
		shutil.copytree(daemon.state, other.state)
		daemon.kill()
		daemon = other.start()
		assert daemon.rows("PRAGMA integrity_check") == [("ok",)]
	daemon.wait_state("live", *names, seconds=60)
	assert rig.pebble.issued() == issued + len(names)
	assert rig.pebble.orders() == orders + len(names)
	saw(f"{len(names)} copies, each whole; {len(names)} orders, {len(names)} "
	    "certificates")
