"""A resolver, as a mail server has one: unbound, in front of our knot."""

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
    cache-max-ttl: 0
remote-control:
    control-enable: no
stub-zone:
    name: "{zone}"
    stub-addr: 127.0.0.1@{knot}
"""


class Unbound:
	def __init__(self, folder, dns):
		self.folder = Path(folder)
		self.dns = dns
		self.port = free_port()

	def start(self):
		config = self.folder / "unbound.conf"
		config.write_text(CONFIG.format(folder=self.folder, zone=ZONE,
						port=self.port,
						knot=self.dns.port))
		self.process = Process("unbound", ["unbound", "-d", "-c", config],
				       self.folder / "unbound.log")
		self.process.wait_ready(
			lambda: "start of service" in self.process.text())
		return self

	def stop(self):
		self.process.stop()
