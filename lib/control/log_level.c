/* SPDX-License-Identifier: BSD-3-Clause */
/* log_level.c: how much the library says when nobody asked (weir/log.h), and the command for it. */
#include "control/control_impl.h"

#include "weir/log.h"

#include "base/base_impl.h"

#include <errno.h>
#include <string.h>

json_t *weir__control_log_level(
	struct weir_control *control, const struct weir_control_request *request)
{
	static const char *const names[] = {"off", "warning", "info"};
	const char *level = weir_control_arg(request, "level");
	int now;

	(void)control;
	for (int i = 0; level && i < 3; i++)
		if (strcmp(level, names[i]) == 0) {
			weir_log_set_level(i - 1);
			level = NULL;
		}
	if (level)
		return weir__fail_null(EINVAL, "level=%.32s: must be off, warning or info", level);
	now = weir_log_level();
	return json_string(names[now + 1]);
}
