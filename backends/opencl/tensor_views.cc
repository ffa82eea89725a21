// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/tensor_views.h"

#include <algorithm>

namespace npu {
namespace {

class Chooser {
 public:
  explicit Chooser(const ViewRequests& requests)
      : requests_(requests),
        groups_(requests.tensors.begin(), requests.tensors.end()),
        alive_(requests.scratch_bytes.begin(), requests.scratch_bytes.end()),
        choice_{TensorViews(requests.tensors.size()), std::vector<bool>(requests.copies.size(), false)} {}

  ViewChoice Run() {
    for (const auto& [view, viewed] : requests_.aliases) Merge(view, viewed, 0);
    for (const TensorLife& group : groups_) Count(group, group.bytes);
    const auto most = std::max_element(alive_.begin(), alive_.end());
    budget_ = most == alive_.end() ? 0 : *most;
    if (requests_.alignment > 0) {
      for (size_t i = 0; i < requests_.copies.size(); ++i) choice_.dropped[i] = TryPart(requests_.copies[i]);
    }
    return std::move(choice_);
  }

 private:
  void Count(const TensorLife& group, int64_t bytes) {
    if (group.first < 0) return;
    for (int step = group.first; step <= group.last; ++step) alive_[step] += bytes;
  }

  // Whose life a tensor shares.
  TensorLife& Group(int tensor) { return groups_[choice_.views.Find(tensor).root]; }

  void Merge(int root, int whole, int64_t offset) {
    TensorLife& part = groups_[root];
    TensorLife& group = Group(whole);
    if (!group.constant) {
      group.first = std::min(group.first, part.first);
      group.last = std::max(group.last, part.last);
    }
    part.first = part.last = -1;
    choice_.views.Link(root, whole, offset);
  }

  bool TryPart(const RangeCopy& copy) {
    const auto bytes = [&](int tensor) { return requests_.tensors[tensor].bytes; };
    if (copy.bytes == bytes(copy.target)) return TryLink(copy.target, copy.source, copy.source_offset);
    if (copy.bytes == bytes(copy.source)) return TryLink(copy.source, copy.target, copy.target_offset);
    return false;
  }

  // All of `part` becomes a range of `whole`.
  bool TryLink(int part, int whole, int64_t offset) {
    const TensorHome home = choice_.views.Find(part);
    const int root = home.root;
    // What is larger than the part has bytes outside the range.
    if (home.offset != 0 || groups_[root].bytes != requests_.tensors[part].bytes) return false;
    if (groups_[root].fixed || Group(whole).fixed) return false;
    if (groups_[root].constant || root == choice_.views.Find(whole).root) return false;
    if (offset % requests_.alignment != 0 || !Fits(groups_[root], Group(whole))) return false;
    Recount(groups_[root], Group(whole), true);
    Merge(root, whole, offset);
    return true;
  }

  // Calls visit(step, bytes that the merge adds there). The lives meet: one reads the other.
  template <typename Visit>
  static void ForEachChange(const TensorLife& part, const TensorLife& whole, Visit visit) {
    for (int step = part.first; step <= part.last; ++step) visit(step, -part.bytes);
    if (whole.constant) return;
    for (int step = part.first; step < whole.first; ++step) visit(step, whole.bytes);
    for (int step = whole.last + 1; step <= part.last; ++step) visit(step, whole.bytes);
  }

  void Recount(const TensorLife& part, const TensorLife& whole, bool apply) {
    const int64_t sign = apply ? 1 : -1;
    ForEachChange(part, whole, [&](int step, int64_t bytes) { alive_[step] += sign * bytes; });
  }

  // Whether no step exceeds the budget once `part` lies in `whole`.
  bool Fits(const TensorLife& part, const TensorLife& whole) {
    Recount(part, whole, true);
    bool fits = true;
    ForEachChange(part, whole, [&](int step, int64_t) { fits = fits && alive_[step] <= budget_; });
    Recount(part, whole, false);
    return fits;
  }

  const ViewRequests& requests_;
  std::vector<TensorLife> groups_;  // by root: the lives of all its parts
  std::vector<int64_t> alive_;      // bytes per step
  int64_t budget_ = 0;              // most bytes alive at once without parts
  ViewChoice choice_;
};

}  // namespace

TensorViews::TensorViews(size_t tensors) {
  for (size_t i = 0; i < tensors; ++i) parents_.push_back({static_cast<int>(i), 0});
}

TensorHome TensorViews::Find(int tensor) {
  TensorHome home{tensor, 0};
  while (parents_[home.root].root != home.root) {
    TensorHome& parent = parents_[home.root];
    // Skips one link each, so that long chains get short.
    const TensorHome& above = parents_[parent.root];
    if (above.root != parent.root) parent = {above.root, parent.offset + above.offset};
    home = {parent.root, home.offset + parent.offset};
  }
  return home;
}

void TensorViews::Link(int root, int whole, int64_t offset) { parents_[root] = {whole, offset}; }

ViewChoice ChooseViews(const ViewRequests& requests) { return Chooser(requests).Run(); }

}  // namespace npu
