//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Steps and progress on the terminal.
//
//===----------------------------------------------------------------------===//

#include "mpq/Support/StepReport.h"

#include "mpq/Support/Memory.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mpq;

void StepReport::begin(llvm::StringRef next) {
  end();
  name = next.str();
  open = true;
  ++number;
  done = 0;
  start = Clock::now();
}

void StepReport::advance(int64_t total) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!bar)
    bar.emplace(os, name);
  done = done < total ? done + 1 : 1;
  bar->update(done, total);
}

void StepReport::end() {
  if (!open)
    return;
  open = false;
  bar.reset();
  double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  os << llvm::formatv("[{0}] {1,-24} {2,8:F2} s {3,8:F1} MB peak\n", number, name, seconds, getPeakMemory() / 1e6);
}

ProgressBar::ProgressBar(llvm::raw_ostream &os, llvm::StringRef label) : os(os), label(label) {}

void ProgressBar::update(int64_t done, int64_t total) {
  int now = total > 0 ? static_cast<int>(100 * done / total) : 100;
  if (!os.is_displayed() || now == percent)
    return;
  percent = now;
  shown = true;
  constexpr int width = 40;
  os << '\r' << label << " [";
  for (int i = 0; i < width; ++i)
    os << (i * 100 < percent * width ? '=' : ' ');
  os << "] " << percent << '%';
  os.flush();
}

ProgressBar::~ProgressBar() {
  if (shown)
    os << '\r' << std::string(label.size() + 50, ' ') << '\r';
}
