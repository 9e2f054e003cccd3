//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finding the quantizable weights of a function, and their values.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Sites.h"

#include "mpq/Analysis/Labels.h"

#include "dialects/ONNX/ONNX.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/xxhash.h"

#include <cstring>
#include <unordered_map>

using namespace mlir;
using namespace mpq;

func::FuncOp mpq::lookupMain(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main) {
    module.emitError("module has no function @main");
    return {};
  }
  if (!llvm::hasSingleElement(main.getBody())) {
    main.emitError("@main has ") << main.getBody().getBlocks().size()
                                 << " blocks when it should have one";
    return {};
  }
  return main;
}

//===----------------------------------------------------------------------===//
// Which operands are weights
//===----------------------------------------------------------------------===//

OpOperand *mpq::getWeightOperand(Operation *op) {
  if (isa<onnx::ConvOp, onnx::GemmOp, onnx::MatMulOp>(op))
    return &op->getOpOperand(1);
  if (isa<onnx::GatherOp>(op))
    return &op->getOpOperand(0);
  return nullptr;
}

int64_t mpq::getWeightAxis(Operation *op) {
  if (auto gemm = dyn_cast<onnx::GemmOp>(op))
    return gemm.getTransB() ? 0 : 1;
  return isa<onnx::MatMulOp>(op) ? 1 : 0;
}

Operation *mpq::getQuantizableWeight(Operation *op) {
  OpOperand *operand = getWeightOperand(op);
  auto constant = operand ? operand->get().getDefiningOp<onnx::ConstantOp>()
                          : onnx::ConstantOp();
  if (!constant)
    return {};
  auto type = dyn_cast<RankedTensorType>(constant.getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isF32() ||
      type.getNumElements() == 0)
    return {};
  bool isConv = isa<onnx::ConvOp>(op);
  if (isConv ? type.getRank() < 3 : type.getRank() != 2)
    return {};
  if (auto gather = dyn_cast<onnx::GatherOp>(op)) {
    int64_t axis = gather.getAxis();
    if (axis != 0 && axis != -type.getRank())
      return {};
  }
  return constant;
}

//===----------------------------------------------------------------------===//
// Inserting sites
//===----------------------------------------------------------------------===//

ArrayRef<llvm::StringLiteral> mpq::getDefaultFormats() {
  static constexpr llvm::StringLiteral formats[] = {
      "int2:f16", "int2:g64:f16", "int3:f16",    "int3:g64:f16", "kmeans3:f16",
      "int4:f16", "kmeans4:f16",  "int5:f16",    "int6:f16",     "int8:f16"};
  return formats;
}

/// The formats that `options` name.
static FailureOr<SmallVector<FormatAttrInterface>>
parseFormats(func::FuncOp main, const SiteOptions &options) {
  std::vector<std::string> spellings = options.formats;
  llvm::erase_if(spellings,
                 [](const std::string &spelling) { return spelling.empty(); });
  if (spellings.empty())
    for (StringRef spelling : getDefaultFormats())
      if (options.groupSizes.empty() || !spelling.contains(":g"))
        spellings.push_back(spelling.str());
  std::vector<int64_t> groupSizes = options.groupSizes;
  if (groupSizes.empty())
    groupSizes.push_back(0);
  for (int64_t size : groupSizes)
    if (size < 0)
      return main.emitError("group size is ")
             << size << " when it should be at least 0";
  SmallVector<FormatAttrInterface> formats;
  auto add = [&](StringRef spelling) -> LogicalResult {
    llvm::Expected<FormatAttrInterface> format =
        parseFormat(spelling, main.getContext());
    if (!format)
      return main.emitError(llvm::toString(format.takeError()));
    if (!llvm::is_contained(formats, *format))
      formats.push_back(*format);
    return success();
  };
  for (StringRef spelling : spellings) {
    bool hasGroup = spelling.contains(":g") || spelling.contains(":tensor");
    for (int64_t size : groupSizes) {
      std::string suffix;
      if (size && !hasGroup)
        suffix = ":g" + std::to_string(size);
      if (failed(add((spelling + suffix).str())))
        return failure();
    }
  }
  return formats;
}

namespace {

/// The ops that read one tensor along one axis.
struct WeightGroup {
  SmallVector<OpOperand *> uses;
};

class SiteInserter {
public:
  SiteInserter(func::FuncOp main, ArrayRef<FormatAttrInterface> formats,
               bool byDefault, const SiteOptions &options)
      : main(main), formats(formats), byDefault(byDefault),
        decideActivations(options.decideActivations),
        integerProducts(options.integerProducts) {
    for (SiteOp site : getSites(main))
      names.insert(site.getName());
  }

  void run() {
    mergeConstants();
    // In the order in which ops read them: the order of execution.
    llvm::MapVector<std::pair<Operation *, int64_t>, WeightGroup> groups;
    for (Operation &op : main.getBody().front())
      if (Operation *constant = getQuantizableWeight(&op))
        groups[{constant, getWeightAxis(&op)}].uses.push_back(
            getWeightOperand(&op));
    llvm::MapVector<Operation *, SmallVector<SiteOp>> sites;
    for (auto &[key, group] : groups)
      sites[key.first].push_back(
          insert(cast<onnx::ConstantOp>(key.first), key.second, group));
    for (auto &[constant, made] : sites)
      tie(cast<onnx::ConstantOp>(constant), made);
    llvm::MapVector<StringRef, SmallVector<SiteOp>> ties;
    for (auto &[constant, made] : sites)
      for (SiteOp site : made) {
        share(site);
        ties[site.getTie().value_or(site.getName())].push_back(site);
      }
    for (auto &[name, tied] : ties)
      setCandidates(tied);
  }

private:
  /// Weights of the same value become one constant, the first.
  void mergeConstants() {
    llvm::DenseSet<Operation *> weights;
    for (Operation &op : main.getBody().front())
      if (Operation *constant = getQuantizableWeight(&op))
        weights.insert(constant);
    DenseMap<Attribute, onnx::ConstantOp> first;
    for (auto constant : llvm::make_early_inc_range(
             main.getBody().front().getOps<onnx::ConstantOp>())) {
      if (!weights.contains(constant))
        continue;
      onnx::ConstantOp &earlier = first[constant.getValueAttr()];
      if (!earlier) {
        earlier = constant;
        continue;
      }
      constant.replaceAllUsesWith(earlier.getResult());
      constant.erase();
    }
  }

  SiteOp insert(onnx::ConstantOp constant, int64_t axis, WeightGroup &group) {
    OpBuilder builder(constant);
    builder.setInsertionPointAfter(constant);
    auto site =
        SiteOp::create(builder, constant.getLoc(), constant.getType(), constant,
                       builder.getStringAttr(
                           getName(constant, group.uses.front()->getOwner())),
                       builder.getI64IntegerAttr(axis),
                       builder.getArrayAttr({}), IntegerAttr(), StringAttr());
    for (OpOperand *use : group.uses)
      use->set(site);
    return site;
  }

  /// Tied sites have the same candidates.
  void setCandidates(ArrayRef<SiteOp> tied) {
    bool withActivations = decideActivations && llvm::all_of(tied, isFactor);
    SmallVector<FormatAttrInterface> useful;
    for (FormatAttrInterface format : formats)
      if (!byDefault || isUseful(tied, format, useful))
        useful.push_back(format);
    for (SiteOp site : tied) {
      SmallVector<Attribute> candidates;
      for (FormatAttrInterface format : useful) {
        // Products of integers take integer levels.
        if (!withActivations || !format.getIntegerGroup(site.getK())) {
          candidates.push_back(makeCandidate(site, format));
          continue;
        }
        for (Activations kind : {Activations::F32, Activations::Int8})
          candidates.push_back(makeCandidate(site, format, kind));
      }
      site.setCandidatesAttr(ArrayAttr::get(site.getContext(), candidates));
    }
  }

  /// Whether a format that nobody asked for brings something: not if its groups
  /// are as long as the rows, so that it is one of `others`; not in groups for
  /// convolutions, whose integer kernels take rows; not a codebook where levels
  /// may meet int8 activations.
  bool isUseful(ArrayRef<SiteOp> tied, FormatAttrInterface format,
                ArrayRef<FormatAttrInterface> others) const {
    int64_t k = SiteOp(tied.front()).getK();
    if (!format.getIntegerGroup(k) &&
        (integerProducts || decideActivations) && llvm::all_of(tied, isFactor))
      return false;
    auto isSame = [&](FormatAttrInterface other) {
      return bool(format.getIntegerGroup(k)) == bool(other.getIntegerGroup(k)) &&
             format.getCodeBits() == other.getCodeBits() &&
             llvm::all_of(tied, [&](SiteOp site) {
               return format.getStorageBytes(site.getRows(), site.getK()) ==
                      other.getStorageBytes(site.getRows(), site.getK());
             });
    };
    auto isGroupedConv = [&](SiteOp site) {
      int64_t group = format.getIntegerGroup(site.getK());
      return group > 0 && group < int64_t(site.getK()) &&
             llvm::any_of(site->getUsers(), llvm::IsaPred<onnx::ConvOp>);
    };
    return llvm::none_of(others, isSame) && llvm::none_of(tied, isGroupedConv);
  }

  /// The weight as a matrix [rows][k].
  static std::vector<float> getMatrix(SiteOp site) {
    std::optional<std::vector<float>> values = readWeights(site);
    assert(values && "a site that was made for a constant");
    std::vector<float> matrix(values->size());
    auto type = cast<RankedTensorType>(site.getWeight().getType());
    toWeightMatrix(*values, type.getShape(), site.getAxis(), matrix);
    return matrix;
  }

  /// Ties a site to an earlier one of the same matrix, and shares its storage.
  void share(SiteOp site) {
    if (site.getTie())
      return;
    std::vector<float> matrix = getMatrix(site);
    StringRef bytes(reinterpret_cast<const char *>(matrix.data()),
                    matrix.size() * sizeof(float));
    SmallVector<SiteOp> &alike = byHash[llvm::xxh3_64bits(bytes)];
    for (SiteOp other : alike) {
      if (other.getRows() != site.getRows() || getMatrix(other) != matrix)
        continue;
      other.setTieAttr(other.getNameAttr());
      site.setTieAttr(other.getNameAttr());
      site->setAttr(kSharedAttr, UnitAttr::get(site.getContext()));
      return;
    }
    alike.push_back(site);
  }

  /// Whether every op that reads the site multiplies with it.
  static bool isFactor(SiteOp site) {
    return llvm::all_of(site->getUses(), [](OpOperand &use) {
      return &use == getWeightOperand(use.getOwner()) &&
             !isa<onnx::GatherOp>(use.getOwner());
    });
  }

  /// Ties the sites of one constant; other ops read what the first one stores.
  void tie(onnx::ConstantOp constant, ArrayRef<SiteOp> made) {
    SiteOp first = made.front();
    if (made.size() > 1)
      for (SiteOp site : made)
        site.setTieAttr(first.getNameAttr());
    constant.getResult().replaceUsesWithIf(
        first, [&](OpOperand &use) { return !isa<SiteOp>(use.getOwner()); });
  }

  /// The tensor's name in the model, or the reading op's if it has none.
  std::string getName(onnx::ConstantOp constant, Operation *user) {
    std::string stem = "weight";
    if (auto loc = constant.getLoc()->findInstanceOf<NameLoc>();
        loc && !loc.getName().empty())
      stem = loc.getName().str();
    else if (auto loc = user->getLoc()->findInstanceOf<NameLoc>();
             loc && !loc.getName().empty())
      stem = loc.getName().str() + ".weight";
    std::string name = stem;
    for (unsigned i = 1; !names.insert(name).second; ++i)
      name = stem + "_" + std::to_string(i);
    return name;
  }

  func::FuncOp main;
  ArrayRef<FormatAttrInterface> formats;
  bool byDefault; ///< the formats are nobody's choice
  bool decideActivations, integerProducts;
  llvm::StringSet<> names;
  /// The sites so far that may be shared, by a hash of their matrices.
  std::unordered_map<uint64_t, SmallVector<SiteOp>> byHash;
};

} // namespace

LogicalResult mpq::insertSites(func::FuncOp main, const SiteOptions &options) {
  FailureOr<SmallVector<FormatAttrInterface>> formats =
      parseFormats(main, options);
  if (failed(formats))
    return failure();
  bool byDefault =
      options.groupSizes.empty() &&
      llvm::all_of(options.formats, [](StringRef text) { return text.empty(); });
  SiteInserter(main, *formats, byDefault, options).run();
  return success();
}

//===----------------------------------------------------------------------===//
// Looking at sites
//===----------------------------------------------------------------------===//

SmallVector<SiteOp> mpq::getSites(func::FuncOp main) {
  return llvm::to_vector(main.getBody().front().getOps<SiteOp>());
}

CandidateAttr mpq::makeCandidate(SiteOp site, FormatAttrInterface format,
                                 std::optional<Activations> activations) {
  int64_t bytes = format.getStorageBytes(site.getRows(), site.getK());
  return CandidateAttr::get(site.getContext(), format, activations, bytes,
                            /*nanoseconds=*/0, Real(0), "");
}

FailureOr<int64_t> mpq::getActivationBits(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  Attribute said = module->getAttr(kActivationBitsAttr);
  auto bits = dyn_cast_if_present<IntegerAttr>(said);
  if (bits && bits.getValue() == 1 && module->hasAttr(kActivationGroupsAttr))
    return module.emitError()
           << "has " << kActivationBitsAttr << " = " << said << " and "
           << kActivationGroupsAttr
           << " when codes with a scale for each group need 2 bits, for a "
              "level on either side of zero";
  if (!said || (bits && bits.getValue().sge(1) && bits.getValue().sle(8)))
    return said ? bits.getInt() : 8;
  return module.emitError() << "has " << kActivationBitsAttr << " = " << said
                            << " when it should be 1 to 8";
}

FailureOr<Activations> mpq::getActivations(SiteOp site, Activations byDefault) {
  if (auto own = site->getAttrOfType<StringAttr>(kActivationsAttr)) {
    auto module = site->getParentOfType<ModuleOp>();
    std::string integers = getActivationsName(module, Activations::Int8);
    if (own.getValue() == integers)
      return Activations::Int8;
    if (own.getValue() == stringifyActivations(Activations::F32))
      return Activations::F32;
    return site.emitOpError("site '")
           << site.getName() << "' has activations '" << own.getValue()
           << "' when they should be f32 or " << integers;
  }
  CandidateAttr chosen = site.getChosen();
  return chosen && chosen.getActivations() ? *chosen.getActivations()
                                           : byDefault;
}

int64_t mpq::getNumWeights(SiteOp site) {
  return cast<ShapedType>(site.getWeight().getType()).getNumElements();
}

int64_t mpq::countWeights(SiteOp site) {
  return site->hasAttr(kSharedAttr) ? 0 : getNumWeights(site);
}

int64_t mpq::countBytes(SiteOp site, CandidateAttr candidate) {
  if (site->hasAttr(kSharedAttr))
    return 0;
  return candidate ? candidate.getBytes() : getNumWeights(site) * sizeof(float);
}

std::optional<std::vector<float>> mpq::readWeights(SiteOp site) {
  auto constant = site.getWeight().getDefiningOp<onnx::ConstantOp>();
  if (!constant) {
    site.emitOpError("weight '") << site.getName() << "' is not a constant";
    return std::nullopt;
  }
  ElementsAttr value = constant.getValueAttr();
  int64_t count = value.getNumElements();
  if (auto dense = dyn_cast<DenseElementsAttr>(value))
    return std::vector<float>(dense.value_begin<float>(),
                              dense.value_end<float>());
  auto resource = dyn_cast<DenseResourceElementsAttr>(value);
  const AsmResourceBlob *blob =
      resource ? resource.getRawHandle().getBlob() : nullptr;
  if (!blob || blob->getData().size() != count * sizeof(float)) {
    site.emitOpError("weight '") << site.getName() << "' has no data";
    return std::nullopt;
  }
  // The bytes need not be aligned for floats.
  std::vector<float> values(count);
  std::memcpy(values.data(), blob->getData().data(), blob->getData().size());
  return values;
}

std::vector<char> mpq::encodeWeights(SiteOp site, FormatAttrInterface format,
                                     ArrayRef<float> values) {
  auto type = cast<RankedTensorType>(site.getWeight().getType());
  std::vector<float> matrix(values.size());
  toWeightMatrix(values, type.getShape(), site.getAxis(), matrix);
  std::vector<char> payload(
      format.getStorageBytes(site.getRows(), site.getK()));
  format.encode(matrix, site.getRows(), site.getK(), payload);
  return payload;
}

std::vector<float> mpq::decodeWeights(SiteOp site, FormatAttrInterface format,
                                      ArrayRef<char> payload) {
  auto type = cast<RankedTensorType>(site.getWeight().getType());
  std::vector<float> matrix(type.getNumElements()), values(matrix.size());
  format.decode(payload, site.getRows(), site.getK(), matrix);
  fromWeightMatrix(matrix, type.getShape(), site.getAxis(), values);
  return values;
}

std::vector<float> mpq::roundTripWeights(SiteOp site,
                                         FormatAttrInterface format,
                                         ArrayRef<float> values) {
  return decodeWeights(site, format, encodeWeights(site, format, values));
}
