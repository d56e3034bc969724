/* SPDX-License-Identifier: BSD-3-Clause */
/* dump.h: what weir-dump was asked for. */
#ifndef DUMP_H
#define DUMP_H

#include "apps/common/app.h"

#include <stdatomic.h>

struct dump {
	struct app app;
	const char *specs[APP_PORT_MAX];
	uint32_t spec_count;
	const char *filter;
	struct weir_recorder_conf conf;
	bool has_format, has_codec; /* said, and not to be taken from the name */
	uint64_t stats_ns;          /* between lines of figures; 0: none */
	const char *control_path;   /* NULL: no socket */
	struct weir_control *control;
	atomic_bool stop; /* somebody said so there */
};

/* control.c: make the socket for this recorder, and start it. */
bool dump_control(struct dump *dump, struct weir_recorder *recorder);

/* Parse the command line, or exit. */
void dump_parse(struct dump *dump, int argc, char **argv);

#endif
