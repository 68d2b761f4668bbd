"""Renewal information (RFC 9773), as Boulder gives it, and otherwise.

A row of the setting "ari_windows", for a serial, a name or "*":

	"immediate"	a window in the past, with "explanation" if told
	"garbage"	no JSON at all
	"backwards"	the end before the start
	"empty"		an object without a window
	"503"		with Retry-After 60
	"year-9999"	far beyond the certificate
	"beyond"	a window after notAfter
	[from, to]	seconds from now
or	{"window": one of these, "explanation": URL}
"""

import json
import time

from .problem import Problem
from .server import Reply
from .times import iso

HOUR = 3600
DAY = 86400


def usual(cert):
	"""2/3 of life, 1/2 of a short one, +- 1 %."""
	left = cert.life / (2 if cert.life < 10 * DAY else 3)
	middle = cert.not_after - left
	return middle - cert.life / 100, middle + cert.life / 100


def immediate(_cert):
	now = time.time()
	return now - HOUR, now - HOUR / 2


def backwards(cert):
	return tuple(reversed(usual(cert)))


def beyond(cert):
	return cert.not_after + HOUR, cert.not_after + 2 * HOUR


def year_9999(_cert):
	return 253402214400, 253402300799


WINDOWS = {"immediate": immediate, "backwards": backwards,
	   "beyond": beyond, "year-9999": year_9999}


KINDS = {"garbage", "empty", "503", *WINDOWS}


def check(row):
	"""Raises unless this row of "ari_windows" is one (null goes)."""
	kind = row["window"] if isinstance(row, dict) else row
	if kind is not None and not isinstance(kind, list) and \
			kind not in KINDS:
		raise ValueError(f"ari_windows: no kind {kind!r}")


def override(cert, windows):
	"""(kind, explanation) of what was told for this certificate."""
	for key in (cert.serial, *cert.names, "*"):
		told = windows.get(key)
		if told is None:
			continue
		if isinstance(told, dict):
			return told["window"], told.get("explanation", "")
		return told, ""
	if cert.revoked_at:
		return "immediate", cert.explanation
	return None, ""


def window(cert, windows):
	"""(start, end), or None if this kind of answer has none."""
	kind, _ = override(cert, windows)
	if kind is None:
		return usual(cert)
	if isinstance(kind, list):
		return time.time() + kind[0], time.time() + kind[1]
	return WINDOWS[kind](cert) if kind in WINDOWS else None


def is_in_window(cert, windows):
	"""Only such a renewal is free of all limits."""
	bounds = window(cert, windows)
	return bounds is not None and bounds[0] <= time.time() < bounds[1]


def retry_after(ca, told):
	if told is not None:
		return told
	return round(6 * HOUR * ca.dice["ari"].uniform(0.8, 1.2))


def renewal_info(ca, request):
	cert = request.subject
	if cert is None:
		raise Problem("malformed", "no such certificate", 404)
	ca.counts.ari_polls[cert.serial] += 1
	kind, explanation = override(cert, request.knob("ari_windows"))
	if kind == "503":
		raise Problem("serverInternal", "try again", 503,
			      {"Retry-After": "60"})
	headers = {"Content-Type": "application/json", "Retry-After":
		   ca.retry_after(retry_after(
			   ca, request.knob("ari_retry_after")))}
	if kind == "garbage":
		return Reply(200, b"<renewal>soon</renewal>", headers)
	body = {}
	if kind != "empty":
		start, end = window(cert, request.knob("ari_windows"))
		body["suggestedWindow"] = {"start": iso(start),
					   "end": iso(end)}
	if explanation:
		body["explanationURL"] = explanation
	return Reply(200, json.dumps(body).encode(), headers)
