/*
 * Compiles ONNX files with Intel's NPU compiler, which OpenVINO ships for Windows as a library that needs no NPU: a line {"path": ...} on
 * stdin, a line {"whole": ..., "error": ...} on stdout. Runs on Linux with Wine; openvino-npu.mjs builds and starts it.
 *
 *     openvino_npu.exe PLATFORM       e.g. 4000 for the NPU of Core Ultra 200V
 */
#include <stdio.h>
#include <string.h>

#include "openvino/c/openvino.h"

enum { LONGEST = 4096 };

/* Writes a text as a JSON string: printable ASCII stays, the rest becomes spaces. */
static void write_text(const char *text) {
  putchar('"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar(*text < ' ' || *text > '~' ? ' ' : *text);
  }
  putchar('"');
}

static void answer(int status) {
  if (status == 0) {
    printf("{\"whole\": true, \"nodes\": {}}\n");
  } else {
    printf("{\"whole\": false, \"nodes\": {}, \"error\": ");
    write_text(ov_get_last_err_msg());
    printf("}\n");
  }
  fflush(stdout);
}

/* Takes the path out of {"path":"..."}; paths of the harness have neither quotes nor backslashes. */
static int path_of(char *line, char **path) {
  char *start = strstr(line, "\":\"");
  char *end = start == NULL ? NULL : strchr(start + 3, '"');
  if (end == NULL) return -1;
  *end = '\0';
  *path = start + 3;
  return 0;
}

int main(int count, char **arguments) {
  ov_core_t *core = NULL;
  if (count != 2 || ov_core_create(&core) != 0) {
    fprintf(stderr, "usage: openvino_npu PLATFORM, beside OpenVINO's libraries\n");
    return 2;
  }
  printf("{\"ready\": \"openvino_npu\"}\n");
  fflush(stdout);
  char line[LONGEST];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *path = NULL;
    ov_model_t *model = NULL;
    ov_compiled_model_t *compiled = NULL;
    if (path_of(line, &path) != 0) return 2;
    int status = ov_core_read_model(core, path, NULL, &model);
    if (status == 0)
      status = ov_core_compile_model(core, model, "NPU", 4, &compiled, "NPU_PLATFORM", arguments[1], "NPU_COMPILER_TYPE", "PLUGIN");
    answer(status);
    if (compiled != NULL) ov_compiled_model_free(compiled);
    if (model != NULL) ov_model_free(model);
  }
  return 0;
}
