"""Validation: http-01 (RFC 8555 8.3) and tls-alpn-01 (RFC 8737).

All names are looked for at one address and port, each time from another
loopback address: those are the vantage points. A public CA's come at
different moments, and some when the first have long been satisfied.
"""

import asyncio
import hashlib
import re
import socket
import ssl
import time
from urllib.parse import urlsplit

from cryptography import x509

from . import caa
from .problem import Problem

MOST_ANSWER = 16384
MOST_REDIRECTS = 10
ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
ALPN = "acme-tls/1"
CONTENT_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Failed(Problem):
	"""A vantage point is not satisfied."""


async def run(ca, request, authz, challenge):
	problem = None
	try:
		await asyncio.sleep(request.knob("fetch_delay"))
		await look(ca, request, authz, challenge.kind)
		caa.check(ca, request, authz.name, authz.account,
			  challenge.kind)
	except Problem as error:
		problem = error
	except Exception as error:	# what a peer sends is never our end
		ca.bug(f"validation: {error!r}")
		problem = Failed("serverInternal", repr(error))
	challenge.is_running = False
	if authz.state != "pending":
		return			# decided by another challenge
	if problem:
		fail(ca, request, authz, challenge, problem)
	else:
		succeed(ca, request, authz, challenge)
		await look_late(ca, request, authz, challenge.kind)


def succeed(ca, request, authz, challenge):
	ca.counts.add("validations", authz.names)
	challenge.status = authz.status = "valid"
	challenge.error = None
	challenge.validated = authz.validated = time.time()
	if request.knob("authz_reuse"):
		authz.expires = time.time() + request.knob("authz_reuse")
		ca.valid_authz[authz.account.id, authz.name] = authz
	ca.limits.refill("consecutive-failures",
			 f"{authz.name} {authz.account.id}")


def fail(ca, request, authz, challenge, problem):
	ca.counts.add("failed_validations", authz.names)
	challenge.error = problem.document()
	key = f"{authz.name} {authz.account.id}"
	ca.limits.spend("failed-authorizations", key)
	pause(ca, authz.name, key)
	if request.knob("failed_challenge") == "invalid":
		challenge.status = authz.status = "invalid"


def pause(ca, name, key):
	"""Who fails a thousand times in a row is paused."""
	try:
		ca.limits.take("consecutive-failures", key)
	except Problem:
		ca.settings["paused"][name] = "rejectedIdentifier"


async def look(ca, request, authz, kind):
	"""From all vantage points; some of them may fail."""
	if request.knob("validation") != "real":
		if request.knob("validation") == "never":
			raise Failed("unauthorized", "scripted to fail")
		return
	gap, count = request.knob("fetch_gap"), request.knob("fetches")
	results = await asyncio.gather(
		*(fetch(ca, request, authz, kind, i, i * gap)
		  for i in range(count)))
	problems = [p for p in results if p]
	if len(problems) > request.knob("tolerance") or \
			len(problems) == count:
		raise problems[0]


async def look_late(ca, request, authz, kind):
	"""Some vantage points are slow; nobody waits for what they see."""
	first = request.knob("fetches")
	for i in range(request.knob("late_fetches")):
		await asyncio.sleep(request.knob("fetch_gap"))
		missed = await fetch(ca, request, authz, kind, first + i, 0)
		ca.counts.add("late_fetches_missed" if missed else
			      "late_fetches", authz.names)


async def fetch(ca, request, authz, kind, vantage, delay):
	"""What this vantage point complains of, or None."""
	if delay:
		await asyncio.sleep(delay)
	ca.counts.add("fetches")
	host = request.knob("hosts").get(authz.name, ca.validate_at)
	wanted = f"{authz.token}.{authz.account.thumbprint}"
	try:
		async with asyncio.timeout(request.knob("fetch_timeout")):
			await LOOKS[kind](authz, host, wanted,
					  f"127.0.0.{vantage + 2}")
	except Failed as failed:
		return failed
	except (OSError, asyncio.TimeoutError, ValueError) as error:
		kind = "tls" if isinstance(error, ssl.SSLError) else \
			"connection"
		return Failed(kind, f"{host[0]}: Fetching {authz.name}: "
			      f"{error!r}")
	return None


async def look_http(authz, host, wanted, source):
	url = f"http://{authz.name}/.well-known/acme-challenge/{authz.token}"
	for _ in range(MOST_REDIRECTS):
		status, location, body = await get(url, host, source)
		if status not in (301, 302, 303, 307, 308):
			break
		url = location
	else:
		raise Failed("connection", f"too many redirects, last {url}")
	if status != 200:
		raise Failed("unauthorized", f"{host[0]}: Invalid response "
			     f"from {url}: {status}")
	if body.decode("latin-1").rstrip() != wanted:
		raise Failed("unauthorized", f"{host[0]}: The key "
			     f"authorization file from {url} did not match: "
			     f"{body[:100]!r}")


async def get(url, host, source):
	"""(status, Location, body) of one GET. Redirects may lead to https,
	whose certificate nobody verifies."""
	at = urlsplit(url)
	if at.scheme not in ("http", "https") or at.port not in (None, 80, 443):
		raise Failed("connection", f"will not follow {url}")
	request = (f"GET {at.path or '/'} HTTP/1.1\r\nHost: {at.hostname}\r\n"
		   "User-Agent: fakeca\r\nConnection: close\r\n\r\n").encode()
	if at.scheme == "http":
		answer = await exchange_plain(host[:2], source, request)
	else:
		answer = await exchange_tls((host[0], host[2]), source,
					    at.hostname, request)
	head, end, body = answer.partition(b"\r\n\r\n")
	if not end:
		raise ValueError("no whole answer")
	lines = head.decode("latin-1").split("\r\n")
	location = [line.split(":", 1)[1].strip() for line in lines
		    if line.lower().startswith("location:")]
	return int(lines[0].split(" ")[1]), (location or [""])[0], body


async def exchange_plain(place, source, request):
	"""On a bare socket: streams cost more than all the rest of an order."""
	loop = asyncio.get_running_loop()
	with socket.socket() as sock:
		sock.setblocking(False)
		sock.bind((source, 0))
		await loop.sock_connect(sock, tuple(place))
		await loop.sock_sendall(sock, request)
		return await read_answer(
			lambda size: loop.sock_recv(sock, size))


async def exchange_tls(place, source, name, request):
	reader, writer = await asyncio.open_connection(
		*place, ssl=lenient(), server_hostname=name,
		local_addr=(source, 0))
	try:
		writer.write(request)
		return await read_answer(reader.read)
	finally:
		writer.transport.abort()


async def read_answer(read):
	"""Up to the end of the body, or as much of it as anybody needs."""
	data = b""
	while len(data) < MOST_ANSWER and not is_whole(data):
		more = await read(MOST_ANSWER)
		if not more:
			break
		data += more
	return data


def is_whole(data):
	"""By its Content-Length; without one, when the connection ends."""
	head, end, body = data.partition(b"\r\n\r\n")
	length = CONTENT_LENGTH.search(head) if end else None
	return length is not None and len(body) >= int(length[1])


def lenient():
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
	context.check_hostname = False
	context.verify_mode = ssl.CERT_NONE
	return context


async def look_tls(authz, host, wanted, source):
	context = lenient()
	context.set_alpn_protocols([ALPN])
	_, writer = await asyncio.open_connection(
		host[0], host[2], ssl=context, server_hostname=authz.name,
		local_addr=(source, 0))
	tls = writer.get_extra_info("ssl_object")
	alpn, der = tls.selected_alpn_protocol(), tls.getpeercert(True)
	writer.transport.abort()
	if alpn != ALPN:
		raise Failed("unauthorized", f"ALPN {alpn!r} instead of {ALPN}")
	check_proof(x509.load_der_x509_certificate(der), authz.name, wanted)


def check_proof(cert, name, wanted):
	"""RFC 8737 3: exactly this name, exactly this digest, critical."""
	try:
		names = cert.extensions.get_extension_for_class(
			x509.SubjectAlternativeName).value
		proof = cert.extensions.get_extension_for_oid(ACME_IDENTIFIER)
	except x509.ExtensionNotFound as error:
		raise Failed("unauthorized", f"no challenge certificate: "
			     f"{error}")
	if list(names) != [x509.DNSName(name)]:
		raise Failed("unauthorized", f"it is for {list(names)}")
	digest = hashlib.sha256(wanted.encode()).digest()
	if not proof.critical or proof.value.value != b"\x04\x20" + digest:
		raise Failed("unauthorized", "acmeIdentifier does not match")


LOOKS = {"http-01": look_http, "tls-alpn-01": look_tls}
