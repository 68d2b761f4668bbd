"""A real DNS server, knot, with zones that change under our hands."""

import subprocess
from pathlib import Path

from .process import Process, free_port

ZONE = "test"
MICROSOFT = "outlook.com"	# where mail servers of its customers have names
BROKEN = "broken.test"		# every query below it ends in SERVFAIL

# What any knot of a story says of itself: {port}, {folder}.
SERVER = """
server:
    listen: [127.0.0.1@{port}, 127.0.0.2@{port}]
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
"""

CONFIG = SERVER + """
template:
  - id: default
    storage: {folder}
    file: "%s.zone"
    journal-content: none
    zonefile-load: whole
    zonefile-sync: -1
zone:
  - domain: {zone}
  - domain: {microsoft}
  - domain: {broken}
"""


class Dns:
	"""The zone "test" and, below it, "broken.test", which has no file.

	Names are written as in the zone, below "test.": "mta-sts.one"; those of
	the zone "outlook.com" end in a dot.
	"""

	def __init__(self, folder, keep=False, port=None):
		self.folder = Path(folder)
		self.folder.mkdir(parents=True)
		self.port = port or free_port()
		self.address = f"127.0.0.1:{self.port}"
		self.second = f"127.0.0.2:{self.port}"	# a voice of its own
		self.keep = keep
		self.serial = 0
		self.records = {}	# (name, type) -> list of data
		self.ttls = {}		# (name, type) -> seconds
		self.process = None

	def start(self):
		(self.folder / "knot.conf").write_text(CONFIG.format(
			folder=self.folder, port=self.port, zone=ZONE,
			microsoft=MICROSOFT, broken=BROKEN))
		self._write_zones()
		self.process = Process("knot", [
			"knotd", "-c", self.folder / "knot.conf"],
			self.folder / "knot.log", keep=self.keep)
		self.process.wait_ready(
			lambda: "control, binding" in self.process.text() and
			(self.folder / "control.sock").exists())
		return self

	def set(self, name, kind, *data, ttl=1):
		"""These records and no other; none at all takes them away."""
		self.set_all([name], kind, *data, ttl=ttl)

	def set_all(self, names, kind, *data, ttl=1):
		for name in names:
			self.records[relative(name), kind] = data
			self.ttls[relative(name), kind] = ttl
		self._write_zones()
		self._reload()

	def publish(self, *lines):
		"""Lines as in a zone file, each in place of what was there."""
		for line in lines:
			name, ttl, _, kind, data = line.split(None, 4)
			self.set(name.removesuffix(f".{ZONE}."), kind, data,
				 ttl=int(ttl))

	def point(self, *domains, address="127.0.0.1"):
		"""Lets the policy hosts of these mail domains lead to us."""
		self.set_all([f"mta-sts.{d}" for d in domains], "A", address)

	def forget(self, *domains):
		self.set_all([f"mta-sts.{d}" for d in domains], "A")

	def _write_zones(self):
		self.serial += 1
		for zone in ZONE, MICROSOFT:
			lines = [f"$ORIGIN {zone}.", "$TTL 1",
				 f"@ SOA ns root {self.serial} 60 60 60 1",
				 "@ NS ns", "ns A 127.0.0.1"]
			lines += [f"{name} {self.ttls[name, kind]} {kind} {one}"
				  for (name, kind), data in self.records.items()
				  if name.endswith(f"{MICROSOFT}.") ==
				  (zone == MICROSOFT) for one in data]
			(self.folder / f"{zone}.zone").write_text(
				"\n".join(lines) + "\n")

	def _reload(self):
		subprocess.run(["knotc", "-s", self.folder / "control.sock", "-b",
				"zone-reload", ZONE, MICROSOFT], check=True,
			       capture_output=True)


def relative(name):
	return name.removesuffix(f".{ZONE}")
