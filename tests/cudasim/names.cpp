/* SPDX-License-Identifier: Apache-2.0
 * Names for messages: the source line of a program counter, the function of a kernel's address, as
 * addr2line finds them. Kernels are static, so the dynamic symbol table does not know them.
 * Read next: emu.h. */
#include "tests/cudasim/emu.h"

#include <dlfcn.h>
#include <map>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace emu {
static std::string output_of(std::vector<std::string> words) {
    std::vector<char *> argv;
    for (auto &word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int ends[2];
    if (pipe(ends)) return "";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    pid_t child = -1;
    const int failed = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string out;
    char part[4096];
    for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;) out.append(part, (size_t)n);
    close(ends[0]);
    if (!failed) waitpid(child, nullptr, 0);
    return out;
}

static std::vector<std::string> lines_of(const std::string &text) {
    std::vector<std::string> lines;
    for (size_t from = 0, to; (to = text.find('\n', from)) != std::string::npos; from = to + 1)
        lines.push_back(text.substr(from, to - from));
    return lines;
}

static std::string hex(size_t n) {
    char text[32];
    snprintf(text, sizeof text, "0x%zx", n);
    return text;
}

/* "inner.cuh:12@kernel.cu:34" where the first is inlined into the second, else "kernel.cu:34". */
static std::string join(const std::vector<std::string> &inlined) {
    if (inlined.empty()) return "?";
    std::string inner = inlined[0].substr(0, inlined[0].find(' '));
    if (inner.find(".cuh:") == std::string::npos && inner.find(".h:") == std::string::npos)
        return inner;
    for (auto &outer : inlined)
        if (outer.find(".cu:") != std::string::npos)
            return inner + "@" + outer.substr(0, outer.find(' '));
    return inner;
}

std::vector<std::string> places_of(const std::vector<const void *> &pcs) {
    std::map<std::string, std::vector<size_t>> of_object;
    std::vector<std::string> out(pcs.size(), "?"), offsets(pcs.size());
    for (size_t i = 0; i < pcs.size(); i++) {
        Dl_info info;
        if (!dladdr(pcs[i], &info)) continue;
        offsets[i] = hex((size_t)((const char *)pcs[i] - (const char *)info.dli_fbase) - 1);
        of_object[info.dli_fname].push_back(i);
    }
    for (auto &[object, which] : of_object) {
        std::vector<std::string> words = {"addr2line", "-sai", "-e", object};
        for (size_t i : which) words.push_back(offsets[i]);
        size_t n = 0;
        std::vector<std::string> inlined;
        auto finish = [&] {
            if (n > 0 && n <= which.size()) out[which[n - 1]] = join(inlined);
            inlined.clear();
        };
        for (auto &line : lines_of(output_of(words))) { /* an address, then its lines inside out */
            if (line.compare(0, 2, "0x") == 0) {
                finish();
                n++;
            } else {
                inlined.push_back(line);
            }
        }
        finish();
    }
    return out;
}

std::string place_of(const void *pc) {
    return places_of({pc})[0];
}

std::string kernel_name(const void *kernel) {
    Dl_info info;
    if (!dladdr(kernel, &info)) return "?";
    const size_t offset = (size_t)((const char *)kernel - (const char *)info.dli_fbase);
    auto lines = lines_of(output_of({"addr2line", "-sfC", "-e", info.dli_fname, hex(offset)}));
    return lines.empty() ? "?" : lines[0];
}
} // namespace emu
