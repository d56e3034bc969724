/* SPDX-License-Identifier: BSD-3-Clause */
/* control.h: what weir-fw answers on its control socket beside what all programs do. */
#ifndef FW_CONTROL_H
#define FW_CONTROL_H

#include "apps/weir-fw/live.h"

/* For app_pipeline.commands. One firewall a program. */
const struct weir_control_command *fw_control_commands(struct fw_live *live);

#endif
