#include "httpd/hello.h"

#define RECORD_HEAD	 5 /* type, version, length */
#define MESSAGE_HEAD	 4 /* type, length */
#define RECORD_HANDSHAKE 22

/* Its two last bytes are the length. */
static void head_byte(struct hello *h, uint8_t byte)
{
	if (h->heads == 0)
		h->type = byte;
	h->record = (uint16_t)(h->record << 8 | byte);
	h->heads++;
}

/* The three last ones are the length. */
static bool begin(struct hello *h, uint8_t byte)
{
	h->left = (h->left << 8 | byte) & 0xffffff;
	return ++h->begun < MESSAGE_HEAD || h->left <= HELLO_MAX - MESSAGE_HEAD;
}

/* How many bytes of the message these are; 0: it is too long. */
static size_t message(struct hello *h, const char *data, size_t len)
{
	if (h->begun < MESSAGE_HEAD) {
		len = 1;
		if (!begin(h, (uint8_t)*data))
			return 0;
	} else {
		len = len < h->left ? len : h->left;
		h->left -= (uint32_t)len;
	}
	if (h->begun == MESSAGE_HEAD && h->left == 0) {
		h->is_whole = true;
		h->begun = 0;
	}
	return len;
}

/* How many bytes of the record's body these are; 0: its message is too long. */
static size_t body(struct hello *h, const char *data, size_t len)
{
	size_t n = len < h->record ? len : h->record;

	if (h->type == RECORD_HANDSHAKE)
		n = message(h, data, n);
	h->record -= (uint16_t)n;
	return n;
}

bool hello_follow(struct hello *h, const char *data, size_t len)
{
	size_t n = 1;

	for (; len && n; data += n, len -= n) {
		n = 1;
		if (h->heads < RECORD_HEAD)
			head_byte(h, (uint8_t)*data);
		else
			n = body(h, data, len);
		if (h->heads == RECORD_HEAD && h->record == 0)
			h->heads = 0;
	}
	return n > 0;
}
