#include "cli/report_mail.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/auth_results.h"
#include "cli/mail_guard.h"
#include "cli/report_name.h"

#define BLANKS " \t\r\n"

/* ---- which parts ---- */

/* RFC 8460, 6.4 and 6.5. */
static const char *const report_types[] = { "tlsrpt+gzip", "tlsrpt+json" };

/* What reporters, and what forwards their mail, write in their place. */
static const char *const other_types[] = { "octet-stream", "gzip", "x-gzip",
					   "json" };

static bool is_type(GMimeContentType *type, const char *const *subtype,
		    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (g_mime_content_type_is_type(type, "application",
						subtype[i]))
			return true;
	return false;
}

static bool ends_as_report(const char *name)
{
	char *lower = xstrdup(name ? name : "");
	bool ends;

	str_lower(lower);
	ends = str_ends(lower, ".json") || str_ends(lower, ".json.gz");
	free(lower);
	return ends;
}

static bool looks_like_report(GMimePart *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(
		GMIME_OBJECT(part));

	return is_type(type, report_types, ARRAY_LEN(report_types)) ||
	       (is_type(type, other_types, ARRAY_LEN(other_types)) &&
		ends_as_report(g_mime_part_get_filename(part)));
}

/* ---- which domain they are about ---- */

static void read_about(GMimeMessage *message,
		       char about[static DOMAIN_NAME_SIZE])
{
	const char *text = g_mime_object_get_header(GMIME_OBJECT(message),
						    "TLS-Report-Domain");
	char *name;

	about[0] = '\0';
	if (!text)
		return;
	text += strspn(text, BLANKS);
	name = xstrndup(text, strcspn(text, BLANKS));
	host_name_normalise(name, about, NULL);
	free(name);
}

/* ---- what is in them ---- */

/* Where the walk is. */
struct place {
	unsigned depth;
	const char *about; /* the message around it; or "" */
};

static bool keep(struct report_mail *m, const GByteArray *bytes,
		 const char *name, const char *about, struct err *err)
{
	struct report_attachment *a = &m->attachment[m->count];

	if (bytes->len > REPORT_BYTES_MAX)
		return err_set(err, ERR_REFUSED,
			       "an attachment is larger than %d bytes",
			       REPORT_BYTES_MAX);
	*a = (struct report_attachment){
		.data = xmemdup(bytes->data, bytes->len), .len = bytes->len
	};
	if (!report_name_domain(name, a->about))
		str_copy(a->about, sizeof(a->about), about);
	m->count++;
	return true;
}

/* No encoding makes more of it than the message had. */
static bool decode(struct report_mail *m, GMimePart *part, const char *about,
		   struct err *err)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *to;
	bool ok;

	if (!content || !looks_like_report(part))
		return true;
	if (m->count == REPORT_ATTACHMENTS_MAX)
		return err_set(err, ERR_REFUSED,
			       "the message has more than %d reports",
			       REPORT_ATTACHMENTS_MAX);
	to = g_mime_stream_mem_new();
	g_mime_data_wrapper_write_to_stream(content, to);
	ok = keep(m, g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(to)),
		  g_mime_part_get_filename(part), about, err);
	g_object_unref(to);
	return ok;
}

static bool walk(struct report_mail *m, GMimeObject *part, struct place at,
		 struct err *err);

static bool walk_each(struct report_mail *m, GMimeMultipart *parts,
		      struct place at, struct err *err)
{
	int count = g_mime_multipart_get_count(parts);
	bool ok = true;

	at.depth++;
	for (int i = 0; i < count && ok; i++)
		ok = walk(m, g_mime_multipart_get_part(parts, i), at, err);
	return ok;
}

static bool walk_message(struct report_mail *m, GMimeMessage *message,
			 unsigned depth, struct err *err)
{
	char about[DOMAIN_NAME_SIZE];
	const struct place at = { depth, about };

	if (!message || !g_mime_message_get_mime_part(message))
		return true;
	read_about(message, about);
	return walk(m, g_mime_message_get_mime_part(message), at, err);
}

/* A message within the message too: so people forward. */
static bool walk(struct report_mail *m, GMimeObject *part, struct place at,
		 struct err *err)
{
	if (at.depth > REPORT_MAIL_DEPTH_MAX)
		return err_set(err, ERR_REFUSED,
			       "its parts are nested deeper than %d",
			       REPORT_MAIL_DEPTH_MAX);
	if (GMIME_IS_MULTIPART(part))
		return walk_each(m, GMIME_MULTIPART(part), at, err);
	if (GMIME_IS_MESSAGE_PART(part))
		return walk_message(m,
				    g_mime_message_part_get_message(
					    GMIME_MESSAGE_PART(part)),
				    at.depth + 1, err);
	return !GMIME_IS_PART(part) ||
	       decode(m, GMIME_PART(part), at.about, err);
}

/* ---- who signed it ---- */

/* The domain of From; "" if there is none. */
static void author_of(GMimeMessage *message,
		      char author[static DOMAIN_NAME_SIZE])
{
	InternetAddressList *from = g_mime_message_get_from(message);
	InternetAddress *first = from && internet_address_list_length(from) > 0
					 ? internet_address_list_get_address(
						   from, 0)
					 : NULL;
	const char *address = "", *at_sign;

	author[0] = '\0';
	if (first && INTERNET_ADDRESS_IS_MAILBOX(first))
		address = internet_address_mailbox_get_addr(
			INTERNET_ADDRESS_MAILBOX(first));
	at_sign = address ? strrchr(address, '@') : NULL;
	if (at_sign)
		host_name_normalise(at_sign + 1, author, NULL);
}

/* Only the topmost of that server: what is below, anybody may have sent. */
static void find_signer(struct report_mail *m, GMimeMessage *message,
			const char *server)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(
		GMIME_OBJECT(message));
	int count = g_mime_header_list_get_count(headers);
	enum auth_verdict verdict = AUTH_OTHER;
	char author[DOMAIN_NAME_SIZE];

	author_of(message, author);
	for (int i = 0; i < count && verdict == AUTH_OTHER; i++) {
		GMimeHeader *h = g_mime_header_list_get_header_at(headers, i);

		if (streq_case(g_mime_header_get_name(h),
			       "Authentication-Results"))
			verdict = auth_results_read(
				g_mime_header_get_raw_value(h), server, author,
				m->signed_by);
	}
}

/* ---- the message ---- */

static GMimeMessage *parse(const void *data, size_t len)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

	g_object_unref(parser);
	g_object_unref(stream);
	return message;
}

bool report_mail_read(struct report_mail *m, const void *data, size_t len,
		      const char *server, struct err *err)
{
	GMimeMessage *message;
	bool ok;

	*m = (struct report_mail){ .count = 0 };
	if (!mail_guard(data, len, err))
		return false;
	g_mime_init(); /* again and again; it cannot be shut down twice */
	message = parse(data, len);
	if (message && server)
		find_signer(m, message, server);
	ok = walk_message(m, message, 0, err);
	if (message)
		g_object_unref(message);
	return ok;
}

void report_mail_release(struct report_mail *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->attachment[i].data);
	m->count = 0;
}
