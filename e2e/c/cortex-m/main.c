/* Answers the sources of problems.h on a Cortex-M4 without an operating system, and prints by semihosting the length of each answer, its tokens, and the instructions that it took. */
#include "model.h"
#include "problems.h"

extern const unsigned char model_weights[];
extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[];
static uint64_t stack[1024] __attribute__((section(".stack")));
static float arena[MODEL_ARENA_BYTES / 4] __attribute__((aligned(64)));

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYSTICK 0xe000e010u
#define SYSTICK_MOST 0xffffffu
/* QEMU's clock of this board has 25 MHz, and -icount shift=0 counts a nanosecond for an instruction. */
#define INSTRUCTIONS_PER_TICK 40u

/* Source: Arm, Semihosting for AArch32 and AArch64. */
static void semihost(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}
static void leave(int isRight) {
  semihost(0x18, (const void *)(isRight ? 0x20026 : 0x20023));
  for (;;) {}
}
static void print(int32_t number, char after) {
  char text[14], *at = text + 13;
  uint32_t left = (uint32_t)number;
  *at-- = 0;
  *at-- = after;
  do *at-- = (char)('0' + left % 10u);
  while ((left /= 10u) > 0);
  semihost(4, at + 1);
}

int main(void) {
  static int32_t answer[MODEL_MAX_TARGET];
  model_model m;
  const int32_t *problem = problems;
  if (model_open(&m, model_weights, MODEL_WEIGHTS_BYTES, arena, sizeof arena) != MODEL_OK || model_verify(&m) != MODEL_OK) return 0;
  for (; *problem > 0; problem += *problem + 1) {
    uint32_t begin = REGISTER(SYSTICK + 8);
    int length = model_answer(&m, problem + 1, *problem, answer, MODEL_MAX_TARGET), i;
    uint32_t ticks = (begin - REGISTER(SYSTICK + 8)) & SYSTICK_MOST;
    if (length < 0) return 0;
    print(length, ' ');
    for (i = 0; i < length; i++) print(answer[i], ' ');
    print((int32_t)(ticks * INSTRUCTIONS_PER_TICK), '\n');
  }
  return 1;
}

void reset(void) {
  uint32_t *from = data_load, *to;
  REGISTER(0xe000ed88u) |= 0xf00000u; /* the FPU */
  __asm__ volatile("dsb\n isb");
  for (to = data_start; to < data_end;) *to++ = *from++;
  for (to = bss_start; to < bss_end;) *to++ = 0;
  REGISTER(SYSTICK + 4) = SYSTICK_MOST;
  REGISTER(SYSTICK + 8) = 0;
  REGISTER(SYSTICK) = 5;
  leave(main());
}
static void fault(void) { leave(0); }

static const struct {
  uint64_t *stackTop;
  void (*handlers[15])(void);
} vectors __attribute__((section(".vectors"), used)) = {
    stack + 1024, {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault}};
