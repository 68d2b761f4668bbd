#include "httpd/posts.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/mem.h"

struct post {
	LIST_ENTRY(post) in_posts;
	struct posts *posts;
	struct conn *conn;
	struct evhttp_request *req;
	uint64_t number;
	struct peer peer; /* who holds, of the budget for bodies, */
	size_t held;
};

struct posts {
	struct conn_limits *limits;
	uint64_t last;
	LIST_HEAD(post_list, post) list;
};

struct posts *posts_new(struct conn_limits *limits)
{
	struct posts *p = xcalloc(1, sizeof(*p));

	p->limits = limits;
	LIST_INIT(&p->list);
	return p;
}

static void forget(struct post *post)
{
	LIST_REMOVE(post, in_posts);
	conn_give_back(post->posts->limits, post->peer, post->held);
	free(post);
}

/* Of a connection that failed, the request is nobody's but ours. */
static void on_gone(void *arg)
{
	struct post *post = arg;

	if (!evhttp_request_get_connection(post->req))
		evhttp_request_free(post->req);
	forget(post);
}

uint64_t posts_add(struct posts *p, struct conn *c, struct evhttp_request *req)
{
	struct post *post = xmalloc(sizeof(*post));

	*post = (struct post){ .posts = p,
			       .conn = c,
			       .req = req,
			       .number = ++p->last,
			       .peer = conn_peer(c),
			       .held = conn_hand_over(c) };
	LIST_INSERT_HEAD(&p->list, post, in_posts);
	conn_on_gone(c, on_gone, post);
	return post->number;
}

/* One that is being ended stays until it is gone. */
static struct conn *take(struct post *post, struct evhttp_request **req)
{
	struct conn *c = post->conn;

	if (!conn_is_open(c))
		return NULL;
	*req = post->req;
	conn_on_gone(c, NULL, NULL);
	forget(post);
	return c;
}

struct conn *posts_take(struct posts *p, uint64_t number,
			struct evhttp_request **req)
{
	struct post *post;

	LIST_FOREACH(post, &p->list, in_posts)
	if (post->number == number)
		return take(post, req);
	return NULL;
}

struct conn *posts_take_any(struct posts *p, struct evhttp_request **req)
{
	struct post *post;

	LIST_FOREACH(post, &p->list, in_posts)
	if (conn_is_open(post->conn))
		return take(post, req);
	return NULL;
}

void posts_free(struct posts *p)
{
	if (!p)
		return;
	assert(LIST_EMPTY(&p->list));
	free(p);
}
