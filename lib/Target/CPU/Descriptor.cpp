//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The descriptor that the runtime reads (include/mpq-c/ModelDescriptor.h), as
// constants of an LLVM module:
//
//   @mpq_model_descriptor =
//       hidden constant { {1, producer, ...}, 1, variants, weights }
//   @mpq_model_weights =
//       hidden constant [N x i8] ..., section ".lrodata.mpq", align 4096
//
// The weights are on pages of their own that are never written, so the system
// maps them from the file and shares them between processes; the section is one
// of the "large" ones, which may lie further than 2 GB from the code.
//
//===----------------------------------------------------------------------===//
#include "Library.h"

#include "mpq-c/ModelDescriptor.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace mpq;

// The LLVM structs below spell these out.
static_assert(sizeof(MpqTensorInfo) == 32 &&
              offsetof(MpqTensorInfo, dim_names) == 24);
static_assert(sizeof(MpqModelInfo) == 56 &&
              offsetof(MpqModelInfo, weights_bytes) == 40);
static_assert(sizeof(MpqVariant) == 72 && offsetof(MpqVariant, max_parts) == 64);
static_assert(sizeof(MpqModelDescriptor) == 112 &&
              offsetof(MpqModelDescriptor, requirements) == 104);

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

static Error checkTensor(StringRef kind, const TensorSpec &tensor,
                         bool sampleParallel, bool hasSymbols) {
  std::string what = (kind + " '" + tensor.name + "'").str();
  if (tensor.typeBits == 0 || tensor.typeBits % 8 != 0 ||
      !isPowerOf2_32(tensor.typeBits))
    return createStringError(what + ": elements of " + Twine(tensor.typeBits) +
                             " bits are not whole bytes");
  if (sampleParallel && tensor.shape.empty())
    return createStringError(
        what +
        ": the tensor has rank 0 and no dimension that runs over samples");
  uint64_t bytes = tensor.typeBits / 8;
  for (auto [index, size] : enumerate(tensor.shape)) {
    if (index == 0 && sampleParallel && size == -1)
      continue;
    if (size == -1 && hasSymbols)
      continue;
    if (size < 0)
      return createStringError(what + ": dimension " + Twine(index) +
                               " is dynamic, which only dimension 0 of a "
                               "model that runs sample by sample may be");
    bool overflow = false;
    bytes = SaturatingMultiply(bytes, uint64_t(size), &overflow);
    if (overflow || bytes > uint64_t(INT64_MAX))
      return createStringError(what + ": the size overflows");
  }
  return Error::success();
}

static Error checkVariant(const VariantSpec &variant) {
  SmallVector<StringRef> names;
  StringRef(variant.target.features).split(names, ',', -1, /*KeepEmpty=*/false);
  for (StringRef name : names) {
    bool known = false;
#define MPQ_CPU_FEATURE(NAME, LEAF, SUBLEAF, REGISTER, BIT, STATE)             \
  known |= name.ltrim('+') == NAME;
#include "mpq-c/CpuFeatures.def"
    if (!known)
      return createStringError("variant '" + variant.target.cpu +
                               "': the runtime cannot check the feature '" +
                               name.ltrim('+') + "'");
  }
  if (variant.runSymbol.empty())
    return createStringError("variant '" + variant.target.cpu +
                             "': no function to run");
  return Error::success();
}

Error mpq::checkLibrary(const LibrarySpec &library) {
  if (library.variants.empty())
    return createStringError("a library needs code for at least one CPU");
  bool hasSymbols = !library.symbols.empty();
  size_t sizes = 2;
  for (const TensorSpec &tensor : library.inputs)
    if (Error error =
            checkTensor("input", tensor, library.sampleParallel, hasSymbols))
      return error;
  for (const TensorSpec &tensor : library.outputs) {
    if (Error error =
            checkTensor("output", tensor, library.sampleParallel, hasSymbols))
      return error;
    sizes += tensor.shape.size();
  }
  if (library.symbols.size() > MPQ_MAX_SYMBOLS)
    return createStringError("the model has " + Twine(library.symbols.size()) +
                             " dynamic dimensions of different names; " +
                             Twine(int(MPQ_MAX_SYMBOLS)) + " are supported");
  if (hasSymbols && sizes > MPQ_MAX_SIZES)
    return createStringError("the outputs have " + Twine(sizes - 2) +
                             " dimensions together; with dynamic ones " +
                             Twine(int(MPQ_MAX_SIZES) - 2) + " are supported");
  StringSet<> symbols;
  for (const VariantSpec &variant : library.variants) {
    if (Error error = checkVariant(variant))
      return error;
    if (hasSymbols && variant.sizesSymbol.empty())
      return createStringError("variant '" + variant.target.cpu +
                               "': no function that computes sizes");
    if (!symbols.insert(variant.runSymbol).second)
      return createStringError("two variants have the function '" +
                               variant.runSymbol + "'");
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

namespace {
class DescriptorBuilder {
public:
  explicit DescriptorBuilder(Module &module)
      : module(module), context(module.getContext()),
        ptr(PointerType::get(context, 0)), i8(Type::getInt8Ty(context)),
        i16(Type::getInt16Ty(context)), i32(Type::getInt32Ty(context)),
        i64(Type::getInt64Ty(context)) {}

  void build(const LibrarySpec &library) {
    Constant *weights = addWeights(library.weights);
    Constant *info = structOf(
        {i32Of(MPQ_MODEL_ABI_VERSION), stringOf(library.producer),
         i32Of(library.inputs.size()), i32Of(library.outputs.size()),
         tensorsOf(library.inputs), tensorsOf(library.outputs),
         i64Of(library.weights.size()), i32Of(library.variants.size())});
    SmallVector<Constant *> variants;
    for (const VariantSpec &variant : library.variants)
      variants.push_back(variantOf(variant));
    Constant *descriptor = structOf(
        {info, i32Of(library.sampleParallel), arrayOf(variants), weights,
         i32Of(library.symbols.size()), i32Of(library.requirements.size()),
         stringsOf(library.symbols), symbolsOf(library.inputs),
         requirementsOf(library.requirements)});
    auto *global = addGlobal(descriptor, GlobalValue::ExternalLinkage,
                             "mpq_model_descriptor");
    global->setVisibility(GlobalValue::HiddenVisibility);
  }

private:
  Constant *i32Of(uint64_t value) { return ConstantInt::get(i32, value); }
  Constant *i64Of(uint64_t value) { return ConstantInt::get(i64, value); }
  Constant *null() { return ConstantPointerNull::get(ptr); }
  Constant *structOf(ArrayRef<Constant *> fields) {
    return ConstantStruct::getAnon(context, fields);
  }

  GlobalVariable *addGlobal(Constant *value, GlobalValue::LinkageTypes linkage,
                            StringRef name) {
    return new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                              linkage, value, name);
  }

  Constant *stringOf(StringRef text) {
    return addGlobal(ConstantDataArray::getString(context, text),
                     GlobalValue::PrivateLinkage, "string");
  }

  /// Pointer to an array with these elements.
  Constant *arrayOf(ArrayRef<Constant *> elements) {
    if (elements.empty())
      return null();
    auto *type = ArrayType::get(elements.front()->getType(), elements.size());
    return addGlobal(ConstantArray::get(type, elements),
                     GlobalValue::PrivateLinkage, "array");
  }

  Constant *stringsOf(ArrayRef<std::string> texts) {
    SmallVector<Constant *> strings;
    for (StringRef text : texts)
      strings.push_back(stringOf(text));
    return arrayOf(strings);
  }

  /// The symbol of each dimension of each input.
  Constant *symbolsOf(ArrayRef<TensorSpec> inputs) {
    SmallVector<Constant *> symbols;
    for (const TensorSpec &input : inputs)
      for (size_t d = 0; d < input.shape.size(); ++d)
        symbols.push_back(ConstantInt::getSigned(
            i32, d < input.symbols.size() ? input.symbols[d] : -1));
    return arrayOf(symbols);
  }

  Constant *requirementsOf(ArrayRef<RequirementSpec> requirements) {
    SmallVector<Constant *> result;
    for (const RequirementSpec &requirement : requirements)
      result.push_back(structOf(
          {stringOf(requirement.condition), stringOf(requirement.op)}));
    return arrayOf(result);
  }

  Constant *tensorsOf(ArrayRef<TensorSpec> tensors) {
    SmallVector<Constant *> result;
    for (const TensorSpec &tensor : tensors) {
      SmallVector<Constant *> shape;
      for (int64_t size : tensor.shape)
        shape.push_back(ConstantInt::getSigned(i64, size));
      Constant *dtype = structOf({ConstantInt::get(i8, tensor.typeCode),
                                  ConstantInt::get(i8, tensor.typeBits),
                                  ConstantInt::get(i16, 1)});
      std::vector<std::string> names = tensor.dimNames;
      names.resize(tensor.shape.size());
      result.push_back(structOf({stringOf(tensor.name), dtype,
                                 i32Of(tensor.shape.size()), arrayOf(shape),
                                 stringsOf(names)}));
    }
    return arrayOf(result);
  }

  Constant *functionOf(StringRef name) {
    if (name.empty())
      return null();
    auto *type =
        FunctionType::get(Type::getVoidTy(context), {ptr}, /*isVarArg=*/false);
    return cast<Constant>(module.getOrInsertFunction(name, type).getCallee());
  }

  Constant *variantOf(const VariantSpec &variant) {
    return structOf(
        {stringOf(variant.target.cpu), stringOf(variant.target.features),
         i64Of(variant.arenaBytes), i64Of(variant.preparedBytes),
         functionOf(variant.prepareSymbol), functionOf(variant.runSymbol),
         i64Of(variant.weightsOffset), functionOf(variant.sizesSymbol),
         i32Of(variant.maxParts)});
  }

  Constant *addWeights(ArrayRef<char> weights) {
    StringRef bytes = weights.empty()
                          ? StringRef("\0", 1)
                          : StringRef(weights.data(), weights.size());
    auto *global = addGlobal(ConstantDataArray::getRaw(bytes, bytes.size(), i8),
                             GlobalValue::ExternalLinkage, "mpq_model_weights");
    global->setVisibility(GlobalValue::HiddenVisibility);
    global->setSection(".lrodata.mpq");
    global->setCodeModel(CodeModel::Large);
    global->setAlignment(Align(4096));
    return global;
  }

  Module &module;
  LLVMContext &context;
  PointerType *ptr;
  Type *i8, *i16, *i32, *i64;
};
} // namespace

Error mpq::emitDescriptor(const LibrarySpec &library,
                          SmallVectorImpl<char> &object) {
  LLVMContext context;
  Module module("descriptor", context);
  DescriptorBuilder(module).build(library);
  return emitObject(module, TargetSpec{"x86-64", ""}, object, OptLevel::O0);
}
