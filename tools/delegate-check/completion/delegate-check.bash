# bash completion: asks delegate-check itself, so that no option is ever missing here.
# SPDX-License-Identifier: Apache-2.0
_delegate_check() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words
  # "--format=te" comes as three words.
  [[ $cur == "=" ]] && cur=""
  [[ $prev == "=" ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
  words=$("${COMP_WORDS[0]}" --completion-words "$prev" 2>/dev/null | cut -f1)
  case $words in
    @file) words="" ;;
    @none) return ;;
    --*) [[ $cur == -* ]] || words="" ;;
  esac
  if [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
  fi
}
complete -F _delegate_check delegate-check
