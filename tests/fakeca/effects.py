"""What a rule does to an answer, beside the settings that it overrides.

Instead of the answer (with "when": "after" the request is carried out first,
so that only its answer is lost; else it never reached the CA):

	"problem": "kind"	a problem document, with "detail" and "status"
	"limited": "new-orders"	429 in the words of that limit
	"busy": 30		503 rateLimited with this Retry-After
	"status": 502		with "body" and "type"
	"redirect": URL		302
	"fate": "reset"		or "drop", "blackhole"

To the answer:

	"delay": seconds
	"body": text		another body
	"merge": {...}		into the JSON body; null takes a member away
	"headers": {...}	set; null takes one away
	"retry_after": ...	in the Retry-After (see times.py)
	"cut": n		the body ends after n bytes, and says so
	"truncate": n		... and does not: the connection breaks off
	"pad": n		blanks before the body, up to n bytes
	"gzip_bomb": n		a gzip body that unpacks to n MB
"""

import gzip
import json

from .limits import busy, refusal
from .problem import Problem
from .server import Reply

INSTEAD = ("problem", "limited", "busy", "status", "redirect", "fate")
KEYS = INSTEAD + ("when", "detail", "body", "type", "delay", "merge",
		  "headers", "cut", "truncate", "pad", "gzip_bomb")
MEGABYTE = 1 << 20


def is_instead(do):
	return any(key in do for key in INSTEAD)


def instead(ca, do):
	if "problem" in do:
		return Problem(do["problem"], do.get("detail", "scripted"),
			       do.get("status")).reply()
	if "limited" in do:
		size = ca.limits.size(do["limited"]) or (1, 1)
		return refusal(do["limited"], "this", 3600, *size).reply()
	if "busy" in do:
		return busy(do["busy"]).reply()
	if "redirect" in do:
		return Reply(302, b"", {"Location": do["redirect"]})
	return Reply(do.get("status", 200), do.get("body", "").encode(),
		     {"Content-Type": do.get("type", "text/html")})


def shape(ca, reply, do):
	reply.delay += do.get("delay", 0)
	reply.fate = do.get("fate", reply.fate)
	for key in do:
		if key in SHAPES:
			SHAPES[key](reply, do[key])
	if "retry_after" in do:
		reply.headers["Retry-After"] = ca.retry_after(
			do["retry_after"])


def set_body(reply, text):
	reply.body = text.encode()


def merge(reply, members):
	body = json.loads(reply.body) | members
	reply.body = json.dumps({k: v for k, v in body.items()
				 if v is not None}).encode()


def set_headers(reply, headers):
	for name, value in headers.items():
		if value is None:
			reply.headers.pop(name, None)
		else:
			reply.headers[name] = value


def cut(reply, most):
	reply.body = reply.body[:most]


def truncate(reply, most):
	reply.fate, reply.sent = "truncate", most


def pad(reply, size):
	reply.body = b" " * (size - len(reply.body)) + reply.body


def gzip_bomb(reply, megabytes):
	reply.body = gzip.compress(b" " * (megabytes * MEGABYTE), 9)
	reply.headers["Content-Encoding"] = "gzip"


SHAPES = {"body": set_body, "merge": merge, "headers": set_headers,
	  "cut": cut, "truncate": truncate, "pad": pad,
	  "gzip_bomb": gzip_bomb}
