// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests importance criteria.

#include "TestUtils.h"
#include <cmath>
#include <limits>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

static const float kWeight[2][3] = {{1, -2, 0}, {3, 0, -0.5}};
static const MatrixView kView =
    MatrixView::rowMajor(kWeight, ElementType::F32, 2, 3);
static const float kNorms[3] = {4, 9, 0.25};

TEST(Importance, IsMagnitude) {
  EXPECT_EQ(take(importance(kView, {})),
            (std::vector<float>{1, 2, 0, 3, 0, 0.5}));
}

TEST(Importance, IsWanda) {
  ImportanceOptions options;
  options.criterion = Criterion::Wanda;
  options.activationNorms = kNorms;
  EXPECT_EQ(take(importance(kView, options)),
            (std::vector<float>{4, 18, 0, 12, 0, 0.125}));
}

TEST(Importance, IsRIA) {
  ImportanceOptions options;
  options.criterion = Criterion::RIA;
  options.activationNorms = kNorms;
  // Column sums 4, 2, 0.5; row sums 3, 3.5; square roots of norms 2, 3, 0.5.
  const double expected[] = {(1 / 4. + 1 / 3.) * 2,
                             (2 / 2. + 2 / 3.) * 3,
                             0,
                             (3 / 4. + 3 / 3.5) * 2,
                             0,
                             (1 + 0.5 / 3.5) * 0.5};
  std::vector<float> scores = take(importance(kView, options));
  for (int i = 0; i < 6; ++i)
    EXPECT_FLOAT_EQ(scores[i], float(expected[i])) << i;
  options.riaExponent = 0;
  EXPECT_FLOAT_EQ(take(importance(kView, options))[1], 2 / 2. + 2 / 3.);
}

TEST(Importance, OfZeroRowsAndColumnsIsZero) {
  const float weight[4] = {0, 0, 0, 5};
  const float norms[2] = {0, 1};
  ImportanceOptions options;
  options.criterion = Criterion::RIA;
  options.activationNorms = norms;
  EXPECT_EQ(take(importance(
                MatrixView::rowMajor(weight, ElementType::F32, 2, 2), options)),
            (std::vector<float>{0, 0, 0, 2}));
}

TEST(Importance, DoesNotDependOnThreads) {
  Random random(1);
  Dense dense = randomDense(random, ElementType::BF16, 500, 700);
  std::vector<float> norms(700);
  for (float &norm : norms)
    norm = pickUnit(random);
  ImportanceOptions options;
  options.activationNorms = norms;
  for (Criterion criterion :
       {Criterion::Magnitude, Criterion::Wanda, Criterion::RIA}) {
    options.criterion = criterion;
    options.threads = 1;
    std::vector<float> expected = take(importance(dense.view(), options));
    for (unsigned threads : {2, 5, 0}) {
      options.threads = threads;
      EXPECT_EQ(take(importance(dense.view(), options)), expected);
    }
  }
}

TEST(Importance, RefusesBadNorms) {
  ImportanceOptions options;
  options.criterion = Criterion::Wanda;
  EXPECT_EQ(messageOf(importance(kView, options)),
            "requires wanda to have K = 3 activation norms, but there are 0");
  float norms[3] = {1, -2, 3};
  options.activationNorms = norms;
  EXPECT_EQ(messageOf(importance(kView, options)),
            "requires activation norms to be finite and not negative, but norm "
            "1 is -2.000000");
  norms[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(messageOf(importance(kView, options)),
            "requires activation norms to be finite and not negative, but norm "
            "1 is nan");
  options.criterion = Criterion::RIA;
  options.activationNorms = kNorms;
  options.riaExponent = -1;
  EXPECT_EQ(messageOf(importance(kView, options)),
            "requires the exponent of ria to be finite and not negative, but "
            "it is -1.000000");
}

TEST(Importance, RIANeedsNoActivations) {
  ImportanceOptions options;
  options.criterion = Criterion::RIA;
  std::vector<float> without = take(importance(kView, options));
  float ones[3] = {1, 1, 1};
  options.activationNorms = ones;
  EXPECT_EQ(without, take(importance(kView, options)));
  options.activationNorms = llvm::ArrayRef(ones).drop_back();
  EXPECT_EQ(messageOf(importance(kView, options)),
            "requires ria to have K = 3 activation norms, but there are 2");
}

TEST(Importance, RefusesGivenAndEmpty) {
  ImportanceOptions options;
  options.criterion = Criterion::Given;
  EXPECT_EQ(messageOf(importance(kView, options)),
            "requires the criterion magnitude, wanda or ria, but it is given: "
            "such scores go to pruning directly");
  EXPECT_EQ(messageOf(importance(
                MatrixView::rowMajor(kWeight, ElementType::F32, 2, 0), {})),
            "requires R and K to be in [1, 2147483647], but they are 2 and 0");
}

TEST(Criterion, ParsesItsNames) {
  for (Criterion criterion : {Criterion::Magnitude, Criterion::Wanda,
                              Criterion::RIA, Criterion::Given})
    EXPECT_EQ(take(parseCriterion(toString(criterion))), criterion);
  EXPECT_EQ(messageOf(parseCriterion("l2")),
            "requires a criterion of magnitude, wanda, ria or given, but found "
            "'l2'");
}
