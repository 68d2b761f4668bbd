"""Mail that brings TLS reports, as reporters send it. All of it is made up.

Each function takes the report, gzip or JSON, and gives the bytes of a message
with lines that end in CRLF.
"""

import base64
import gzip
import json
from pathlib import Path

REPORTS = Path(__file__).resolve().parents[1] / "data" / "reports"


def report(name="google-like.json.gz"):
	return (REPORTS / name).read_bytes()


def report_of(domain, number=0, organization="Big Mail One",
	      day="2026-11-20"):
	"""A report of its own about a domain, as gzip."""
	return gzip.compress(json.dumps({
		"organization-name": organization,
		"date-range": {"start-datetime": f"{day}T00:00:00Z",
			       "end-datetime": f"{day}T23:59:59Z"},
		"contact-info": "tls-reports@one.example.com",
		"report-id": f"{day}_{domain}_{number}",
		"policies": [{
			"policy": {"policy-type": "sts",
				   "policy-string": ["version: STSv1"],
				   "policy-domain": domain,
				   "mx-host": [f"mx.{domain}"]},
			"summary": {"total-successful-session-count": 7,
				    "total-failure-session-count": 0},
		}]}).encode())


def base64_lines(data):
	text = base64.b64encode(data).decode()
	return "\n".join(text[i:i + 76] for i in range(0, len(text), 76))


def crlf(text):
	return text.replace("\n", "\r\n").encode("latin-1")


def google(data, domain="shop.test", headers=""):
	name = f"google.com!{domain}!1795132800!1795219199!001.json.gz"
	return crlf(f"""\
{headers}Received: from mail-yw1-f202.google.example (192.0.2.1)
 by mx.{domain} (Postfix) with ESMTPS id 4XYZ
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
        d=google.com; s=20230601; bh=AAAA; b=BBBB
MIME-Version: 1.0
Date: Sat, 21 Nov 2026 10:03:11 -0800
TLS-Report-Domain: {domain}
TLS-Report-Submitter: google.com
Message-ID: <d05b06021@google.com>
Subject: Report Domain: {domain} Submitter: google.com
 Report-ID: <2026.11.20T00.00.00Z+{domain}@google.com>
From: noreply-smtp-tls-reporting@google.com
To: tls-reports@{domain}
Content-Type: multipart/report; boundary="000000000000d05b060621"; report-type=tlsrpt

--000000000000d05b060621
Content-Type: text/plain; charset="UTF-8"; format=flowed; delsp=yes

This is an aggregate TLS report from google.com

--000000000000d05b060621
Content-Type: application/tlsrpt+gzip;
	name="{name}"
Content-Disposition: attachment;
	filename="{name}"
Content-Transfer-Encoding: base64

{base64_lines(data)}
--000000000000d05b060621--
""")


def microsoft(data, domain="shop.test", headers=""):
	name = f"microsoft.com!{domain}!1795132800!1795219199!133!7.json.gz"
	return crlf(f"""\
{headers}Received: from mail-dm6.outbound.example (192.0.2.2)
 by mx.{domain} with ESMTPS
From: tlsrpt-noreply@microsoft.com
TLS-Report-Domain: {domain}
TLS-Report-Submitter: microsoft.com
To: tls-reports@{domain}
Message-ID: <5c2b0b7ccab94ed2@DM6.example>
Subject: =?us-ascii?Q?Report_Domain:_{domain}_Submitter:_microsoft.com_Report?=
 =?us-ascii?Q?-ID:_<133+{domain}@microsoft.com>?=
Date: Sat, 21 Nov 2026 04:21:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed;
	boundary="_mpm_8f6e3b0c0a1d4e_"

--_mpm_8f6e3b0c0a1d4e_
Content-Type: multipart/alternative;
	boundary="_alt_8f6e3b0c0a1d4e_"

--_alt_8f6e3b0c0a1d4e_
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

<div style=3D"font-family:'Segoe UI'">This is a TLS report.</div>

--_alt_8f6e3b0c0a1d4e_--
--_mpm_8f6e3b0c0a1d4e_
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*0="{name[:30]}";
	filename*1="{name[30:]}"
Content-Transfer-Encoding: base64

{base64_lines(data)}
--_mpm_8f6e3b0c0a1d4e_--
""")


def plain(subject="hello", body="no report here"):
	return crlf(f"From: somebody@example.org\nSubject: {subject}\n\n{body}\n")


def mbox(*messages):
	"""As mail servers write it: LF, and lines of "From " quoted."""
	out = b""
	for message in messages:
		lines = message.replace(b"\r\n", b"\n").split(b"\n")
		quoted = [b">" + line if line.startswith(b"From ") else line
			  for line in lines]
		out += (b"From reporter@example.org Sat Nov 21 10:00:00 2026\n" +
			b"\n".join(quoted) + b"\n")
	return out
