/* Name i is bytes[starts[i]] to bytes[starts[i + 1] - 1]. */
typedef struct {
  const unsigned char *bytes;
  const uint32_t *starts;
  int count;
} slm_names;

/* The name that a text starts with, or -1. */
static int slm_name_at(const slm_names *names, const unsigned char *text, size_t bytes) {
  int name;
  for (name = 0; name < names->count; name++) {
    const unsigned char *own = names->bytes + names->starts[name];
    size_t length = names->starts[name + 1] - names->starts[name], same = 0;
    while (same < length && same < bytes && text[same] == own[same]) same++;
    if (same == length) return name;
  }
  return -1;
}

static int slm_has_name(const slm_names *names, const unsigned char *text, size_t bytes) {
  size_t at;
  for (at = 0; at < bytes; at++)
    if (slm_name_at(names, text + at, bytes - at) >= 0) return 1;
  return 0;
}
