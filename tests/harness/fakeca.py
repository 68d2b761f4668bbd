"""Our own CA (tests/fakeca) in a process, and its control port.

It stands where pebble stands in a rig, and does what pebble cannot.
"""

import http.client
import json
import sys
from pathlib import Path

from .daemon import HERE
from .process import Process, connects, free_port


class FakeCa:
	"""All names are validated at `http_port` and `tls_port` of 127.0.0.1.

	env	for the process, such as that of faketime
	"""

	def __init__(self, folder, http_port, tls_port=None, name="fakeca",
		     seed=1, env=None, keep=False):
		self.folder = Path(folder)
		self.folder.mkdir(parents=True)
		self.name, self.seed = name, seed
		self.port, self.control_port = free_port(), free_port()
		self.directory = f"https://127.0.0.1:{self.port}/directory"
		self.trust = self.folder / "trust.pem"	# of its own HTTPS
		self.log = self.folder / "fakeca.log"
		self.http_port = http_port
		self.tls_port = tls_port or free_port()
		self.env = {"PYTHONPATH": str(HERE / "tests"),
			    "PYTHONDONTWRITEBYTECODE": "1"} | (env or {})
		self.keep = keep
		self.process = None
		self.life = 0

	# Its life.

	def launch(self):
		self.process = Process("fakeca", [
			sys.executable, "-m", "fakeca",
			"--folder", self.folder, "--port", self.port,
			"--control", self.control_port, "--validate-at",
			f"127.0.0.1:{self.http_port}:{self.tls_port}",
			"--name", self.name, "--seed", self.seed,
			"--life", self.life], self.log, self.env, self.keep)
		return self

	def wait_ready(self):
		self.process.wait_ready(lambda: connects(self.control_port) and
					connects(self.port))
		return self

	def start(self):
		return self.launch().wait_ready()

	def stop(self):
		if self.process and self.process.is_alive():
			self.process.stop()

	def restart(self):
		"""It comes back with its keys and without a memory."""
		self.stop()
		self.life += 1
		return self.start()

	def root(self):
		"""A file with the root that its certificates lead to."""
		return self.folder / "root.pem"

	# Its control port.

	def call(self, method, path, body=None):
		connection = http.client.HTTPConnection(
			"127.0.0.1", self.control_port, timeout=30)
		connection.request(method, path,
				   json.dumps(body) if body is not None else None)
		reply = connection.getresponse()
		answer = json.loads(reply.read())
		connection.close()
		if reply.status != 200:
			raise ValueError(f"fakeca: {path}: {answer}")
		return answer

	def set(self, **settings):
		"""Settings, by name: see fakeca/settings.py."""
		return self.call("PATCH", "/settings", settings)

	def rule(self, do, times=None, skip=0, share=1, **match):
		"""What to do to requests: see fakeca/rules.py. Returns its id."""
		rule = {"match": match, "do": do, "skip": skip, "share": share}
		if times is not None:
			rule["times"] = times
		return self.call("POST", "/rules", rule)["id"]

	def hits(self, rule):
		return next(r["hits"] for r in self.call("GET", "/rules")
			    if r["id"] == rule)

	def drop_rules(self):
		self.call("DELETE", "/rules")

	def revoke(self, reason=0, explanation="", **which):
		"""serial=, name= or all=True. How many there were."""
		return self.call("POST", "/revoke", which | {
			"reason": reason, "explanation": explanation})["revoked"]

	def forget(self, what="accounts"):
		self.call("POST", "/forget", {"what": what})

	def deactivate(self):
		self.call("POST", "/deactivate", {})

	# What it saw.

	def counts(self):
		return self.call("GET", "/counts")

	def count(self, what, name=None):
		"""One number, of all or of one name."""
		counts = self.counts()
		if name is not None:
			counts = counts["names"].get(name, {})
		return counts.get(what, 0)

	def orders(self):
		return self.count("orders")

	def issued(self):
		return self.count("certificates")

	def requests(self, endpoint):
		return self.counts()["requests"].get(endpoint, 0)

	def serials(self, name):
		return self.counts()["serials"].get(name, [])

	def certificates(self, name):
		return self.call("GET", f"/certificates?name={name}")

	def seen(self, name=None):
		"""The last requests, as dicts, oldest first."""
		return self.call("GET", f"/log?name={name}" if name else "/log")

	def complaint(self):
		"""The first thing that the client did wrong, or None."""
		complaints = self.call("GET", "/complaints")
		return complaints[0] if complaints else None
