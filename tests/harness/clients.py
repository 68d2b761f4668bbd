"""How strict senders are: a function for each one whose parser was read.

Each takes what a sender sees of a domain, and gives the policy as that sender
understands it, or raises Rejected. Only what is known to differ is modelled;
SparkPost, Exchange and Tuta are left out, for nobody outside has read theirs.

And the real one that Debian has: mta_sts_query().
"""

import os
import re
import subprocess
from dataclasses import dataclass, field

from .daemon import HERE

KB = 1024
YEAR = 31557600


class Rejected(Exception):
	pass


@dataclass
class Seen:
	txts: list		# all at _mta-sts.DOMAIN
	body: bytes
	kind: str = "text/plain"
	status: int = 200


@dataclass
class Understood:
	mode: str
	max_age: int
	mx: list
	warnings: list = field(default_factory=list)


def need(condition, why):
	if not condition:
		raise Rejected(why)


# ---- the record ----

GRAMMAR = re.compile(	# RFC 8461, 3.1
	r"v=STSv1([ \t]*;[ \t]*(id=[A-Za-z0-9]{1,32}"
	r"|(?!id=)[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[!-:<>-~]+))+([ \t]*;[ \t]*)?")


def one_of(txts, prefix="v=STSv1"):
	"""The only one that begins so."""
	ours = [t for t in txts if t.startswith(prefix)]
	need(len(ours) == 1, f"{len(ours)} records")
	return ours[0]


def fields_of(txt, twice=True):
	pairs = [part.strip().partition("=") for part in txt.split(";")
		 if part.strip()]
	need(all(eq for _, eq, _ in pairs), "a field without =")
	keys = [key for key, _, _ in pairs]
	need(twice or len(set(keys)) == len(keys), "a field twice")
	return {key: value for key, _, value in pairs}


def need_id(txt, twice=True):
	fields = fields_of(txt, twice)
	need(fields.get("v") == "STSv1" and fields.get("id"), "no id")


# ---- the fetch ----

def need_200(seen):
	need(seen.status == 200, f"status {seen.status}")


def need_text(seen):
	need(re.fullmatch(r"text/plain\s*(;.*)?", seen.kind, re.IGNORECASE),
	     f"Content-Type {seen.kind}")


def need_size(seen, most):
	need(len(seen.body) <= most, f"{len(seen.body)} bytes")


# ---- the policy ----

def lines_of(body):
	"""By LF or CRLF; what ends the last line begins no other."""
	text = body.decode("utf-8", "replace")
	return [line.removesuffix("\r")
		for line in text.removesuffix("\n").split("\n")]


def pairs_of(lines, one_colon=False):
	for line in lines:
		key, colon, value = line.partition(":")
		need(colon and key.strip(), f"the line {line!r}")
		need(not one_colon or ":" not in value, f"two : in {line!r}")
		yield key.strip(), value.strip()


def number(text):
	need(re.fullmatch(r"[0-9]{1,10}", text or ""), f"max_age {text}")
	return int(text)


def collect(pairs, first_wins=True, twice=True):
	fields, mx = {}, []
	for key, value in pairs:
		if key == "mx":
			mx.append(value)
			continue
		need(twice or key not in fields, f"{key} twice")
		if key not in fields or not first_wins:
			fields[key] = value
	return fields, mx


EVER = 10 ** 10


def understand(fields, mx, most=YEAR, least=0, none_needs_mx=False):
	need(fields.get("version") == "STSv1", "version")
	mode = fields.get("mode")
	need(mode in ("enforce", "testing", "none"), f"mode {mode}")
	max_age = number(fields.get("max_age"))
	need(least <= max_age <= most, f"max_age {max_age}")
	need(mx or (mode == "none" and not none_needs_mx), "no mx")
	return Understood(mode, max_age, mx)


def each_good(pairs, **limits):
	"""Of a field that is there twice no value may be bad."""
	pairs = list(pairs)
	understand(*collect(pairs), **limits)
	return understand(*collect(pairs, first_wins=False), **limits)


DOMAIN = re.compile(r"(\*\.)?[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9][A-Za-z0-9-]*)*")
ADDRESS = re.compile(r"[0-9.]+")


# ---- the senders ----

def mox(seen):
	need_id(one_of([t for t in seen.txts if re.match(r"v=STSv1[ \t;]", t)]))
	need_200(seen)
	need_size(seen, 64 * KB)
	lines = lines_of(seen.body)
	need(all(lines), "a blank line")
	need(all(value and value.replace("\t", " ").isprintable()
		 for _, value in pairs_of(lines)), "a bad value")
	policy = each_good(pairs_of(lines), most=2 ** 31 - 1)
	need(all(DOMAIN.fullmatch(host) for host in policy.mx), "a bad mx")
	return policy


def chasquid(seen):
	need(any(t.startswith("v=STSv1;") for t in seen.txts), "no record")
	need_200(seen)
	need_text(seen)
	lines = lines_of(seen.body[:10 * KB])
	fields, mx = collect(pairs_of(l for l in lines if ":" in l),
			     first_wins=False)
	return understand(fields, mx, least=1, none_needs_mx=True)


def postfix_mta_sts_resolver(seen):
	need_id(one_of(seen.txts))
	need_200(seen)
	need_text(seen)
	need_size(seen, 64 * KB)
	need("charset" in seen.kind or seen.body.isascii(), "not ASCII")
	lines = [line for line in lines_of(seen.body) if ":" in line]
	return understand(*collect(pairs_of(lines), first_wins=False))


def postfix_tlspol(seen):
	need(GRAMMAR.fullmatch(one_of(seen.txts)), "the record's grammar")
	need("id=" in one_of(seen.txts), "no id")
	need_200(seen)
	need_text(seen)
	need_size(seen, 64 * KB)
	lines = lines_of(seen.body)
	need(all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}:[ \t]*"
			      r"[!-~]([ -~]*[!-~])?[ \t]*", line)
		 for line in lines), "a blank or bad line")
	fields, mx = collect(pairs_of(lines))
	policy = understand(fields, mx, most=EVER)
	need(all(DOMAIN.fullmatch(host) and not ADDRESS.fullmatch(host)
		 for host in mx), "a bad mx")
	policy.max_age = min(policy.max_age, YEAR)
	return policy


def maddy(seen):
	need(len(seen.txts) == 1, f"{len(seen.txts)} TXT records")
	need_id(one_of(seen.txts))
	need_200(seen)
	need_text(seen)
	return each_good(pairs_of(lines_of(seen.body), True), most=EVER)


def stalwart(seen):
	need_id(one_of(seen.txts))
	need_size(seen, KB * KB)
	lines = [line for line in lines_of(seen.body) if ":" in line]
	pairs = [("version", "STSv1"), ("mode", "none"), ("max_age", "86400"),
		 *((key, value) for key, value in pairs_of(lines)
		   if key != "max_age" or re.fullmatch("[0-9]+", value))]
	need(all(value == "STSv1" for key, value in pairs if key == "version")
	     and all(value in ("enforce", "testing", "none")
		     for key, value in pairs if key == "mode"), "a bad value")
	policy = understand(*collect(pairs, first_wins=False), most=EVER,
			    none_needs_mx=True)
	if not 3600 <= policy.max_age <= YEAR:
		policy.max_age = 86400
	return policy


def mimecast(seen):
	warnings = []
	need_200(seen)
	need_size(seen, 64000)
	try:
		need_text(seen)
	except Rejected as why:
		warnings.append(str(why))
	lines = lines_of(seen.body)
	if not all(lines):
		warnings.append("a blank line")
	if seen.body.count(b"\r\n") != seen.body.count(b"\n"):
		warnings.append("not CRLF")
	policy = understand(*collect(pairs_of(filter(None, lines), True)),
			    most=EVER)
	least = {"enforce": 604800, "testing": 86400}.get(policy.mode, 0)
	policy.max_age = min(max(policy.max_age, least), YEAR)
	policy.warnings = warnings
	return policy


def kumomta(seen):
	need_id("".join(seen.txts), twice=False)
	need_200(seen)
	need(seen.kind.partition(";")[0] == "text/plain", seen.kind)
	lines = [line for line in lines_of(seen.body) if line.strip()]
	return understand(*collect(pairs_of(lines), twice=False), most=EVER)


def mailauth(seen):
	need(200 <= seen.status <= 299, f"status {seen.status}")
	pairs = [("mode", "none"), *pairs_of(line for line in
					     lines_of(seen.body) if ":" in line)]
	return understand(*collect(pairs, first_wins=False))


def checkdmarc(seen):
	need(all(t.startswith("v=STSv1") for t in seen.txts), "another TXT")
	need_id(one_of(seen.txts))
	need_200(seen)
	need_text(seen)
	lines = filter(None, lines_of(seen.body))
	fields, mx = collect(pairs_of(lines, True), twice=False)
	need(set(fields) <= {"version", "mode", "max_age"}, "an unknown key")
	return understand(fields, mx)


def google(seen):
	need_200(seen)
	need_size(seen, 64 * KB)
	pairs = list(pairs_of(line for line in lines_of(seen.body) if line))
	need(pairs and pairs[0][0] == "version", "version is not first")
	return understand(*collect(pairs), least=86400)


CLIENTS = [mox, chasquid, postfix_mta_sts_resolver, postfix_tlspol, maddy,
	   stalwart, mimecast, kumomta, mailauth, checkdmarc, google]


# ---- the real one ----

def mta_sts_query(name, daemon, resolver, trust):
	"""Debian's program, as it is but for the two ports it speaks to."""
	return subprocess.run(
		["mta-sts-query", name], capture_output=True, text=True,
		timeout=20, env=os.environ | {
			"PYTHONPATH": str(HERE / "tests" / "shim" / "ports"),
			"PORT_53": str(resolver.port),
			"PORT_443": str(daemon.https_port),
			"SSL_CERT_FILE": str(trust)}).stdout
