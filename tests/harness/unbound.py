"""A resolver, as a mail server has one: unbound, in front of our knots."""

import subprocess
from pathlib import Path

from .dns import ZONE
from .process import Process, free_port

CONFIG = """
server:
    interface: 127.0.0.1
    port: {port}
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    module-config: "iterator"
    do-not-query-localhost: no
    local-zone: "{zone}." nodefault
    num-threads: 1
    cache-max-ttl: {keeps}
remote-control:
    control-enable: no
"""

STUB = """
stub-zone:
    name: "{zone}"
    stub-addr: 127.0.0.1@{port}
"""


class Unbound:
	"""It follows CNAMEs from one zone into another; `more`: those of others.

	What it was told it forgets at once, or `keeps` for so many seconds, by the
	clock of `env`.
	"""

	def __init__(self, folder, dns, keeps=0, env=None, **more):
		self.folder = Path(folder)
		self.folder.mkdir(exist_ok=True)
		self.keeps, self.env = keeps, env
		self.zones = {ZONE: dns} | more
		self.port = free_port()
		self.address = f"127.0.0.1:{self.port}"

	def start(self):
		config = self.folder / "unbound.conf"
		config.write_text(CONFIG.format(folder=self.folder, zone=ZONE,
						port=self.port,
						keeps=self.keeps)
				  + "".join(STUB.format(zone=zone, port=dns.port)
					    for zone, dns in self.zones.items()))
		self.process = Process("unbound", ["unbound", "-d", "-c", config],
				       self.folder / "unbound.log",
				       env=self.env)
		self.process.wait_ready(
			lambda: "start of service" in self.process.text())
		return self

	def ask(self, name, kind):
		"""What a sender is told: the data at the end of the CNAMEs."""
		said = subprocess.run(
			["kdig", "@127.0.0.1", "-p", str(self.port), "+short",
			 "+retry=0", "+time=2", name, kind],
			capture_output=True, text=True).stdout
		return sorted(line.strip('"') for line in said.splitlines()
			      if line and line[0] != ";" and line[-1] != ".")

	def stop(self):
		self.process.stop()
