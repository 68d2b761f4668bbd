"""Those who are told of alerts: a command, a mail server, a heartbeat's watch."""

import base64
import email
import http.server
import json
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from pathlib import Path

from .process import wait_for

SCRIPT = """#!/bin/sh
# One file for each call, whole or not at all.
[ -e {broken} ] && {{ echo 1 >> {tries}; exit 1; }}
cat > {folder}/.$$ && mv {folder}/.$$ {folder}/$(date +%s%N)-$$
"""


class Command:
	"""A notify command that keeps what it was told, unless it is broken."""

	def __init__(self, folder):
		self.folder = Path(folder) / "told"
		self.folder.mkdir()
		self.broken = Path(folder) / "broken"
		self.tries = Path(folder) / "tries"
		self.path = Path(folder) / "notify"
		self.path.write_text(SCRIPT.format(
			folder=self.folder, broken=self.broken, tries=self.tries))
		self.path.chmod(0o755)

	def told(self, kind=None):
		files = sorted(f for f in self.folder.iterdir()
			       if not f.name.startswith("."))
		notices = [json.loads(f.read_text()) for f in files]
		return [n for n in notices if kind in (None, n["kind"])]

	def failures(self):
		return (len(self.tries.read_text().split())
			if self.tries.exists() else 0)

	def whats(self, kind):
		return [n["what"] for n in self.told(kind)]

	def wait(self, kind, count, seconds=30):
		wait_for(f"{count} notices of {kind}, not {self.whats(kind)}",
			 lambda: len(self.told(kind)) >= count, seconds, 0.1)
		return self.told(kind)


def make_certificate(folder, name="localhost"):
	"""(certificate, key) for loopback, to be trusted by itself."""
	cert, key = Path(folder) / "tls.pem", Path(folder) / "tls.key"
	subprocess.run(
		["openssl", "req", "-x509", "-nodes", "-days", "30", "-newkey",
		 "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj",
		 f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
		 "-keyout", key, "-out", cert], check=True, capture_output=True)
	return cert, key


def server_context(cert, key):
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(cert, key)
	return context


class Server(socketserver.ThreadingTCPServer):
	allow_reuse_address = True
	daemon_threads = True

	def start(self):
		threading.Thread(target=self.serve_forever, args=(0.05,),
				 daemon=True).start()
		return self

	def close(self):
		self.shutdown()
		self.server_close()


class Mailbox(Server):
	"""A small mail server: takes what comes, with a login if it has one."""

	def __init__(self, port, tls=None, login=None):
		self.tls, self.login = tls, login
		self.mails, self.logins = [], []
		super().__init__(("127.0.0.1", port), Smtp)
		self.start()

	def wait(self, count, seconds=30):
		wait_for(f"{count} mails", lambda: len(self.mails) >= count,
			 seconds, 0.1)
		return self.mails


class Smtp(socketserver.StreamRequestHandler):
	def setup(self):
		if self.server.tls:
			self.request = self.server.tls.wrap_socket(
				self.request, server_side=True)
		super().setup()
		self.is_in = not self.server.login
		self.sender, self.to = "", []

	def say(self, text):
		self.wfile.write(text.encode() + b"\r\n")

	def handle(self):
		self.say("220 mailbox")
		while line := self.rfile.readline().decode().strip():
			word = line.split()[0].upper()
			getattr(self, f"do_{word}", self.no)(line)
			if word == "QUIT":
				return

	def no(self, line):
		self.say("500 what?")

	def do_EHLO(self, line):
		if self.server.login:
			self.say("250-mailbox")
			self.say("250 AUTH PLAIN")
		else:
			self.say("250 mailbox")

	def do_AUTH(self, line):
		words = line.split()
		if len(words) == 2:
			self.say("334 ")
			words.append(self.rfile.readline().decode().strip())
		_, user, password = base64.b64decode(words[2]).decode().split("\0")
		self.server.logins.append((user, password))
		self.is_in = (user, password) == self.server.login
		self.say("235 welcome" if self.is_in else "535 who are you?")

	def do_MAIL(self, line):
		if not self.is_in:
			self.say("530 log in first")
			return
		self.sender = line.split(":", 1)[1]
		self.say("250 fine")

	def do_RCPT(self, line):
		self.to.append(line.split(":", 1)[1])
		self.say("250 fine")

	def do_DATA(self, line):
		self.say("354 go on")
		text = b""
		while (line := self.rfile.readline()) != b".\r\n":
			text += line.removeprefix(b".")
		self.server.mails.append(email.message_from_bytes(text))
		self.say("250 taken")

	def do_QUIT(self, line):
		self.say("221 bye")


class Watch(Server):
	"""Counts heartbeats, over https."""

	def __init__(self, port, tls):
		self.beats = []
		super().__init__(("127.0.0.1", port), Beat)
		self.socket = tls.wrap_socket(self.socket, server_side=True,
					      do_handshake_on_connect=False)
		self.start()

	def wait_more(self, seconds=30):
		before = len(self.beats)
		wait_for("a heartbeat", lambda: len(self.beats) > before,
			 seconds, 0.1)


class Beat(http.server.BaseHTTPRequestHandler):
	def do_GET(self):
		self.server.beats.append(time.monotonic())
		self.send_response(200)
		self.send_header("Content-Length", "0")
		self.end_headers()

	def log_message(self, *args):
		pass


class Hole:
	"""Takes connections and never says a word."""

	def __init__(self, port):
		self.socket = socket.create_server(("127.0.0.1", port))

	def close(self):
		self.socket.close()
