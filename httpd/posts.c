#include "httpd/posts.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/mem.h"

struct post {
	LIST_ENTRY(post) in_posts;
	struct posts *posts;
	struct conn *conn;
	uint64_t number;
	size_t held; /* of the budget for bodies */
};

struct posts {
	struct body_budget *budget;
	uint64_t last;
	LIST_HEAD(post_list, post) list;
};

struct posts *posts_new(struct body_budget *budget)
{
	struct posts *p = xcalloc(1, sizeof(*p));

	p->budget = budget;
	LIST_INIT(&p->list);
	return p;
}

static void forget(void *arg)
{
	struct post *post = arg;

	LIST_REMOVE(post, in_posts);
	body_give_back(post->posts->budget, conn_peer(post->conn), post->held);
	free(post);
}

uint64_t posts_add(struct posts *p, struct conn *c, size_t held)
{
	struct post *post = xmalloc(sizeof(*post));

	*post = (struct post){
		.posts = p, .conn = c, .number = ++p->last, .held = held
	};
	LIST_INSERT_HEAD(&p->list, post, in_posts);
	conn_on_gone(c, forget, post);
	return post->number;
}

static struct conn *take(struct post *post)
{
	struct conn *c = post->conn;

	conn_on_gone(c, NULL, NULL);
	forget(post);
	return c;
}

struct conn *posts_take(struct posts *p, uint64_t number)
{
	struct post *post;

	LIST_FOREACH(post, &p->list, in_posts)
	if (post->number == number)
		return take(post);
	return NULL;
}

struct conn *posts_take_any(struct posts *p)
{
	struct post *post = LIST_FIRST(&p->list);

	return post ? take(post) : NULL;
}

void posts_free(struct posts *p)
{
	if (!p)
		return;
	assert(LIST_EMPTY(&p->list));
	free(p);
}
