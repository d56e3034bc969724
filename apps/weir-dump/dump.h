/* SPDX-License-Identifier: BSD-3-Clause */
/* dump.h: what weir-dump was asked for, and has open. */
#ifndef DUMP_H
#define DUMP_H

#include "apps/common/app.h"

#include <stdatomic.h>

struct input {
	struct weir_port *port;
	struct weir_recorder_mark mark;
	bool waits; /* until the writer has room */
	bool ended;
};

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
	struct weir_recorder *recorder;
	struct input inputs[APP_PORT_MAX];
	uint32_t input_count;
	uint64_t printed_ns; /* the last line of figures */
};

/* control.c: make the socket for this recorder, and start it. */
bool dump_control(struct dump *dump, struct weir_recorder *recorder);

/* receive.c: open the ports; and tell the recorder of each, as a source. */
bool dump_open_inputs(struct dump *dump);
bool dump_describe_inputs(struct dump *dump);

/* Receive once from all. Returns packets; *ended: no input will bring more. */
uint32_t dump_poll(struct dump *dump, bool *ended);

/* Until something may have come, at most as long as ^C may be noticed late. */
void dump_wait(struct dump *dump);

/* Tell the recorder what each input has counted. */
void dump_figures(struct dump *dump);

/* Parse the command line, or exit. */
void dump_parse(struct dump *dump, int argc, char **argv);

#endif
