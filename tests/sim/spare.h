/*
 * Memory for SQLite and OpenSSL that costs next to nothing: a million orders
 * ask for it five thousand million times. What is given back is kept, by size,
 * for who asks next. One thread; nothing is ever returned to the system.
 */
#ifndef TESTS_SIM_SPARE_H
#define TESTS_SIM_SPARE_H

/* Before either of them is used. */
void spare_init(void);

#endif
