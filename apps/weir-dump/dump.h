/* SPDX-License-Identifier: BSD-3-Clause */
/* dump.h: what weir-dump was asked for. */
#ifndef DUMP_H
#define DUMP_H

#include "apps/common/app.h"

struct dump {
	struct app app;
	const char *specs[APP_PORT_MAX];
	uint32_t spec_count;
	const char *filter;
	struct weir_recorder_conf conf;
	bool has_format, has_codec; /* said, and not to be taken from the name */
};

/* Parse the command line, or exit. */
void dump_parse(struct dump *dump, int argc, char **argv);

#endif
