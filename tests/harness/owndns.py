"""The operator's own zone: a second knot, which takes updates with a key."""

import base64
import os
import subprocess
from pathlib import Path

from .dns import SERVER
from .process import Process, free_port

CONFIG = SERVER + """
key:
  - id: box.key
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: box
    key: box.key
    action: update
template:
  - id: default
    storage: {folder}
    file: "%s.zone"
zone:
  - domain: {zone}
    acl: box
"""


class OwnDns:
	"""The zone "sts.example", and the key that may change it."""

	ZONE = "sts.example"

	def __init__(self, folder):
		self.folder = Path(folder)
		self.folder.mkdir()
		self.port = free_port()
		self.address = f"127.0.0.1:{self.port}"
		self.secret = base64.b64encode(os.urandom(32)).decode()
		self.key_file = self.write_key("tsig.key", self.secret)
		self.process = None

	def write_key(self, name, secret, key="box.key"):
		path = self.folder / name
		path.touch(mode=0o600)
		path.write_text(f"hmac-sha256:{key}:{secret}\n")
		return path

	def write_zone(self):
		(self.folder / f"{self.ZONE}.zone").write_text(
			f"$ORIGIN {self.ZONE}.\n$TTL 60\n"
			"@ SOA ns root 1 60 60 60 1\n@ NS ns\nns A 127.0.0.1\n")

	def start(self, fresh=True):
		(self.folder / "knot.conf").write_text(CONFIG.format(
			folder=self.folder, port=self.port, zone=self.ZONE,
			secret=self.secret))
		if fresh:
			self.write_zone()
		self.process = Process("own knot", [
			"knotd", "-c", self.folder / "knot.conf"],
			self.folder / "knot.log")
		mark = self.process.text().count("control, binding")
		self.process.wait_ready(
			lambda: self.process.text().count("control, binding")
			>= max(mark, 1) and self.is_up())
		return self

	def is_up(self):
		return bool(self.ask(self.ZONE, "SOA"))

	def stop(self):
		if self.process and self.process.is_alive():
			self.process.stop()

	def settings(self):
		"""For mtastsd.conf, to publish by RFC 2136."""
		return {"delegate_zone": self.ZONE,
			"publish_server": self.address,
			"publish_key_file": self.key_file}

	def update(self, *lines):
		subprocess.run(
			["knsupdate", "-v", "-k", self.key_file], check=True,
			text=True, capture_output=True, input="\n".join([
				f"server 127.0.0.1 {self.port}",
				f"zone {self.ZONE}.", *lines, "send", ""]))

	def ask(self, name, kind):
		"""What it answers over UDP: the data, sorted."""
		done = subprocess.run(
			["kdig", "@127.0.0.1", "-p", str(self.port), "+short",
			 "+notcp", "+retry=0", "+time=2", name, kind],
			capture_output=True, text=True)
		if done.returncode != 0:
			return None
		return sorted(line.strip('"') for line in
			      done.stdout.splitlines() if line[0] != ";")
