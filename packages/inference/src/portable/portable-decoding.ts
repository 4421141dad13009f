/** Decodes with a portable form, in WebAssembly and without a runtime. */
import { readFile } from "node:fs/promises";
import { PortableModel, readPortable, type PortableProgram } from "@slm/c-export/portable";
import { readFailure, resolveInside, SlmError } from "@slm/core";
import { shortlistFile, type DeviceModel } from "@slm/exported-model";
import { answersOf, readDraftRules, type LexicalShortlist } from "@slm/generation";
import type { RuntimeDevice } from "@slm/runtime";
import type { Decoding } from "../load/decoding.js";
import { describeModel } from "../load/describe-model.js";
import { readShortlist } from "../load/read-shortlist.js";
import { draftsFor } from "../options/draft-source.js";
import { speculationPlan } from "../options/draft-tokens.js";
import { rowsPerSource } from "../options/model-limits.js";
import { decodeAlone } from "../steps/decode-alone.js";
import { PortableDecoder } from "./portable-decoder.js";

export interface PortableOptions {
  /** The WebAssembly module with the kernels: its bytes, or compiled. */
  readonly module: BufferSource | WebAssembly.Module;
  /** Why this engine was chosen, for people: "because ...". Default: the description gives no reason. */
  readonly reason?: string | undefined;
  readonly promptLookup?: number | undefined;
  readonly draftTokens?: number | undefined;
}

/**
 * Opens the portable form of a model. Sources are decoded one after the other; calls may overlap, since each has arenas of its own.
 *
 * @throws SlmError INPUT_MISSING for a missing file; DATA_INVALID for one that is corrupt or belongs to another model; USAGE for too many drafts
 */
export async function portableDecoding(
  directory: string,
  { module, reason, promptLookup, draftTokens }: PortableOptions,
): Promise<Decoding> {
  const description = await describeModel(directory);
  const { model, generation } = description;
  const speculation = speculationPlan(model, draftTokens, { own: generation.draftTokens, engine: "wasm" });
  const draftRules = speculation.tokens > 0 ? await readDraftRules(directory, model) : undefined;
  const lexical = await readShortlist(directory, model, shortlistFile(model));
  const program = await readProgram(directory, model);
  const drafting = { model, draftRules, promptLookup, byRules: speculation.tokens };
  const models = new ModelPool(await PortableModel.open(module, program));
  return {
    ...description,
    device: portableDevice(reason),
    speculation,
    together: "none",
    decode: async (batch, options) => {
      const drafts = draftsFor(drafting, batch, options, false);
      const results = [];
      for (const [row, source] of batch.entries()) {
        const started = performance.now();
        const rows = models.take(rowsPerSource(options.strategy));
        try {
          const [first] = rows;
          const isEncoded = program.encode !== undefined;
          if (isEncoded) first!.encode(source.ids);
          else first!.rewind(0);
          const prefix = isEncoded ? [] : source.ids;
          const mayAnswer = allowedTokens(program, lexical, source.ids);
          const steps = new PortableDecoder({ models: rows, prefix, mayAnswer }, drafts(source.ids));
          results.push(await decodeAlone(steps, { model, source, row, prefix, options, started }));
        } finally {
          models.giveBack(rows);
        }
      }
      return results;
    },
    close: () => Promise.resolve(),
  };
}

async function readProgram(directory: string, model: DeviceModel): Promise<PortableProgram> {
  const { name, portable: [form] = [], vocabularySize, maxTarget, architecture } = model;
  if (form === undefined)
    throw new SlmError("OP_UNSUPPORTED", `${name}: the model has no portable form`, {
      suggestions: ["--engine onnxruntime"],
    });
  const file = resolveInside(directory, form.file);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw readFailure(error, file, ["slm export CHECKPOINT --target cpu"]);
  });
  const program = await readPortable(new Uint8Array(bytes), file);
  const isEncoderDecoder = program.encode !== undefined;
  if (
    program.vocabulary === vocabularySize &&
    program.capacities.target >= maxTarget &&
    isEncoderDecoder === (architecture === "encoder-decoder")
  )
    return program;
  throw new SlmError("DATA_INVALID", `${file}: belongs to another model than model.json describes`, {
    suggestions: ["slm export CHECKPOINT --target cpu"],
  });
}

/** `[vocab]`, 0 for tokens that an answer to the source cannot have; undefined if it can have all. */
function allowedTokens(
  { answers, vocabulary }: PortableProgram,
  lexical: LexicalShortlist | undefined,
  source: readonly number[],
): Uint8Array | undefined {
  const may = lexical && answersOf(lexical, source);
  if (answers === undefined) return may;
  const both = new Uint8Array(vocabulary);
  for (const id of answers) both[id] = may?.[id] ?? 1;
  return both;
}

/** The device of portable models. @param reason continues "because ..." */
export const portableDevice = (reason?: string): RuntimeDevice => ({
  provider: "wasm",
  threads: 1,
  description: reason === undefined ? "WebAssembly" : `WebAssembly, because ${reason}`,
  simulated: false,
  fallbacks: [],
});

/** Models that share weights. A row of a decoder borrows one. */
class ModelPool {
  readonly #first: PortableModel;
  readonly #free: PortableModel[];

  constructor(first: PortableModel) {
    this.#first = first;
    this.#free = [first];
  }

  take(count: number): readonly PortableModel[] {
    return Array.from({ length: count }, () => this.#free.pop() ?? this.#first.sibling());
  }

  giveBack(models: readonly PortableModel[]): void {
    this.#free.push(...models);
  }
}
