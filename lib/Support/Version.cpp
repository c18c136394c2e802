// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements what the project's tools say about their version.

#include "vnm/Support/Version.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

static constexpr char bugReportMessage[] =
    "PLEASE report this crash to the VNM project with this output, the input "
    "file and the command line.\n";

StringRef vnm::getVersion() { return VNM_VERSION_STRING; }

void vnm::initToolIdentity(StringRef name) {
  setBugReportMsg(bugReportMessage);
  cl::AddExtraVersionPrinter([tool = name.str()](raw_ostream &os) {
    os << tool << " (VNM) " << getVersion() << '\n';
  });
}
