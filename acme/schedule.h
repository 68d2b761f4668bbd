/*
 * When things are due: pure arithmetic on instants. No clock, no dice: both
 * are arguments (`dice` is a uniform 32-bit number).
 */
#ifndef ACME_SCHEDULE_H
#define ACME_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/*
 * The planned renewal of a certificate: at 2/3 of its life, at 1/2 where the
 * life is 10 days or less, spread by 2 % of it either way. Always a fraction,
 * never a number of days; never later than with a quarter left.
 *
 * One that is old already at `now`, when it comes, is used for a quarter of
 * what is left of it, or until a quarter of its life is left, and for an hour at
 * least, if it has four: a CA that backdates must not make us order in a loop.
 */
time_t schedule_renewal(time_t not_before, time_t not_after, time_t now,
			uint32_t dice);

/* What is left of a certificate, and how long it lives; 0, 0 for none. */
struct schedule_life {
	long left;
	long whole;
};

/* It ended three days ago: whoever is behind the name has left, or gave up. */
bool schedule_is_gone(struct schedule_life life);

/* It ended a month ago: only what DNS says is a reason to order again. */
bool schedule_is_dormant(struct schedule_life life);

/*
 * Pause after the nth failure in a row of a domain's orders (n >= 1): 1 min,
 * 10 min, 100 min, a day, +-20 %, but until it is gone never more than a tenth
 * of what is left of its certificate (with a floor: a quarter of an hour, or a
 * twentieth of the life if that is less), and never less than the CA asked for
 * (`retry_after` seconds, or -1).
 */
long schedule_domain_pause(long n, struct schedule_life life, long retry_after,
			   uint32_t dice);

/* Milliseconds to the nth look (n >= 0) at what the CA is working on. */
int64_t schedule_poll_ms(long n, long retry_after);

/*
 * Milliseconds to the nth try (n >= 1) at a CA that did not answer well: at
 * most a minute, unless the CA asked for more.
 */
int64_t schedule_ca_pause_ms(long n, long retry_after, uint32_t dice);

/*
 * Seconds to the nth try (n >= 1) of a name that a CA fails while it works for
 * others, or after what the CA said alone (n = 0): at most an hour, and a tenth
 * of what is left.
 */
long schedule_alone_pause(long n, long retry_after, struct schedule_life life);

/* Seconds to the next DNS look at a name that was looked at n times. */
long schedule_dns_pause(long n);

#endif
