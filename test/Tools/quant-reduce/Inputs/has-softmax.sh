#!/bin/sh
# The fault: a file has a Softmax. 1 says that it is still there; a file that is not valid does not show it.
quant-opt "$1" -o /dev/null 2>/dev/null || exit 0
grep -q onnx.Softmax "$1" && exit 1
exit 0
