//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Compiles LLVM IR that has `mpq_run`, and maybe `mpq_prepare`, into a library:
//
//   mpq-link-test -o m.so --input=x:f32[-1x4] --output=y:f32[-1x4]
//   --sample-parallel
//                 --variant=a.ll:sapphirerapids:arena=64:prepared=0
//                 --variant=b.ll:x86-64
//
// For tests only. It checks its own command line no further than they need.
//
//===----------------------------------------------------------------------===//
#include "mpq/Target/CPU.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"

using namespace llvm;
using namespace mpq;

static cl::opt<std::string> output("o", cl::Required,
                                   cl::desc("Library, or object file (.o), to write"));
static cl::list<std::string> inputs("input", cl::desc("name:type[AxBxC]"));
static cl::list<std::string> outputs("output", cl::desc("name:type[AxBxC]"));
static cl::list<std::string>
    variants("variant",
             cl::desc("file.ll:cpu[:arena=N][:prepared=N][:parts=N][:features=+a;+b]"));
static cl::opt<bool> sampleParallel("sample-parallel");
static cl::opt<std::string> weights("weights",
                                    cl::desc("File with the weights"));
static cl::opt<unsigned> repeat("repeat", cl::init(1),
                                cl::desc("Write the library this often"));

static ExitOnError exitOnError("mpq-link-test: error: ");

static TensorSpec parseTensor(StringRef text) {
  auto [name, rest] = text.rsplit(':');
  auto [type, shape] = rest.split('[');
  TensorSpec tensor;
  tensor.name = name.str();
  tensor.typeCode = StringSwitch<uint8_t>(type.take_until(isDigit))
                        .Case("i", 0)
                        .Case("u", 1)
                        .Case("bool", 6)
                        .Default(2);
  if (type.drop_until(isDigit).getAsInteger(10, tensor.typeBits))
    tensor.typeBits = 8;
  SmallVector<StringRef> sizes;
  shape.rtrim(']').split(sizes, 'x', -1, /*KeepEmpty=*/false);
  for (StringRef size : sizes) {
    tensor.shape.push_back(0);
    if (size.getAsInteger(10, tensor.shape.back()))
      exitOnError(createStringError("malformed size '" + size + "'"));
  }
  return tensor;
}

static VariantSpec compileVariant(StringRef text, size_t index) {
  SmallVector<StringRef> parts;
  text.split(parts, ':');
  VariantSpec variant;
  variant.target = exitOnError(getTarget(parts[1]));
  for (StringRef part : ArrayRef(parts).drop_front(2)) {
    auto [key, value] = part.split('=');
    if (key == "arena")
      value.getAsInteger(10, variant.arenaBytes);
    else if (key == "prepared")
      value.getAsInteger(10, variant.preparedBytes);
    else if (key == "parts")
      value.getAsInteger(10, variant.maxParts);
    else if (key == "features")
      variant.target.features = join(split(value, ';'), ",");
  }
  LLVMContext context;
  SMDiagnostic diagnostic;
  std::unique_ptr<Module> module = parseIRFile(parts[0], diagnostic, context);
  if (!module) {
    diagnostic.print("mpq-link-test", errs());
    exit(1);
  }
  std::string suffix = "_v" + std::to_string(index);
  for (auto [name, symbol] : {std::pair("mpq_run", &variant.runSymbol),
                              {"mpq_prepare", &variant.prepareSymbol}})
    if (Function *function = module->getFunction(name)) {
      *symbol = name + suffix;
      function->setName(*symbol);
    }
  SmallVector<char, 0> object;
  exitOnError(emitObject(*module, variant.target, object));
  variant.object.assign(object.begin(), object.end());
  return variant;
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv);
  LibrarySpec library;
  library.producer = "mpq-link-test";
  library.sampleParallel = sampleParallel;
  for (StringRef text : inputs)
    library.inputs.push_back(parseTensor(text));
  for (StringRef text : outputs)
    library.outputs.push_back(parseTensor(text));
  for (size_t i = 0; i < variants.size(); ++i)
    library.variants.push_back(compileVariant(variants[i], i));
  std::unique_ptr<MemoryBuffer> weightBytes;
  if (!weights.empty()) {
    weightBytes =
        exitOnError(errorOrToExpected(MemoryBuffer::getFile(weights)));
    library.weights = {weightBytes->getBufferStart(),
                       weightBytes->getBufferSize()};
  }
  // Linking must leave the command line's values alone; reading them again
  // shows it.
  for (unsigned i = 0; i < repeat; ++i)
    exitOnError(StringRef(output).ends_with(".o") ? writeObject(library, output) : writeLibrary(library, output));
  return 0;
}
