/* What the test programs share: checks, memory on a boundary of 64 bytes, and the weights. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) do { if (!(condition)) { fprintf(stderr, "line %d: %s\n", __LINE__, #condition); exit(1); } } while (0)

/* From malloc, so that a sanitizer knows its end. */
static char *owned[3];
static void *aligned(int which, size_t bytes) {
  char *memory = owned[which] = malloc(bytes + 64);
  CHECK(memory != NULL);
  return memory + (64 - (uintptr_t)memory % 64) % 64;
}

static void read_weights(const char *path, void *weights, size_t bytes) {
  FILE *file = path == NULL ? NULL : fopen(path, "rb");
  CHECK(file != NULL && fread(weights, 1, bytes, file) == bytes);
  fclose(file);
}
