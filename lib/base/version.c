/* SPDX-License-Identifier: BSD-3-Clause */
/* version.c: the version, as meson.build states it. */
#include "weir/base.h"

const char *weir_version(void)
{
	return WEIR_VERSION;
}
