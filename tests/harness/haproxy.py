"""A proxy in front of a daemon: haproxy, that says whose connections it has."""

from pathlib import Path

from .process import Process, connects, free_port

CONFIG = """
global
    maxconn 200
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
"""

LISTEN = """
listen {name}
    bind 127.0.0.1:{port}
    server daemon 127.0.0.1:{behind} source {source} {says}
"""


class Haproxy:
	"""It connects from `source`, and `says` send-proxy, or send-proxy-v2."""

	def __init__(self, folder, daemon, http_port, source, says):
		self.folder = Path(folder)
		self.folder.mkdir()
		self.https_port, self.http_port = free_port(), http_port
		config = self.folder / "haproxy.cfg"
		config.write_text(CONFIG + "".join(
			LISTEN.format(name=name, port=port, behind=behind,
				      source=source, says=says)
			for name, port, behind in (
				("https", self.https_port, daemon.https_port),
				("http", self.http_port, daemon.http_port))))
		self.process = Process("haproxy", ["haproxy", "-db", "-f", config],
				       self.folder / "haproxy.log")
		self.process.wait_ready(lambda: connects(self.https_port))

	def stop(self):
		self.process.stop()
