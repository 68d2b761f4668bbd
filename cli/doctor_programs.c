/*
 * What the daemon hands its words to: programs, and the server for its mail.
 */
#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/doctor.h"
#include "cli/say.h"

static const char *why_not(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? "is not there" : strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "is no program";
	return st.st_mode & 0111 ? NULL : "may not be run";
}

static void look_at(const char *key, const char *path, struct doctor_notes *n)
{
	const char *why = why_not(path);

	if (!why)
		return;
	doctor_say(n, DOCTOR_ERROR, "program.unusable", "%s: %s %s", key, path,
		   why);
	doctor_hint(n,
		    streq(why, "may not be run")
			    ? "chmod a+x it"
			    : "put it there, or change %s in the "
			      "configuration",
		    key);
}

/* As far as its greeting: nothing is sent. */
static void look_at_mail_server(const char *url, struct doctor_notes *n)
{
	CURL *easy = curl_easy_init();
	CURLcode rc;

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)DOCTOR_ANSWER_MS);
	rc = curl_easy_perform(easy);
	curl_easy_cleanup(easy);
	if (rc == CURLE_OK)
		return;
	doctor_say(n, DOCTOR_ERROR, "mail.unreachable",
		   "no mail server answers at %s, so alerts reach nobody by "
		   "mail: %s",
		   url, curl_easy_strerror(rc));
	doctor_hint(n, "start it, or name another as mail_server; mtastsctl "
		       "alert test tries all of it");
}

void doctor_programs(const struct doctor_box *box, struct doctor_notes *n)
{
	const json_t *one;
	size_t i;

	if (!doctor_knows_config(box, n))
		return;
	json_array_foreach(value_at(box->facts, "programs"), i, one)
	{
		look_at(text_at(one, "key"), text_at(one, "path"), n);
	}
	if (*text_at(box->facts, "mail_server"))
		look_at_mail_server(text_at(box->facts, "mail_server"), n);
}
