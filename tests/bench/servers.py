"""The servers that are compared: each serves a world, on one core."""

import json
import os
import pwd
import shutil
import ssl
import socket
import time
from pathlib import Path

from harness.daemon import BUILD, Daemon
from harness.metrics import scrape
from harness.process import Process, connects, free_port, wait_for

SERVER_CORE, CLIENT_CORE = 0, 1
CONTENT_HANDSHAKE, NEW_SESSION_TICKET = 22, 4	# RFC 8446


def pinned(core):
	return ["taskset", "-c", str(core)]


class Server:
	"""`port` is where it answers; it is one process or a few."""

	label = None
	program = None		# of Debian's, that it needs

	def __init__(self, world, folder):
		self.world = world
		self.folder = Path(folder)
		self.folder.mkdir(parents=True)
		self.port = free_port()
		self.process = None
		self.started = 0.0	# s, from its start to the first answer

	def start(self):
		since = time.monotonic()
		self.process = self.launch()
		self.process.wait_ready(self.answers, 300)
		self.started = time.monotonic() - since
		return self

	def run(self, *words, env=None):
		return Process(self.label, [*pinned(SERVER_CORE), *words],
			       self.folder / "log", env)

	def answers(self):
		"""A policy, as the first name's senders get it."""
		return connects(self.port) and self.look() is not None

	def look(self):
		"""(cipher, session tickets) of such a fetch; None: no 200."""
		host, tickets = self.world.first, []
		tls = ssl.create_default_context(cafile=self.world.root)
		tls._msg_callback = lambda _, way, *message: tickets.extend(
			[1] * (way == "read" and is_ticket(*message)))
		with socket.create_connection(("127.0.0.1", self.port), 10) as s:
			with tls.wrap_socket(s, server_hostname=host) as t:
				t.sendall(request(host))
				answer = t.recv(4096)
				found = t.cipher()[0], len(tickets)
		return found if answer.startswith(b"HTTP/1.1 200 ") else None

	def stop(self):
		if self.process and self.process.is_alive():
			self.process.stop(30)	# nginx: its workers, too

	# What it costs.

	def pids(self):
		pid = self.process.pid
		children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
		return [pid, *map(int, children.split())]

	def cpu_ns(self):
		"""Of all of its threads; those that ended between are missed."""
		return sum(int(path.read_text().split()[0])
			   for pid in self.pids()
			   for path in Path(f"/proc/{pid}/task").glob(
				   "*/schedstat"))

	def open_files(self):
		return len(os.listdir(f"/proc/{self.process.pid}/fd"))

	def rss(self):
		"""Of the largest of its processes, the one that serves."""
		return max(rss_of(pid) for pid in self.pids())

	def peak(self):
		"""Likewise, the most that it ever was."""
		return max(rss_of(pid, "VmHWM") for pid in self.pids())


def rss_of(pid, what="VmRSS"):
	for line in Path(f"/proc/{pid}/status").read_text().splitlines():
		if line.startswith(f"{what}:"):
			return int(line.split()[1]) * 1024
	return 0


def is_ticket(_version, content, kind, _bytes):
	return (content, kind) == (CONTENT_HANDSHAKE, NEW_SESSION_TICKET)


def request(host):
	return (f"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {host}\r\n"
		"Connection: close\r\n\r\n").encode()


def settle(*servers):
	"""Whatever they look at after a start is no part of a fetch."""
	for server in servers:
		wait_for(f"{server.label} to be idle", lambda: is_idle(server),
			 600, 0)


def is_idle(server):
	before = server.cpu_ns()
	time.sleep(0.5)
	return server.cpu_ns() - before < 0.02 * 0.5e9


class Bare(Server):
	label = "bare loop"

	def launch(self):
		return self.run(BUILD / "bench/bare", self.port,
				self.world.folder)


class Mtastsd(Server):
	label = "mtastsd"
	settings = {}

	def launch(self):
		self.daemon = d = Daemon(self.folder / "box", self.port)
		d.settings |= {"workers": 1, "resolvers": ["127.0.0.1:9"],
			       "max_per_address": 100000,
			       "log_level": "warning"} | self.settings
		self.world.copy_state(d.state)
		since = time.monotonic()
		process = d.launch(wrapper=pinned(SERVER_CORE)).process
		self.launched = since
		return process

	def start(self):
		super().start()
		self.started = time.monotonic() - self.launched
		self.daemon.wait_ready()	# it serves before it is administered
		return self

	def presented(self):
		"""Certificates, from memory and from the store.

		Who asks makes it count what is in the store, so not in a round.
		"""
		m = scrape(self.daemon, seconds=60)
		return [m("mtastsd_certificates_presented_total",
			  **{"from": where}) for where in ("memory", "store")]


NGINX = """daemon off;
worker_processes 1;
error_log {folder}/error.log crit;
pid {folder}/pid;
user {user};
events {{ worker_connections 8192; }}
http {{
	access_log off;
	server_tokens off;
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_prefer_server_ciphers on;
	ssl_session_tickets off;
	ssl_session_cache off;
	server_names_hash_max_size 8192;
	server_names_hash_bucket_size 128;
	default_type text/plain;
{more}
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
{servers}
}}
"""
NGINX_SERVER = """	server {{
		listen 127.0.0.1:{port} ssl;
		server_name {name};
		ssl_certificate {pem};
		ssl_certificate_key {pem};
		location = /.well-known/mta-sts.txt {{ return 200 "{body}"; }}
	}}
"""


class Nginx(Server):
	"""Its answers are in its configuration: cheaper than a file for each.

	As Debian has it, and as people run it: without tickets, as they are
	told to. Of TLS 1.3 it sends two for each handshake all the same, each
	with a number that nobody finds again; and prefers AES-256.
	"""

	program = "nginx"
	more = ""

	def launch(self):
		conf = self.folder / "nginx.conf"
		conf.write_text(NGINX.format(folder=self.folder,
					     user=user_name(), more=self.more,
					     servers=self.servers()))
		return self.run("nginx", "-p", self.folder, "-c", conf)

	def block(self, name, pem, host):
		text = self.world.policy.read_bytes().decode()
		body = text.replace("{host}", host).replace("\r", "\\r").replace(
			"\n", "\\n")
		return NGINX_SERVER.format(port=self.port, name=name, pem=pem,
					   body=body)


class NginxStatic(Nginx):
	label = "nginx, static"

	def servers(self):
		return "".join(self.block(host, self.world.pem(host), host)
			       for host in self.world.hosts())


class NginxVariable(Nginx):
	"""The only way that takes a new name without a reload of all."""

	label = "nginx, by variable"

	def servers(self):
		return self.block("_", self.world.pem("$ssl_server_name"),
				  "$ssl_server_name")


class Equal:
	"""What no directive says, libssl does: the same work as for ours."""

	more = """	ssl_conf_command NumTickets 0;
	ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;"""


class NginxStaticEqual(Equal, NginxStatic):
	label = "nginx, static, made equal"


class NginxVariableEqual(Equal, NginxVariable):
	label = "nginx, by variable, made equal"


class Caddy(Server):
	label = "Caddy"
	program = "caddy"

	def launch(self):
		conf = self.folder / "caddy.json"
		conf.write_text(json.dumps(self.config()))
		return self.run("caddy", "run", "--config", conf, env={
			"HOME": str(self.folder),
			"XDG_DATA_HOME": str(self.folder),
			"XDG_CONFIG_HOME": str(self.folder)})

	def config(self):
		body = self.world.policy.read_bytes().decode()
		pems = [str(self.world.pem(h)) for h in self.world.hosts()]
		return {
			"admin": {"disabled": True},
			"logging": {"logs": {"default": {"level": "ERROR"}}},
			"apps": {
				"tls": {"certificates": {"load_files": [
					{"certificate": p, "key": p}
					for p in pems]},
					"session_tickets": {"disabled": True}},
				"http": {"servers": {"one": {
					"listen": [f"127.0.0.1:{self.port}"],
					"protocols": ["h1"],
					"automatic_https": {"disable": True},
					"tls_connection_policies": [{}],
					"routes": [{"handle": [{
						"handler": "static_response",
						"body": body.replace(
							"{host}",
							"{http.request.host}"),
						}]}],
				}}}}}


def user_name():
	return pwd.getpwuid(os.getuid()).pw_name


def is_there(server):
	return not server.program or shutil.which(server.program) is not None
