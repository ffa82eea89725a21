# fish completion: asks delegate-check itself, so that no option is ever missing here.
# SPDX-License-Identifier: Apache-2.0
function __delegate_check_words
    set -l before (commandline -opc)
    $before[1] --completion-words $before[-1] 2>/dev/null | string match -v '@*'
end
complete -c delegate-check -a '(__delegate_check_words)'
