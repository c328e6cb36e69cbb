#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crash_managed with the kernel's offload: what is established goes on whatever happens.
FAULT_REPETITIONS=${FAULT_REPETITIONS:-1} FAULT_OFFLOAD=tc exec "$(dirname "$0")/crash_managed.sh"
