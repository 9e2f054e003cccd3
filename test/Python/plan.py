# Python reads the plans that quant-compile writes, changes formats, and keeps everything else.
#
# RUN: %python %s
from mpq.plan import Plan

TEXT = '''# plan of a.onnx

# a comment
conv1.weight | -   | 432 | int8     | f32  | 496 | kl: int2 0.31, int8 9e-6
"fc | 1"     | -   | 640 | int4:g32 | int8 | 400 |
head         | emb | 8   | float    | f32  | 32
'''
plan = Plan(TEXT)
assert plan.formats() == {"conv1.weight": "int8", '"fc | 1"': "int4:g32", "head": "float"}
assert plan.average_bits() == 8 * (496 + 400 + 32) / (432 + 640 + 8)

uniform = plan.uniform("int2")
assert set(uniform.formats().values()) == {"int2"} and plan.formats()["head"] == "float"
lines = str(uniform).splitlines()
assert lines[:3] == TEXT.splitlines()[:3]
assert lines[3] == "conv1.weight | - | 432 | int2 | f32 | 496 | kl: int2 0.31, int8 9e-6"
assert Plan(str(plan)).sites == plan.sites
