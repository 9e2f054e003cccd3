#!/usr/bin/env python3
# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# Writes the ops of the `onnx` dialect from the schemas of the PyPI package `onnx`, at build time:
#
#   Ops.td        one ODS definition per op of the default domain, in the newest version of its schema
#   Schemas.inc   the same schemas as C++ tables: operands, results and attributes by name, and their types
#
# ODS gives the C++ classes; the tables drive what all ops share: printer, parser, verifier and importer.
# An op of the standard that has been withdrawn (Upsample, Scatter) is left out: the importer upgrades it.
#
# ===----------------------------------------------------------------------===#
import argparse
import re
import sys

import onnx
from onnx import defs

OPTIONAL = defs.OpSchema.FormalParameterOption.Optional
VARIADIC = defs.OpSchema.FormalParameterOption.Variadic

# Two runs of these differ, so they must not be merged by CSE.
RANDOM = {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}

# Attribute type of the standard -> (ODS constraint, C++ AttrKind).
ATTRIBUTES = {
    "INT": ("I64Attr", "Int"), "FLOAT": ("F32Attr", "Float"), "STRING": ("StrAttr", "String"),
    "INTS": ("DenseI64ArrayAttr", "Ints"), "FLOATS": ("DenseF32ArrayAttr", "Floats"), "STRINGS": ("StrArrayAttr", "Strings"),
    "TENSOR": ("ElementsAttr", "Tensor"), "SPARSE_TENSOR": ("ElementsAttr", "SparseTensor"),
    "TYPE_PROTO": ("TypeAttr", "Type"), "GRAPH": (None, "Graph"),
}


def td_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def code_block(text):
    return "[{" + text.replace("}]", "} ]").rstrip() + "\n}]"


def summary(schema):
    sentence = re.split(r"(?<=\w)\.(\s|$)", " ".join(schema.doc.split()))[0]
    return sentence if 0 < len(sentence) <= 200 else "the op " + schema.name + " of the ONNX standard"


def ods_default(attribute):
    """The default of the schema as a C++ expression, or None."""
    value = onnx.helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else None
    if value is None:
        return None
    kind = attribute.type.name
    if kind == "INT":
        return str(value)
    if kind == "FLOAT":
        return repr(value)
    if kind == "STRING":
        return value.decode()
    if kind in ("INTS", "FLOATS"):
        return "{" + ", ".join(repr(v) for v in value) + "}"
    return None  # lists of strings stay absent; who reads them supplies the default


def ods_attribute(name, attribute):
    constraint = ATTRIBUTES[attribute.type.name][0]
    default = ods_default(attribute)
    if default is not None:
        if attribute.type.name == "STRING":
            default = '"%s"' % default
        constraint = "DefaultValuedOptionalAttr<%s, %s>" % (constraint, td_string(default))
    elif not attribute.required:
        constraint = "OptionalAttr<%s>" % constraint
    return "%s:$%s" % (constraint, name)


def ods_value(schema, parameter):
    constraint = "AnyTensor" if all(t.startswith("tensor(") for t in type_strings(schema, parameter)) else "AnyType"
    if parameter.option == OPTIONAL:
        constraint = "Optional<%s>" % constraint
    elif parameter.option == VARIADIC:
        constraint = "Variadic<%s>" % constraint
    return "%s:$%s" % (constraint, parameter.name)


def segmented(parameters):
    return sum(p.option in (OPTIONAL, VARIADIC) for p in parameters) > 1


def ods_traits(schema, regions):
    traits = []
    if segmented(schema.inputs):
        traits.append("AttrSizedOperandSegments")
    if segmented(schema.outputs):
        traits.append("AttrSizedResultSegments")
    if not regions and schema.name not in RANDOM:
        traits.append("Pure")
    if schema.name == "Constant":
        traits.append("ConstantLike")
    return traits


def ods_op(schema):
    attributes = sorted(schema.attributes.items())
    regions = [name for name, a in attributes if a.type.name == "GRAPH"]
    arguments = [ods_value(schema, p) for p in schema.inputs]
    names = {p.name for p in schema.inputs}
    for name, attribute in attributes:
        if name not in regions:
            assert name not in names, (schema.name, name)
            arguments.append(ods_attribute(name, attribute))
    lines = ["def ONNX_%sOp : ONNX_Op<\"%s\", [%s]> {" % (schema.name, schema.name, ", ".join(ods_traits(schema, regions))),
             "  let summary = %s;" % td_string(summary(schema)),
             "  let description = %s;" % code_block(schema.doc),
             "  let arguments = (ins %s);" % ",\n                       ".join(arguments),
             "  let results = (outs %s);" % ", ".join(ods_value(schema, p) for p in schema.outputs)]
    if regions:
        lines.append("  let regions = (region %s);" % ", ".join("AnyRegion:$" + r for r in regions))
    if schema.name == "Constant":
        lines.append("  let hasFolder = 1;\n  let hasVerifier = 1;")
    return "\n".join(lines + ["}"])


# --- Schemas.inc -----------------------------------------------------------------------------------------------------
def type_strings(schema, parameter):
    """The types that a parameter may have: the type variable's, or the one written down."""
    for constraint in schema.type_constraints:
        if constraint.type_param_str == parameter.type_str:
            return list(constraint.allowed_type_strs)
    return [parameter.type_str]


def data_type(name):
    """tensor(float) -> TensorProto.FLOAT."""
    name = {"float": "FLOAT", "double": "DOUBLE"}.get(name, name.upper())
    return onnx.TensorProto.DataType.Value(name)


def type_set(strings):
    """(mask of the element types of tensors, sequences allowed, optionals allowed)."""
    mask = 0
    for string in strings:
        match = re.fullmatch(r"tensor\((\w+)\)", string)
        if match:
            mask |= 1 << data_type(match.group(1))
    return "{%#x, %d, %d}" % (mask, any(s.startswith("seq") for s in strings), any(s.startswith("optional") for s in strings))


def schema_parameters(schema, parameters):
    variables = [c.type_param_str for c in schema.type_constraints]
    rows = []
    for p in parameters:
        # Parameters with the same variable have the same type; a heterogeneous variadic has none.
        shared = p.type_str in variables and p.is_homogeneous
        option = "Optional" if p.option == OPTIONAL else "Variadic" if p.option == VARIADIC else "Single"
        rows.append('{"%s", Option::%s, %d, %s}' % (p.name, option, variables.index(p.type_str) if shared else -1,
                                                    type_set(type_strings(schema, p))))
    return rows


def schema_attributes(schema):
    return ['{"%s", AttrKind::%s, %s}' % (name, ATTRIBUTES[a.type.name][1], "true" if a.required else "false")
            for name, a in sorted(schema.attributes.items())]


def schema_tables(schemas):
    lines = ["// Generated by dialects/ONNX/generate_ods.py from onnx %s." % onnx.__version__]
    entries = []
    for schema in schemas:
        columns = []
        for suffix, kind, rows in (("Inputs", "Parameter", schema_parameters(schema, schema.inputs)),
                                   ("Outputs", "Parameter", schema_parameters(schema, schema.outputs)),
                                   ("Attributes", "AttributeSchema", schema_attributes(schema))):
            if rows:
                lines.append("const %s k%s%s[] = {%s};" % (kind, schema.name, suffix, ", ".join(rows)))
            columns.append("k%s%s" % (schema.name, suffix) if rows else "{}")
        entries.append('{"%s", %d, %d, %d, %s}' % (schema.name, schema.since_version, schema.min_input, schema.min_output,
                                                   ", ".join(columns)))
    lines.append("const OpSchema kSchemas[] = {\n  %s};" % ",\n  ".join(entries))
    lines.append("const int64_t kNewestOpset = %d;" % defs.onnx_opset_version())
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description="write the ODS of the onnx dialect and its schema tables")
    parser.add_argument("--ods", required=True)
    parser.add_argument("--schemas", required=True)
    options = parser.parse_args()
    schemas = sorted((s for s in defs.get_all_schemas() if s.domain == "" and not s.deprecated), key=lambda s: s.name)
    with open(options.ods, "w", encoding="utf-8") as file:
        file.write("// Generated by dialects/ONNX/generate_ods.py from onnx %s.\n" % onnx.__version__)
        file.write('include "dialects/ONNX/Dialect.td"\n\n')
        file.write("\n\n".join(ods_op(s) for s in schemas) + "\n")
    with open(options.schemas, "w", encoding="utf-8") as file:
        file.write(schema_tables(schemas))
    return 0


if __name__ == "__main__":
    sys.exit(main())
