#!/usr/bin/env bash
# House rules that a script can check: include directions, and no abort on input.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

# folder: what its files may include besides themselves (docs/architecture.md).
rules='base:
schema: base/
backends: base/ schema/
partitioner: base/ schema/ backends/
delegate: base/ schema/ backends/ partitioner/
capi: base/ schema/ backends/ partitioner/
tools: base/
examples:'
while IFS=: read -r folder allowed; do
  [ -d "$folder" ] || continue
  while IFS=: read -r file line include; do
    for prefix in "$folder/" $allowed; do
      [[ $include == "$prefix"* ]] && continue 2
    done
    echo "$file:$line: $folder may not include $include"
    failed=1
  done < <(grep -rnoE '#include "[a-z_]+/[^"]+"' "$folder" --include='*.h' --include='*.cc' --include='*.c' \
    | sed -E 's/#include "([^"]+)"/\1/')
done <<<"$rules"

# One owner for each dependency.
owner() { # pattern, folder or file that may
  local hits
  hits=$(grep -rlE "$1" base schema backends partitioner delegate capi --include='*.h' --include='*.cc' | grep -vE "$2" || true)
  [ -z "$hits" ] && return
  echo "only $2 may match $1:"; echo "$hits"
  failed=1
}
owner '#include [<"]flatbuffers/' '^schema/'
owner '#include [<"]CL/' '^backends/opencl/'
owner '#include [<"]mbedtls/' '^backends/file_cache\.cc$'
owner '#include [<"]spdlog/' '^base/log\.cc$'
owner 'TfLite[A-Z]' '^(delegate/|schema/|backends/|partitioner/)'

# No assert, abort or exit on what a model, a host, a device or an option controls.
if grep -rnE '\b(assert|abort|exit|CHECK)\(' base schema backends partitioner delegate capi --include='*.h' --include='*.cc' \
  | grep -v static_assert; then
  echo "the library never asserts, aborts or exits"
  failed=1
fi
exit $failed
