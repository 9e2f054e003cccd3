#!/bin/sh
# The fault: a file has a Softmax. 1 says that it is still there.
grep -q onnx.Softmax "$1" && exit 1
exit 0
