#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crash with the kernel's offload: what is established goes on whatever happens.
FAULT_REPETITIONS=${FAULT_REPETITIONS:-1} FAULT_OFFLOAD=tc exec "$(dirname "$0")/crash.sh"
