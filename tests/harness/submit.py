"""The daemon's submit socket, as a test wishes it: it says what it is told."""

import http.server
import json
import shutil
import socket
import socketserver
import struct
import tempfile
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

OK = 200, {"outcome": "stored", "organization": "Big Mail One",
	   "report_id": "1", "domains": ["shop.test"], "dropped": 0}


def outcome(word):
	return 200, OK[1] | {"outcome": word}


def error(status, kind="refused"):
	return status, {"error": {"kind": kind, "message": f"it is {status}",
				  "hint": ""}}


class Submit:
	"""Takes reports at `socket`, which everybody may use.

	answer	a function: of the body, what to say; see OK
	posts	(body, {"via": ..., "signed_by": ...}), in order
	peers	the uid of each
	pid	of who asks now
	"""

	def __init__(self):
		self.folder = Path(tempfile.mkdtemp(prefix="mtasts-submit-"))
		self.folder.chmod(0o711)
		self.socket = self.folder / "submit.sock"
		self.posts, self.peers, self.pid = [], [], 0
		self.answer = lambda body: OK
		self._server = _Server(str(self.socket), _Handler)
		self._server.owner = self
		self.socket.chmod(0o666)
		threading.Thread(target=self._server.serve_forever,
				 kwargs={"poll_interval": 0.05},
				 daemon=True).start()

	def say(self, status_and_answer):
		self.answer = lambda body: status_and_answer
		return self

	def bodies(self):
		return [body for body, query in self.posts]

	def close(self):
		self._server.shutdown()
		self._server.server_close()
		shutil.rmtree(self.folder)


class _Server(socketserver.ThreadingUnixStreamServer):
	daemon_threads = True


class _Handler(http.server.BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"

	def do_POST(self):
		owner = self.server.owner
		url = urlsplit(self.path)
		assert url.path == "/v1/reports", self.path
		body = self.rfile.read(int(self.headers["Content-Length"]))
		owner.pid, uid = peer_ids(self.connection)
		status, answer = owner.answer(body)
		owner.posts.append((body, {k: v[0] for k, v in
					   parse_qs(url.query).items()}))
		owner.peers.append(uid)
		text = json.dumps(answer).encode()
		self.send_response(status)
		self.send_header("Content-Length", str(len(text)))
		self.end_headers()
		self.wfile.write(text)

	def address_string(self):
		return "unix"

	def log_message(self, *words):
		pass


def peer_ids(connection):
	"""The process that asks, and its user."""
	data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
	return struct.unpack("3i", data)[:2]
