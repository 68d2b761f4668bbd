"""A real DNS server, knot, with one zone that changes under our hands."""

import subprocess
from pathlib import Path

from .process import Process, free_port

ZONE = "test"
BROKEN = "broken.test"		# every query below it ends in SERVFAIL

CONFIG = """
server:
    listen: 127.0.0.1@{port}
    rundir: {folder}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: {folder}/control.sock
database:
    storage: {folder}
    timer-db-max-size: 1M
    journal-db-max-size: 1M
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: {folder}
    file: "%s.zone"
    journal-content: none
    zonefile-load: whole
    zonefile-sync: -1
zone:
  - domain: {zone}
  - domain: {broken}
"""


class Dns:
	"""The zone "test" and, below it, "broken.test", which has no file.

	Names are written as in the zone, below "test.": "mta-sts.one".
	"""

	def __init__(self, folder, keep=False):
		self.folder = Path(folder)
		self.folder.mkdir(parents=True)
		self.port = free_port()
		self.address = f"127.0.0.1:{self.port}"
		self.keep = keep
		self.serial = 0
		self.records = {}	# (name, type) -> list of data
		self.process = None

	def start(self):
		(self.folder / "knot.conf").write_text(CONFIG.format(
			folder=self.folder, port=self.port, zone=ZONE,
			broken=BROKEN))
		self._write_zone()
		self.process = Process("knot", [
			"knotd", "-c", self.folder / "knot.conf"],
			self.folder / "knot.log", keep=self.keep)
		self.process.wait_ready(
			lambda: "control, binding" in self.process.text() and
			(self.folder / "control.sock").exists())
		return self

	def set(self, name, kind, *data):
		"""These records and no other; none at all takes them away."""
		self.set_all([name], kind, *data)

	def set_all(self, names, kind, *data):
		for name in names:
			self.records[relative(name), kind] = data
		self._write_zone()
		self._reload()

	def point(self, *domains, address="127.0.0.1"):
		"""Lets the policy hosts of these mail domains lead to us."""
		self.set_all([f"mta-sts.{d}" for d in domains], "A", address)

	def forget(self, *domains):
		self.set_all([f"mta-sts.{d}" for d in domains], "A")

	def _write_zone(self):
		self.serial += 1
		lines = [f"$ORIGIN {ZONE}.", "$TTL 1",
			 f"@ SOA ns root {self.serial} 60 60 60 1",
			 "@ NS ns", "ns A 127.0.0.1"]
		lines += [f"{name} {kind} {data}"
			  for (name, kind), all_data in self.records.items()
			  for data in all_data]
		(self.folder / f"{ZONE}.zone").write_text("\n".join(lines) + "\n")

	def _reload(self):
		subprocess.run(["knotc", "-s", self.folder / "control.sock", "-b",
				"zone-reload", ZONE], check=True,
			       capture_output=True)


def relative(name):
	return name.removesuffix(f".{ZONE}")
