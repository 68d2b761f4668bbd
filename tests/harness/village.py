"""A network namespace that a story furnishes, and whose programs it runs.

Unlike harness/island.py it stays, so that a daemon may run in it, with its own
ports 80 and 443, its own addresses and its own firewall.
"""

import os
import subprocess

from .process import Process, wait_for

# No device of the machine's leads there; files below these are its own.
OWN_FOLDERS = "/etc/mtastsd", "/run/mtastsd", "/var/lib/mtastsd"


def is_possible():
	return os.geteuid() == 0 and subprocess.run(
		["unshare", "--net", "--mount", "ip", "link", "add", "v0", "type",
		 "veth", "peer", "name", "v1"],
		capture_output=True).returncode == 0


class Village:
	"""Programs in it are root's, and see files as others do, but for
	OWN_FOLDERS, which are empty at first.
	"""

	def __init__(self, folder):
		folder.mkdir(parents=True, exist_ok=True)
		ready = folder / "ready"
		self.process = Process(
			"village", ["unshare", "--net", "--mount", "sh", "-c",
				    f"echo >{ready}; exec sleep 3600"],
			folder / "village.log")
		wait_for("a namespace", ready.exists)
		self.prefix = ["nsenter", "--net", "--mount", "--target",
			       str(self.process.pid)]
		self.made = [d for d in OWN_FOLDERS if not os.path.isdir(d)]
		for one in OWN_FOLDERS:
			os.makedirs(one, exist_ok=True)
			self.ok("mount", "-t", "tmpfs", "-o", "mode=755",
				"village", one)
		self.ok("ip", "link", "set", "lo", "up")

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
		return Process(name, [*self.prefix, *words], log, env)

	def end(self):
		self.process.kill()
		for one in self.made:
			os.rmdir(one)
