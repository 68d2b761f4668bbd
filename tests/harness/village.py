"""A network namespace that a story furnishes, and whose programs it runs.

Unlike harness/island.py it stays, so that a daemon may run in it, with its own
ports 80 and 443, its own addresses and its own firewall.
"""

import os
import subprocess
import sys

from .daemon import HERE
from .process import Process

# /etc is a copy, /run and /var/lib are empty at first: nothing of the
# machine's is touched.
FURNISH = """
mount -t tmpfs -o mode=755 village "$1" && cp -a /etc "$1" &&
mount --bind "$1/etc" /etc &&
mount -t tmpfs -o mode=755 village /run &&
mount -t tmpfs -o mode=755 village /var/lib &&
mkdir /etc/mtastsd && ip link set lo up && echo >"$2" && exec sleep 3600
"""


def is_possible():
	return os.geteuid() == 0 and subprocess.run(
		["unshare", "--net", "--mount", "ip", "link", "add", "v0", "type",
		 "veth", "peer", "name", "v1"],
		capture_output=True).returncode == 0


class Village:
	"""Programs in it are root's."""

	def __init__(self, folder):
		ready, room = folder / "ready", folder / "room"
		room.mkdir(parents=True)
		self.process = Process(
			"village", ["unshare", "--net", "--mount", "sh", "-c",
				    FURNISH, "sh", room, ready],
			folder / "village.log")
		self.prefix = ["nsenter", "--net", "--mount", "--target",
			       str(self.process.pid)]
		self.process.wait_ready(ready.exists)
		self.guests = []

	def run(self, *words, **more):
		return subprocess.run([*self.prefix, *map(str, words)], **(
			{"capture_output": True, "text": True, "timeout": 60,
			 "stdin": subprocess.DEVNULL} | more))

	def ok(self, *words, **more):
		done = self.run(*words, **more)
		assert done.returncode == 0, (words, done.stdout, done.stderr)
		return done.stdout

	def address(self, *addresses):
		"""Of its interface to the world, at which nobody is."""
		self.ok("ip", "link", "add", "v0", "type", "veth", "peer",
			"name", "v1")
		self.ok("ip", "link", "set", "v1", "up")
		self.ok("ip", "link", "set", "v0", "up")
		for one in addresses:
			self.ok("ip", "addr", "add", one, "dev", "v0", *(
				["nodad"] if ":" in one else []))
		return self

	def write(self, path, text):
		self.ok("tee", path, input=text, stdin=None)

	def spawn(self, name, words, log, env=None):
		self.guests.append(Process(name, [*self.prefix, *words], log, env))
		return self.guests[-1]

	def town(self, folder):
		"""DNS, a CA and a mail server (harness/town.py)."""
		town = self.spawn("town", [sys.executable,
					   HERE / "tests/harness/town.py", folder],
				  folder / "town.log",
				  {"PYTHONDONTWRITEBYTECODE": "1"})
		town.wait_ready((folder / "open").exists)
		self.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")

	def end(self):
		for guest in [*self.guests, self.process]:
			if guest.is_alive():
				guest.kill()
