"""What a daemon says of itself to Prometheus."""

import http.client
import re
import subprocess

from .daemon import UnixConnection

LINE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Metrics:
	def __init__(self, text):
		self.text = text
		self.values = {}	# (name, labels): value
		for line in text.splitlines():
			if not line.startswith("#"):
				name, labels, value = LINE.match(line).groups()
				key = name, frozenset(LABEL.findall(labels or ""))
				assert key not in self.values, line
				self.values[key] = float(value)

	def __call__(self, name, **labels):
		"""The value; the sum of all that have these labels."""
		found = [v for (n, l), v in self.values.items()
			 if n == name and labels.items() <= dict(l).items()]
		if not found:
			raise KeyError(f"{name} {labels}")
		return sum(found)

	@property
	def names(self):
		return {name for name, _ in self.values}

	@property
	def families(self):
		return set(re.findall(r"^# TYPE (\S+) ", self.text, re.M))


def ask(daemon, path, method="GET", port=None, sock="read.sock", seconds=10):
	"""(status, headers, text), by TCP if a port is given."""
	connection = (http.client.HTTPConnection("127.0.0.1", port,
						 timeout=seconds) if port else
		      UnixConnection(daemon.run / sock, seconds))
	try:
		connection.request(method, path)
		reply = connection.getresponse()
		return reply.status, reply.headers, reply.read().decode()
	finally:
		connection.close()


def scrape(daemon, **how):
	status, headers, text = ask(daemon, "/metrics", **how)
	assert status == 200
	assert headers["Content-Type"] == \
		"text/plain; version=0.0.4; charset=utf-8"
	return Metrics(text)


def promtool(*words, text=None):
	"""Its complaints; "" if it has none."""
	done = subprocess.run(["promtool", *map(str, words)], input=text,
			      text=True, stdout=subprocess.PIPE,
			      stderr=subprocess.STDOUT, timeout=180)
	return done.stdout if done.returncode else ""
