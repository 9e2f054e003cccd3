# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Writes the completion of a tool's options, for bash and for zsh, from what the tool's --help says.

    GenerateCompletion.py TOOL --bash=FILE --zsh=FILE

Options are the lines `  --name=<value>  - text`, their values the lines `    =value  - text` below; an option whose
values are names of what is registered gets them from the section `..., for --name:`.
"""
import argparse
import pathlib
import re
import subprocess

OPTION = re.compile(r"^  (--?[\w-]+)(\[?=<[^>]*>\]?| <[^>]*>)? +- +(.*)$")
VALUE = re.compile(r"^    =([^\s<>]+) +- ")
SECTION = re.compile(r"^(?:.*, for (--[\w-]+)|Passes and pipelines .*):$")


def read_options(help_text):
    """Name -> (takes a value, the values, text)."""
    options, current, section = {}, None, None
    for line in help_text.splitlines():
        if match := SECTION.match(line):
            section = match
        elif not line.strip():
            section = None
        elif section is not None:
            name, _, text = line.strip().partition("  ")
            if not section[1]:
                options[name] = (False, [], text.strip())
            elif re.fullmatch(r"[\w-]+", name) and section[1] in options:
                options[section[1]][1].append(name)
        elif match := OPTION.match(line):
            current = match[1]
            options.setdefault(current, (bool(match[2]), [], match[3]))
        elif (match := VALUE.match(line)) and current:
            options[current][1].append(match[1])
    for name in ("--help", "--help-hidden", "--version"):
        options.setdefault(name, (False, [], ""))
    return options


def write_bash(tool, options):
    function = "_" + tool.replace("-", "_")
    cases = "".join(f"    {name}) COMPREPLY=($(compgen -W '{' '.join(values)}' -- \"$current\")); return ;;\n"
                    for name, (_, values, _) in options.items() if values)
    words = " ".join(name + ("=" if takes and name.startswith("--") else "")
                     for name, (takes, _, _) in sorted(options.items()))
    return f"""# Completion of {tool} for bash, generated from its --help.
{function}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} option=
  # bash takes --option=value apart at the '='.
  if [[ $current == = ]]; then
    option=${{COMP_WORDS[COMP_CWORD - 1]}} current=
  elif [[ $COMP_CWORD -ge 2 && ${{COMP_WORDS[COMP_CWORD - 1]}} == = ]]; then
    option=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  case $option in
    '') ;;
{cases}    *) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  if [[ $current != -* ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
    return
  fi
  COMPREPLY=($(compgen -W '{words}' -- "$current"))
  if [[ ${{#COMPREPLY[@]}} == 1 && ${{COMPREPLY[0]}} == *= ]] && type -t compopt >/dev/null; then
    compopt -o nospace 2>/dev/null
  fi
}}
complete -o filenames -F {function} {tool}
"""


def write_zsh(tool, options):
    def quote(text):
        return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")

    lines = []
    for name, (takes, values, text) in sorted(options.items()):
        value = f":value:({' '.join(values)})" if values else ":value:_files" if takes else ""
        lines.append(f"  '{name}{'=' if takes and name.startswith('--') else ''}[{quote(text)}]{value}' \\\n")
    return f"#compdef {tool}\n# Completion of {tool} for zsh, generated from its --help.\n_arguments \\\n" + "".join(
        lines) + "  '*:file:_files'\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", type=pathlib.Path)
    parser.add_argument("--bash", type=pathlib.Path, required=True)
    parser.add_argument("--zsh", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    text = subprocess.run([arguments.tool, "--help"], check=True, capture_output=True, text=True, encoding="utf-8").stdout
    options = read_options(text)
    for path, script in ((arguments.bash, write_bash), (arguments.zsh, write_zsh)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script(arguments.tool.name, options), encoding="utf-8")


main()
