/** The parts of the C text that answer: the options and the result in the header, and what kernels/search.c and its neighbours need of a model. */
import type { ModelConfig } from "@slm/model";
import type { CompiledModel } from "../compile-model.js";
import { keptFloats } from "../program/plan.js";
import { ALIGNMENT, DIGEST_BYTES } from "../weights/pack.js";

/** Further end tokens of an answer. */
const MOST_ENDS = 8;
/** Bytes of a beam for each position of an answer, and for its candidates; kernels/beams.c checks that they are enough. */
const NODE_BYTES = 8;
const BEAM_BYTES = 512;

/** Declarations, and the sizes that a caller needs. */
export function searchHeader(name: string, model: CompiledModel): string {
  const upper = name.toUpperCase();
  const { state } = model.program;
  return `/* Working memory of one text with beam search. */
#define ${upper}_ARENA_BYTES_FOR(beams) (${upper}_ARENA_BYTES + ((size_t)(beams) - 1) * ${state.size * 4} + (size_t)(beams) * ${searchBytes(model)})
/* Working memory of ${name}_answer_batch with so many texts at a time. */
#define ${upper}_ARENA_BYTES_FOR_BATCH(texts) (${upper}_ARENA_BYTES + ((size_t)(texts) - 1) * ${keptFloats(model.program) * 4})

enum { ${upper}_BAD_OPTIONS = -9, ${upper}_BAD_LOGITS = -10 };
/* Why an answer ends: an end token, \`receive\`, or the limit of tokens. */
enum { ${upper}_END = 1, ${upper}_STOPPED, ${upper}_LIMIT };
enum { ${upper}_EARLY = 1, ${upper}_NEVER };

/* How an answer is chosen. Zeros: greedily, as many tokens as fit. */
typedef struct {
  /* Most tokens, EOS included. 0: as many as fit. */
  int maxTokens;
  /* Sampling: divides the logits. 0: the most probable token. The same seed draws the same tokens. */
  double temperature;
  uint32_t seed;
  /* Draw among this many tokens, among the fewest with this probability, among those with this share of the highest probability. 0: all. */
  int topK;
  double topP, minP;
  /* Beam search, in an arena of ${upper}_ARENA_BYTES_FOR(beams). Hypotheses score log-probability / length^lengthPenalty. 0 and 1: none. */
  int beams;
  double lengthPenalty;
  /* With as many complete hypotheses as beams, ${upper}_EARLY stops, and ${upper}_NEVER goes on while another one can win. 0: the usual rule. */
  int earlyStopping;
  /* Tokens that end an answer, in addition to EOS; at most ${MOST_ENDS}. */
  const int32_t *ends;
  int endCount;
  /* Changes the logits [${upper}_VOCABULARY] of the next token, with beams their log-probabilities. -INFINITY forbids a token. NULL: none. */
  void (*change)(void *context, const int32_t *answer, int length, float *scores);
  /* Receives the tokens of the answer one by one, with beams at the end. Nonzero ends the answer. NULL: none. */
  int (*receive)(void *context, int32_t token);
  void *context;
} ${name}_options;

typedef struct {
  /* ${upper}_END, ${upper}_STOPPED or ${upper}_LIMIT. */
  int reason;
  /* The token that ended it; -1: none. */
  int32_t end;
  /* Runs of the decoder. */
  int steps;
  /* Of the tokens and of the end token, under the model itself [nats]; and the probability, 0 to 1. */
  double logProbability, confidence;
} ${name}_result;

/* A source of ${name}_answer_batch, and room for its answer. */
typedef struct {
  const int32_t *source;
  int count;
  int32_t *answer;
  int capacity;
  /* Is set to how many tokens the answer has, or to a negative code. */
  int length;
} ${name}_request;

/* Reads all weights, and compares their SHA-256 with the one of the export. ${name}_open reads only their first bytes. @returns ${upper}_OK or ${upper}_BAD_WEIGHTS */
int ${name}_verify(const ${name}_model *model);
/*
 * Answers greedily: until EOS or \`capacity\` tokens. Writes the answer without BOS and EOS.
 * @returns how many tokens it has, or a negative code
 */
int ${name}_answer(${name}_model *model, const int32_t *source, int count, int32_t *answer, int capacity);
/*
 * Answers as the options say. Without options it is ${name}_answer; without a result nothing is measured, which saves time.
 * ${upper}_BAD_OPTIONS: an option is out of range, or the arena is too small for the beams. ${upper}_BAD_LOGITS: logits are not finite, or
 * \`change\` forbids every token.
 */
int ${name}_answer_with(${name}_model *model, const int32_t *source, int count, const ${name}_options *options, int32_t *answer, int capacity, ${name}_result *result);
/*
 * Answers all sources greedily. Texts share the steps of the decoder, at most 16 at a time: as many as the arena has room for. When an answer
 * ends, the next source takes its place.
 */
void ${name}_answer_batch(${name}_model *model, ${name}_request *requests, int count);
`;
}

/** @param search text of the files that \`readSearch\` reads */
export function searchSource(
  name: string,
  config: ModelConfig,
  model: CompiledModel,
  search: string,
): string {
  const upper = name.toUpperCase();
  const { program } = model;
  const isEncoderDecoder = config.architecture === "encoder-decoder";
  const same = [
    "OK",
    "BAD_TOKEN",
    "BAD_OPTIONS",
    "BAD_LOGITS",
    "EOS",
    "VOCABULARY",
    "MAX_FRESH",
    "MAX_WANTED",
  ];
  const constants: Readonly<Record<string, string | number>> = {
    ...Object.fromEntries([...same, "EARLY", "NEVER"].map((key) => [key, `${upper}_${key}`])),
    ROOM: program.capacities.target,
    MAX_ENDS: MOST_ENDS,
    SEARCH_BYTES: searchBytes(model),
    STATE_FLOATS: program.state.size,
    ARENA_FLOATS: program.arena, // The caches of further beams follow the arena.
    HAS_ENCODER: isEncoderDecoder ? 1 : 0,
    "LOGITS(m)": `((m)->arena + ${program.logits})`,
  };
  const defines = Object.entries(constants).map(([key, value]) => `#define SLM_${key} ${value}\n`);
  return `
${defines.join("")}#define slm_step ${name}_step
typedef ${name}_model slm_model;
typedef ${name}_text slm_text;
typedef ${name}_request slm_request;
typedef ${name}_options slm_options;
typedef ${name}_result slm_result;

/* Reads the source. @returns ${upper}_OK with the first token that a step reads, or a negative code */
static int slm_start(slm_model *m, const int32_t *source, int count, int32_t *token) {
${isEncoderDecoder ? encoderStart(name, upper) : promptStart(name, upper)}
}

${search}
int ${name}_verify(const ${name}_model *m) {
  return slm_has_digest(m->weights + ${ALIGNMENT}, ${upper}_WEIGHTS_BYTES - ${ALIGNMENT}, m->weights, ${DIGEST_BYTES}) ? ${upper}_OK : ${upper}_BAD_WEIGHTS;
}
int ${name}_answer(${name}_model *m, const int32_t *source, int count, int32_t *answer, int capacity) {
  return slm_answer(m, source, count, NULL, answer, capacity, NULL);
}
int ${name}_answer_with(${name}_model *m, const int32_t *source, int count, const ${name}_options *options, int32_t *answer, int capacity, ${name}_result *result) {
  return slm_answer(m, source, count, options, answer, capacity, result);
}
void ${name}_answer_batch(${name}_model *m, ${name}_request *requests, int count) {
  slm_answer_batch(m, requests, count);
}
`;
}

const searchBytes = ({ program }: CompiledModel): number =>
  Math.ceil((NODE_BYTES * program.capacities.target + BEAM_BYTES) / 64) * 64;

const encoderStart = (name: string, upper: string): string => `  *token = ${upper}_BOS;
  return ${name}_encode(m, source, count);`;

const promptStart = (name: string, upper: string): string => `  int i;
  m->text.past = 0;
  if (count < 1 || count > ${upper}_MAX_SOURCE) return ${upper}_TOO_LONG;
  if (!are_tokens(source, count, ${upper}_VOCABULARY)) return ${upper}_BAD_TOKEN;
  for (i = 0; i + 1 < count; i += ${upper}_MAX_FRESH)
    if (${name}_step(m, source + i, count - 1 - i < ${upper}_MAX_FRESH ? count - 1 - i : ${upper}_MAX_FRESH, 1) == NULL) return ${upper}_BAD_TOKEN;
  *token = source[count - 1];
  return ${upper}_OK;`;
