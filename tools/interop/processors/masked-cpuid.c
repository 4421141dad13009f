/*
 * Answers the CPUID instruction like a processor with fewer extensions, at native speed.
 *
 * masked-cpuid.mjs makes a copy of ONNX Runtime with UD2 (0f 0b) in place of each CPUID (0f a2). This library is loaded with LD_PRELOAD. It
 * catches the SIGILL, executes CPUID, clears the bits of the extensions in SLM_CPUID_HIDE, and continues after the instruction. Node and
 * other libraries are not affected.
 *
 * Source of the bits: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID, leaf 7.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { EAX, EBX, ECX, EDX };

struct bit {
  const char *name;
  uint32_t subleaf;
  int reg;
  int at;
};

/* Leaf 7: extensions that choose kernels of matrix products. AVX-512 is hidden together with all extensions that need it. */
static const struct bit BITS[] = {
    {"avx512", 0, EBX, 16},      /* F */
    {"avx512", 0, EBX, 17},      /* DQ */
    {"avx512", 0, EBX, 21},      /* IFMA */
    {"avx512", 0, EBX, 28},      /* CD */
    {"avx512", 0, EBX, 30},      /* BW */
    {"avx512", 0, EBX, 31},      /* VL */
    {"avx512", 0, ECX, 1},       /* VBMI */
    {"avx512", 0, ECX, 6},       /* VBMI2 */
    {"avx512", 0, ECX, 11},      /* VNNI */
    {"avx512", 0, ECX, 12},      /* BITALG */
    {"avx512", 0, ECX, 14},      /* VPOPCNTDQ */
    {"avx512", 0, EDX, 8},       /* VP2INTERSECT */
    {"avx512", 0, EDX, 23},      /* FP16 */
    {"avx512", 1, EAX, 5},       /* BF16 */
    {"avx512_vnni", 0, ECX, 11},
    {"avx_vnni", 1, EAX, 4},
    {"avx_vnni", 1, EDX, 4},     /* AVX-VNNI-INT8 */
    {"avx_vnni", 1, EDX, 10},    /* AVX-VNNI-INT16 */
    {"amx", 0, EDX, 22},         /* BF16 */
    {"amx", 0, EDX, 24},         /* TILE */
    {"amx", 0, EDX, 25},         /* INT8 */
    {"amx", 1, EAX, 21},         /* FP16 */
};

static uint32_t hidden[2][4];

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]) {
  __asm__ volatile("cpuid" : "=a"(out[EAX]), "=b"(out[EBX]), "=c"(out[ECX]), "=d"(out[EDX]) : "a"(leaf), "c"(subleaf));
}

static void answer(int signal, siginfo_t *info, void *context) {
  (void)info;
  greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
  const uint8_t *at = (const uint8_t *)regs[REG_RIP];
  if (at[0] != 0x0f || at[1] != 0x0b) abort();
  uint32_t leaf = (uint32_t)regs[REG_RAX], subleaf = (uint32_t)regs[REG_RCX], out[4];
  cpuid(leaf, subleaf, out);
  if (leaf == 7 && subleaf < 2)
    for (int reg = 0; reg < 4; reg++) out[reg] &= ~hidden[subleaf][reg];
  regs[REG_RAX] = out[EAX];
  regs[REG_RBX] = out[EBX];
  regs[REG_RCX] = out[ECX];
  regs[REG_RDX] = out[EDX];
  regs[REG_RIP] += 2;
  (void)signal;
}

__attribute__((constructor)) static void begin(void) {
  const char *names = getenv("SLM_CPUID_HIDE");
  for (char *list = names ? strdup(names) : NULL, *name, *rest = list; list && (name = strtok_r(rest, ",", &rest));) {
    int known = 0;
    for (size_t at = 0; at < sizeof BITS / sizeof *BITS; at++)
      if (strcmp(BITS[at].name, name) == 0) {
        hidden[BITS[at].subleaf][BITS[at].reg] |= 1u << BITS[at].at;
        known = 1;
      }
    if (!known) abort();
  }
  struct sigaction action = {0};
  action.sa_sigaction = answer;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  sigaction(SIGILL, &action, NULL);
}
