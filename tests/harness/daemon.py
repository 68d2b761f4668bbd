"""mtastsd, its configuration and state in a folder, and mtastsctl."""

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .process import Process, connects, free_port, wait_for

HERE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MTASTS_BUILD", "build"))
if not BUILD.is_absolute():
	BUILD = HERE / BUILD

SANITIZERS = {
	"ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:exitcode=99",
	"UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
}


@dataclass
class Output:
	"""What a finished command left behind."""
	status: int
	out: str
	err: str

	def __str__(self):
		return f"status {self.status}\n{self.out}{self.err}"


class Daemon:
	"""One state folder, and the daemon that runs on it from time to time."""

	def __init__(self, folder, https_port=None, http_port=None, keep=False):
		self.folder = Path(folder)
		self.folder.mkdir(parents=True)
		self.https_port = https_port or free_port()
		self.http_port = http_port or free_port()
		self.state = self.folder / "state"
		self.run = self.folder / "run"
		self.config_file = self.folder / "mtastsd.conf"
		self.log = self.folder / "mtastsd.log"
		self.socket = self.run / "admin.sock"
		self.keep = keep
		self.process = None
		self.options = []	# words for its command line
		self.ca = {}
		self.more_cas = {}	# name: keys, after the first one
		self.issuers = []	# CAs whose roots its own looks trust
		self.settings = {
			"contact": "postmaster@example.org",
			"agree_tos": True,
			"state_dir": self.state,
			"run_dir": self.run,
			"listen_https": [f"127.0.0.1:{self.https_port}"],
			"listen_http": [f"127.0.0.1:{self.http_port}"],
			"check_http_port": self.http_port,
			"public_addresses": ["127.0.0.1"],
			"workers": 2,
		}

	def use(self, pebble, dns, **ca_keys):
		self.settings["resolvers"] = [dns.address]
		self.issuers = [pebble]
		self.ca = {"directory": pebble.directory,
			   "trust": pebble.trust} | ca_keys
		return self

	def looks(self):
		"""What it needs to fetch its own policies as senders do."""
		roots = self.folder / "issuers.pem"
		roots.write_bytes(b"".join(root_of(ca) for ca in self.issuers))
		found = {"check_trust": roots} if roots.stat().st_size else {}
		return found | {"check_https_port": self.https_port}

	def write_config(self):
		lines = [f"{key} = {conf_value(value)}" for key, value in
			 (self.looks() | self.settings).items()]
		cas = {"pebble": self.ca} if self.ca else {}
		for name, keys in (cas | self.more_cas).items():
			lines += [f"ca {name} {{"]
			lines += [f"\t{key} = {conf_value(value)}"
				  for key, value in keys.items()]
			lines += ["}"]
		self.run.mkdir(exist_ok=True)
		self.config_file.write_text("\n".join(lines) + "\n")

	# Its life.

	def launch(self, env=None, wrapper=(), fds=()):
		self.write_config()
		self.process = Process(
			"mtastsd", [*wrapper, BUILD / "mtastsd", "--config",
				    self.config_file, *self.options],
			self.log, SANITIZERS | (env or {}), self.keep, fds)
		return self

	def wait_ready(self, seconds=20):
		self.process.wait_ready(
			lambda: answers(self.socket) and
			connects(self.https_port) and connects(self.http_port),
			seconds)
		return self

	def start(self, env=None, wrapper=()):
		return self.launch(env, wrapper).wait_ready(
			120 if wrapper else 20)

	def reload(self):
		self.write_config()
		self.process.process.send_signal(signal.SIGHUP)

	def stop(self, seconds=30):
		"""SIGTERM. A daemon that does not end well is a failure."""
		status = self.process.stop(seconds)
		if status != 0:
			raise AssertionError(
				f"mtastsd ended with status {status}:"
				f"\n{self.log.read_text(errors='replace')}")

	def kill(self):
		self.process.kill()

	def is_running(self):
		return self.process is not None and self.process.is_alive()

	# Talking to it.

	def ctl(self, *words, seconds=60, env=None):
		"""mtastsctl, whatever comes of it."""
		done = subprocess.run(
			[BUILD / "mtastsctl", "--socket", self.socket,
			 *map(str, words)], capture_output=True, text=True,
			timeout=seconds, stdin=subprocess.DEVNULL,
			env=os.environ | SANITIZERS | (env or {}))
		return Output(done.returncode, done.stdout, done.stderr)

	def ok(self, *words, seconds=60):
		"""mtastsctl, which must succeed (a warning is success)."""
		result = self.ctl(*words, seconds=seconds)
		if result.status not in (0, 1):
			raise AssertionError(f"mtastsctl {' '.join(words)}:"
					     f" {result}")
		return result.out

	def json(self, *words):
		return json.loads(self.ok(*words, "--json"))

	def add(self, *domains, wait=True):
		for domain in domains:
			self.ok("domain", "add", domain, "--mx", f"mx.{domain}",
				*(["--wait"] if wait else []))

	def api(self, method, path, body=None, seconds=10):
		"""One call of the admin API, without mtastsctl: (status, JSON)."""
		connection = UnixConnection(self.socket, seconds)
		connection.request(method, path,
				   json.dumps(body) if body is not None else None)
		reply = connection.getresponse()
		text = reply.read()
		connection.close()
		return reply.status, json.loads(text)

	def troubles(self, name):
		"""Its findings, but for the record that no story publishes."""
		return [f for f in self.domain(name)["findings"]
			if f["id"] != "txt.missing"]

	def domain(self, name):
		status, view = self.api("GET", f"/v1/domains/{name}")
		if status != 200:
			raise AssertionError(f"{name}: {view}")
		return view

	def wait_state(self, state, *domains, seconds=30):
		for name in domains:
			wait_for(f"{name} to be {state}",
				 lambda: self.domain(name)["state"] == state,
				 seconds, 0.05)

	def wait_announced(self, *domains, seconds=30):
		"""Their policies were fetched: senders may be told of them."""
		for name in domains:
			wait_for(f"{name} to be fetched as senders do",
				 lambda: self.domain(name)["announce"]["may"],
				 seconds, 0.05)

	def serial(self, name):
		return int(self.domain(name)["certificate"]["serial"], 16)

	# What only the database knows.

	def rows(self, sql, *values):
		uri = f"file:{self.state / 'state.db'}?mode=ro"
		db = sqlite3.connect(uri, uri=True, timeout=5)
		try:
			return db.execute(sql, values).fetchall()
		finally:
			db.close()

	def orders(self, name):
		"""(id, state) of every order of a domain, oldest first."""
		return self.rows("SELECT o.id, o.state FROM ord o JOIN domain d"
				 " ON d.id = o.domain_id WHERE d.name = ?"
				 " ORDER BY o.id", name)


ORDER_DONE, ORDER_DEAD = 8, 9	# enum order_state, store/order.h


class UnixConnection(http.client.HTTPConnection):
	def __init__(self, path, seconds):
		super().__init__("localhost", timeout=seconds)
		self.path = str(path)

	def connect(self):
		self.sock = socket.socket(socket.AF_UNIX)
		self.sock.settimeout(self.timeout)
		self.sock.connect(self.path)


def root_of(ca):
	"""The root that it issues under, if there is one by now."""
	try:
		return ca.root().read_bytes()
	except (AttributeError, OSError):
		return b""


def answers(path):
	with socket.socket(socket.AF_UNIX) as s:
		return s.connect_ex(str(path)) == 0


def conf_value(value):
	if isinstance(value, bool):
		return "true" if value else "false"
	if isinstance(value, int):
		return str(value)
	if isinstance(value, (list, tuple)):
		return "{" + ", ".join(conf_value(v) for v in value) + "}"
	return f'"{value}"'
