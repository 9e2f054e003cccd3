//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// For metrics that look at the outputs of the model: runs it with one weight
// stored in a candidate's format and all others in f32, for all candidates of
// all sites, and leaves to the metric how far two outputs are from each other.
//
// The model is compiled once. A variant is that program with the packed bytes
// of one weight replaced, so hundreds of them cost one compilation, and each
// restarts at the first op that reads its weight. Candidates with int8
// activations take one more compilation per site, of the model quantized there:
// what the integer kernels will compute is what is measured.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_OUTPUTSENSITIVITY_H
#define MPQ_ANALYSIS_OUTPUTSENSITIVITY_H

#include "mpq/Analysis/Sensitivity.h"
#include "mpq/Execution/Executor.h"

namespace mpq {

/// The outputs of the f32 model and those of a variant for one sample, a
/// pointer per output of `@main`; zero where they are the same. Called from any
/// thread.
using OutputDistance = llvm::function_ref<double(Executor::Outputs reference,
                                                 Executor::Outputs variant)>;

/// Scores every candidate of every site of `request` with the mean of
/// `distance` over the samples, in their order, so that the result does not
/// depend on the number of threads.
llvm::Expected<SiteScores> scoreOutputs(const SensitivityRequest &request,
                                        OutputDistance distance);

} // namespace mpq

#endif // MPQ_ANALYSIS_OUTPUTSENSITIVITY_H
