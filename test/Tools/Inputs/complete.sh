# complete.sh FOLDER: what the completions of FOLDER answer to some beginnings of command lines.
cd "$(dirname "$0")/.." || exit 1
complete_words() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  "_${1//-/_}"
  echo "$*: ${COMPREPLY[*]}"
}
for tool in quant-compile quant-run quant-opt; do
  . "$1/$tool"
done
complete_words quant-compile --em
complete_words quant-compile --emit = qu
complete_words quant-compile --metric =
complete_words quant-compile --observer = m
complete_words quant-run --li
complete_words quant-opt --mpq-verify-p
complete_words quant-opt compl
