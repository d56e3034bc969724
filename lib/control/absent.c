/* SPDX-License-Identifier: BSD-3-Clause */
/* absent.c: the control socket of a library that was built without jansson: it says so. */
#include "weir/control.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stddef.h>

struct weir_control *weir_control_create(const struct weir_control_conf *conf)
{
	(void)conf;
	return weir__fail_null(
		ENOTSUP, "weir was built without jansson, which the control socket needs");
}

static int absent(void)
{
	return weir__fail(ENOTSUP, "there is no control socket");
}

int weir_control_pool(struct weir_control *control, struct weir_mempool *pool)
{
	(void)control;
	(void)pool;
	return absent();
}

int weir_control_heap(struct weir_control *control, struct weir_heap *heap)
{
	(void)control;
	(void)heap;
	return absent();
}

int weir_control_port(struct weir_control *control, const struct weir_port *port)
{
	(void)control;
	(void)port;
	return absent();
}

int weir_control_pipeline(
	struct weir_control *control, const char *name, const struct weir_pipeline *pipeline)
{
	(void)control;
	(void)name;
	(void)pipeline;
	return absent();
}

void weir_control_replace(struct weir_control *control, const struct weir_pipeline *old,
	const struct weir_pipeline *pipeline)
{
	(void)control;
	(void)old;
	(void)pipeline;
}

int weir_control_start(struct weir_control *control)
{
	(void)control;
	return absent();
}

void weir_control_destroy(struct weir_control *control)
{
	(void)control;
}

const char *weir_control_arg(const struct weir_control_request *request, const char *key)
{
	(void)request;
	(void)key;
	return NULL;
}
