/* SPDX-License-Identifier: BSD-3-Clause */
/* worker.c: a worker uses a limit that is replaced while it runs.
 *
 *	worker 1000
 */
#include <weir/weir.h>

#include <stdio.h>
#include <stdlib.h>

struct limits {
	uint32_t packets, bytes; /* 64 for each packet */
};

struct job {
	struct weir_rcu_slot limits;
	uint64_t torn; /* limits that did not fit each other */
};

/* What is read in a turn is there until the end of the turn. */
static uint32_t turn(void *context)
{
	struct job *job = context;
	const struct limits *limits = weir_rcu_read(&job->limits);

	job->torn += limits->bytes != 64 * limits->packets;
	return 1;
}

static struct limits *make_limits(uint32_t packets)
{
	struct limits *limits = malloc(sizeof(*limits));

	if (limits)
		*limits = (struct limits){packets, 64 * packets};
	return limits;
}

static int replace(struct job *job, uint32_t times)
{
	for (uint32_t i = 1; i <= times; i++) {
		struct limits *limits = make_limits(i);

		/* the old ones are freed when the worker cannot be reading them any more */
		if (!limits || weir_rcu_replace(&job->limits, limits, free))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct job job = {.limits = {make_limits(0)}};
	struct weir_worker_conf conf = {.name = "limiter", .turn = turn, .context = &job};
	struct weir_worker *worker = weir_worker_create(&conf);

	if (argc != 2 || !worker || weir_worker_start(worker) ||
		replace(&job, (uint32_t)atoi(argv[1])) || weir_worker_stop(worker, 1000)) {
		fprintf(stderr, "worker: %s\n",
			argc != 2 ? "usage: worker TIMES" : weir_last_error());
		return 1;
	}
	weir_rcu_barrier();
	printf("limit %u, torn %u\n", ((struct limits *)weir_rcu_read(&job.limits))->packets,
		(uint32_t)job.torn);
	free(weir_rcu_publish(&job.limits, NULL));
	return weir_worker_destroy(worker);
}
