"""Boxes with many domains, made once and kept below the build folder."""

import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

KEPT_DAYS = 20		# their certificates are renewed after 60
STAMP = "made"
FORMAT = "2"		# of what `world` makes: another one is made anew


class World:
	"""What tests/bench/world.c makes: names, certificates, a store."""

	def __init__(self, folder, count):
		self.folder = Path(folder)
		self.count = count
		self.names = self.folder / "names.txt"
		self.policy = self.folder / "policy.txt"
		self.root = self.folder / "root.pem"
		self.state = self.folder / "state"

	def hosts(self):
		return self.names.read_text().split()

	@property
	def first(self):
		with open(self.names) as names:
			return names.readline().strip()

	def pem(self, host):
		return self.folder / "pem" / f"{host}.pem"

	def copy_state(self, to):
		"""For a daemon to run on: as after a day of running, not of today."""
		shutil.copytree(self.state, to)
		calm(to / "state.db")


def world(build, count):
	folder = build / "bench" / f"world-{count}"
	stamp = folder / STAMP
	if not is_fresh(stamp):
		shutil.rmtree(folder, ignore_errors=True)
		subprocess.run([build / "bench" / "world", folder, str(count)],
			       check=True)
		stamp.write_text(FORMAT)
	return World(folder, count)


def is_fresh(stamp):
	return (stamp.exists() and stamp.read_text() == FORMAT and
		time.time() - stamp.stat().st_mtime < KEPT_DAYS * 86400)


def calm(path):
	"""Nothing of what a new box has to look at is due within the hour.

	It would be spread over a day on one that runs. Here all of it would come
	at once, and from resolvers that do not answer.
	"""
	now = int(time.time())
	with sqlite3.connect(path) as db:
		later = f"{now} + 3600 + abs(random() % 79200)"
		db.execute(f"UPDATE watch SET due_at = {later}")
		db.execute(f"UPDATE reached SET at = {now}, due_at = {later}")
	db.close()


def bytes_beside(state):
	"""Database bytes for each domain beside its keys and leafs, and in all."""
	total = own = 0
	for name, sql in (
		("state.db", "SELECT (SELECT sum(length(leaf)) FROM cert) +"
			     " (SELECT sum(length(scalar) + length(point))"
			     " FROM key)"),
		("serve.db", "SELECT sum(length(leaf) + length(scalar) +"
			     " length(point)) FROM site")):
		with sqlite3.connect(state / name) as db:
			own += db.execute(sql).fetchone()[0]
			total += db.execute("SELECT page_count * page_size FROM"
					    " pragma_page_count(),"
					    " pragma_page_size()").fetchone()[0]
		db.close()
	return total - own, total
