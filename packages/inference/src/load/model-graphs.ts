/**
 * Loads an exported model: reads and checks its files, loads its graphs on a runtime, and closes them. The only place that does so.
 */
import { type DeviceModel, type GraphName, graphsOf, readDeviceModel } from "@slm/exported-model";
import { resolveInside, SlmError } from "@slm/core";
import {
  parseGenerationSettings,
  readDraftRules,
  type DraftRules,
  type GenerationSettings,
  type LexicalShortlist,
} from "@slm/generation";
import type { Graph } from "@slm/onnx";
import type { CompiledForm, GraphSource, Runtime, Session } from "@slm/runtime";
import { type Tokenizer, type TokenizerFiles, createTokenizer, readTokenizerFiles } from "@slm/tokenizer";
import { speculationPlan } from "../options/draft-tokens.js";
import { loadEdited } from "../graph-edits/load-edited.js";
import { loadDecoder, type DecoderFile, type GraphEdit } from "./decoder-forms.js";
import { verifyingDecoder } from "./verifying-decoder.js";
import { ImageEncoder, type ImageEncoderOptions } from "../images/image-encoder.js";
import { withWork } from "./run-work.js";
import { type StaticBuckets, openBuckets } from "./buckets.js";
import { readShortlist } from "./read-shortlist.js";
import { openTokenGraphs, type TokenGraphs } from "../token-graphs/token-graphs.js";

/** Contents of a model's directory, before any graph is loaded. */
export interface ModelDescription {
  readonly model: DeviceModel;
  readonly tokenizerFiles: TokenizerFiles;
  readonly tokenizer: Tokenizer;
  /** The model's own generation settings. */
  readonly generation: GenerationSettings;
}

/** A model whose graphs are loaded on a runtime. The caller closes it; the runtime stays open. */
export interface ModelGraphs extends ModelDescription {
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

export interface LoadGraphsOptions extends ImageEncoderOptions {
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
  /** Most drafts of the model's rules that a run verifies. Default: see {@link speculationPlan}. */
  readonly draftTokens?: number | undefined;
  /** Makes a second decoder, which verifies drafts of the model's rules. Default: there is none. */
  readonly editDrafting?: ((graph: Graph, model: DeviceModel) => Graph) | undefined;
}

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
export async function loadGraphs(
  directory: string,
  runtime: Runtime,
  options: LoadGraphsOptions = {},
): Promise<ModelGraphs> {
  const description = await describeModel(directory);
  const { model } = description;
  const { picks = true, editDrafting, draftTokens } = options;
  const { tokens } = speculationPlan(model, draftTokens, description.generation.draftTokens);
  const draftRules = tokens > 0 ? await readDraftRules(directory, model) : undefined;
  const loader = withWork(runtime, model, options.batchSize);
  const load = (file: string): Promise<Session> => loader.load(...exportedForm(directory, model, file));
  const opened = new OpenedSessions();
  try {
    const sessions: Partial<Record<GraphName | "listing", Session>> = {};
    const { file } = model.graphs.decoder;
    const decoderFile = {
      runtime: loader,
      path: resolveInside(directory, file),
      name: nameOf(model, file),
      asExported: () => load(file),
    };
    for (const { name, graph } of graphsOf(model)) {
      const loaded: Readonly<Partial<Record<GraphName | "listing", Session | undefined>>> =
        name === "decoder"
          ? await loadDecoder(model, decoderFile, { picks, edit: decoderEdit(model, options, tokens) })
          : { [name]: await load(graph.file) };
      for (const session of Object.values(loaded)) if (session !== undefined) opened.add(session);
      Object.assign(sessions, loaded);
    }
    const drafting =
      editDrafting === undefined || !verifiesAlongside(model, tokens)
        ? undefined
        : {
            session: await loadDrafting(decoderFile, (graph) => editDrafting(graph, model)),
            tokens,
          };
    if (drafting !== undefined) opened.add(drafting.session);
    const { vision, encoder, chunk, listing } = sessions;
    const decoder = sessions.decoder!; // Every model has one.
    const images =
      model.vision === undefined || vision === undefined
        ? undefined
        : new ImageEncoder(model.vision, vision, options);
    const buckets = openBuckets(model, { encoder, chunk, decoder }, load);
    const tokenGraphs = picks ? openTokenGraphs(runtime, model) : undefined;
    return {
      ...description,
      ...{ runtime, images, encoder, decoder, listing, draftRules, drafting, tokenGraphs, buckets },
      lexical: await readShortlist(directory, model),
      close: async () => {
        await tokenGraphs?.close();
        await buckets?.release();
        images?.clear();
        await opened.release();
      },
    };
  } catch (error) {
    await opened.release();
    throw error;
  }
}

/** How the decoder is changed before it is loaded: as the caller says, else to verify drafts of the model's rules where it follows them. */
function decoderEdit(
  model: DeviceModel,
  { editDecoder, picks = true }: Pick<LoadGraphsOptions, "editDecoder" | "picks">,
  draftTokens: number,
): GraphEdit | undefined {
  // A page loads graphs as they lie on its server; those of models with rules verify drafts as they are.
  const follows = picks && draftTokens > 0 && model.target !== "web";
  const edit = editDecoder ?? (follows ? verifyingDecoder : undefined);
  return edit && ((graph) => edit(graph, model));
}

/** Whether a second decoder that verifies drafts can be loaded next to the first. */
const verifiesAlongside = (model: DeviceModel, draftTokens: number): boolean =>
  draftTokens > 0 && model.target !== "web" && model.static === undefined;

const loadDrafting = ({ runtime, path, name }: DecoderFile, edit: GraphEdit): Promise<Session> =>
  loadEdited(runtime, path, edit, `${name} with drafts`);

/** Sessions in the order in which they were loaded. */
class OpenedSessions {
  readonly #sessions: Session[] = [];

  add(...sessions: readonly Session[]): void {
    this.#sessions.push(...sessions);
  }

  /** Releases them, the last one first. */
  async release(): Promise<void> {
    for (const session of this.#sessions.splice(0).reverse()) await session.release();
  }
}

const nameOf = ({ name }: DeviceModel, file: string): string => `${name}/${file}`;

/** A file of the model as it was exported, with its compiled forms, and the name of its session. */
function exportedForm(directory: string, model: DeviceModel, file: string): [GraphSource, { name: string }] {
  const pathOf = (name: string): string => resolveInside(directory, name);
  const compiled = compiledForms(model, file, pathOf);
  return [{ kind: "file", path: pathOf(file), compiled }, { name: nameOf(model, file) }];
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
