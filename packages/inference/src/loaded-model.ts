/**
 * Loads an exported model: reads and checks its files, loads its graphs on a runtime, and closes them. The only place that does so.
 */
import {
  type DeviceModel,
  type GraphName,
  graphsOf,
  readDeviceModel,
  readDraftRules,
} from "@slm/exported-model";
import { resolveInside, SlmError } from "@slm/core";
import { parseGenerationSettings, type GenerationSettings, type LexicalShortlist } from "@slm/decoding";
import type { Graph } from "@slm/onnx";
import type { CompiledForm, DraftRules, Runtime, Session } from "@slm/runtime";
import { type Tokenizer, type TokenizerFiles, createTokenizer, readTokenizerFiles } from "@slm/tokenizer";
import { draftPlan } from "./draft-tokens.js";
import { loadEdited, loadListed, loadPicking, type SteppingDecoder } from "./graph-edits/load-edited.js";
import { verifyingDecoder } from "./graph-edits/verifying-decoder.js";
import { ImageEncoder, type ImageEncoderOptions } from "./image-encoder.js";
import { withWork } from "./run-work.js";
import { type StaticBuckets, openBuckets } from "./static/buckets.js";
import { readShortlist } from "./static/read-shortlist.js";
import { openTokenGraphs, type TokenGraphs } from "./token-graphs/token-graphs.js";

/** Contents of a model's directory, before any graph is loaded. */
export interface ModelDescription {
  readonly model: DeviceModel;
  readonly tokenizerFiles: TokenizerFiles;
  readonly tokenizer: Tokenizer;
  /** The model's own generation settings. */
  readonly generation: GenerationSettings;
}

/** A model whose graphs are loaded on a runtime. The caller closes it; the runtime stays open. */
export interface LoadedModel extends ModelDescription {
  readonly runtime: Runtime;
  /** Present exactly for a model with a vision tower. */
  readonly images: ImageEncoder | undefined;
  /** Present exactly for an encoder-decoder. */
  readonly encoder: Session | undefined;
  readonly decoder: Session;
  /**
   * Run over the encoder's outputs of a batch, whose `lexicalBias` it takes: the decoder is fed its outputs in place of that. Present only for
   * a model with a lexical shortlist.
   */
  readonly listing: Session | undefined;
  /** A second decoder, which verifies drafts, and how many; only if it was asked for and the model has some to verify. */
  readonly drafting: DraftingDecoder | undefined;
  /** What probably comes next in an answer; only for a model that knows, and where drafts are verified. */
  readonly draftRules: DraftRules | undefined;
  /** Present for a model that draws tokens and finds candidates of beams where its logits lie (target gpu). */
  readonly tokenGraphs?: TokenGraphs | undefined;
  /** Present exactly for static graphs (target npu); `encoder` and `decoder` are then those of the longest source. */
  readonly buckets: StaticBuckets | undefined;
  /** Which tokens may answer which source, where graphs of fixed sizes leave that to the host. */
  readonly lexical?: LexicalShortlist | undefined;
  /** Releases every graph and the cached image tokens. */
  close(): Promise<void>;
}

interface DraftingDecoder {
  readonly session: Session;
  /** Most draft tokens of a run. */
  readonly tokens: number;
}

export interface LoadModelOptions extends ImageEncoderOptions {
  /** Texts that are usually decoded together. Given, the runtime is told how much a run computes: it may compute little on one thread. */
  readonly batchSize?: number | undefined;
  /**
   * Changes a decoder of dynamic sizes before it is loaded; static ones are loaded as exported.
   * Default: on targets cpu and gpu argmax outputs are added, unless it has them, of every position for a model whose draft rules are followed;
   * on other targets it is loaded as exported.
   */
  readonly editDecoder?: ((graph: Graph, model: DeviceModel) => Graph) | undefined;
  /** Whether a decoder may pick tokens where it runs, so that logits need not leave it. Default: on targets cpu and gpu it does. */
  readonly picks?: boolean | undefined;
  /** Most drafts of the model's rules that a run verifies. Default: see {@link draftPlan}. */
  readonly draftTokens?: number | undefined;
  /** Makes a second decoder, which verifies drafts of the model's rules. Default: there is none. */
  readonly editDrafting?: ((graph: Graph, model: DeviceModel) => Graph) | undefined;
}

/**
 * Targets whose decoders get argmax outputs: on a CPU a step is faster so, and from a GPU a token crosses instead of a row of logits. Decoders
 * of NPUs have static shapes, and a page loads graphs as they lie on its server.
 */
const PICKING_TARGETS: ReadonlySet<DeviceModel["target"]> = new Set(["cpu", "gpu"]);

/**
 * Reads `model.json` and the tokenizer, and checks that they match.
 *
 * @throws SlmError INPUT_MISSING for a missing file, DATA_INVALID for files that contradict each other.
 */
export async function describeModel(directory: string): Promise<ModelDescription> {
  const model = await readDeviceModel(directory);
  const tokenizerFiles = await readTokenizerFiles(directory);
  const tokenizer = createTokenizer(tokenizerFiles);
  if (tokenizer.vocabularySize > model.vocabularySize) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: the tokenizer has ${tokenizer.vocabularySize} tokens, the model only ${model.vocabularySize}`,
    );
  }
  const needsEncoder = model.architecture === "encoder-decoder";
  if (needsEncoder !== (model.graphs.encoder !== undefined)) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: ${model.architecture} ${needsEncoder ? "needs an" : "has no"} encoder graph`,
    );
  }
  const generation = parseGenerationSettings(model.generation ?? {}, `${directory}: model.json: generation`);
  return { model, tokenizerFiles, tokenizer, generation };
}

/**
 * Loads an exported, quantized or bundled model.
 *
 * Reads: `model.json`, the graphs it names, `tokenizer.json`, `tokenizer_config.json`.
 *
 * @throws SlmError as {@link describeModel}, and what loading and editing a graph throws. Graphs that were already loaded are released.
 */
export async function loadModel(
  directory: string,
  runtime: Runtime,
  options: LoadModelOptions = {},
): Promise<LoadedModel> {
  const description = await describeModel(directory);
  const { model } = description;
  const loader = withWork(runtime, model, options.batchSize);
  const { editDrafting, picks = true } = options;
  const drafts = draftPlan(model, options.draftTokens, description.generation.draftTokens);
  const isEdited = picks && drafts.tokens > 0 && model.target !== "web";
  const editDecoder = options.editDecoder ?? (isEdited ? verifyingDecoder : undefined);
  const draftRules = drafts.tokens > 0 ? await readDraftRules(directory, model) : undefined;
  const pathOf = (file: string): string => resolveInside(directory, file);
  const nameOf = (file: string): string => `${model.name}/${file}`;
  const load = (file: string): Promise<Session> =>
    loader.load(
      { kind: "file", path: pathOf(file), compiled: compiledForms(model, file, pathOf) },
      { name: nameOf(file) },
    );
  const isListed = picks && model.lexicalShortlist === true && model.target === "cpu";
  const loadDecoder = async (file: string): Promise<SteppingDecoder> => {
    if (editDecoder !== undefined && model.static === undefined) {
      const edit = (graph: Graph): Graph => editDecoder(graph, model);
      if (isListed) return loadListed(loader, pathOf(file), nameOf(file), edit);
      return { decoder: await loadEdited(loader, pathOf(file), edit, nameOf(file)) };
    }
    if (!picks || !PICKING_TARGETS.has(model.target)) return { decoder: await load(file) };
    if (isListed) return loadListed(loader, pathOf(file), nameOf(file));
    return { decoder: await loadPicking(loader, pathOf(file), nameOf(file)) };
  };
  const sessions: Partial<Record<GraphName | "drafting" | "listing", Session>> = {};
  try {
    for (const { name, graph } of graphsOf(model)) {
      if (name === "decoder") Object.assign(sessions, await loadDecoder(graph.file));
      else sessions[name] = await load(graph.file);
    }
    const isVerified = drafts.tokens > 0 && model.target !== "web" && model.static === undefined;
    if (editDrafting !== undefined && isVerified) {
      const { file } = model.graphs.decoder;
      const edit = (graph: Graph): Graph => editDrafting(graph, model);
      sessions.drafting = await loadEdited(loader, pathOf(file), edit, `${nameOf(file)} with drafts`);
    }
  } catch (error) {
    for (const session of Object.values(sessions)) await session.release();
    throw error;
  }
  const { vision, encoder, chunk, listing, drafting } = sessions;
  const decoder = sessions.decoder!; // Every model has one.
  const images =
    model.vision === undefined || vision === undefined
      ? undefined
      : new ImageEncoder(model.vision, vision, options);
  const lexical = await readShortlist(directory, model);
  const buckets = openBuckets(model, { encoder, chunk, decoder }, load);
  const tokenGraphs = picks ? openTokenGraphs(runtime, model) : undefined;
  return {
    ...description,
    runtime,
    images,
    encoder,
    decoder,
    listing,
    draftRules,
    drafting: drafting && { session: drafting, tokens: drafts.tokens },
    tokenGraphs,
    buckets,
    lexical,
    close: async () => {
      await tokenGraphs?.close();
      await buckets?.release();
      await decoder.release();
      await listing?.release();
      await drafting?.release();
      await chunk?.release();
      await encoder?.release();
      await images?.release();
    },
  };
}

/** Forms of a graph that vendors' compilers made. */
function compiledForms(
  { compiled = [] }: DeviceModel,
  file: string,
  pathOf: (file: string) => string,
): readonly CompiledForm[] {
  return compiled.flatMap(({ soc, plugin, graphs }) => {
    const form = graphs[file];
    return form === undefined ? [] : [{ soc, plugin, path: pathOf(form.file) }];
  });
}
