#!/bin/sh
# run_python.sh PYTHON SCRIPT ARGS...: runs SCRIPT, or says that the environment is missing and exits 77 (skipped).
# SPDX-License-Identifier: Apache-2.0
python=$1
shift
if [ ! -x "$python" ]; then
  echo "SKIPPED: no Python environment at $python (tools/test.sh makes it; it needs a package index)"
  exit 77
fi
exec "$python" "$@"
