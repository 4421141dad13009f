/**
 * Loads an exported model: reads and checks its files, loads its graphs on a runtime, and closes them. No other module does this.
 */
import { decoderGraph, type DeviceModel, type GraphName, graphsOf } from "@slm/exported-model";
import { resolveInside } from "@slm/core";
import type { LexicalShortlist } from "@slm/generation";
import type { CompiledForm, GraphSource, Runtime, Session } from "@slm/runtime";
import { describeModel, type ModelDescription } from "./describe-model.js";
import { loadDecoder, type GraphEdit } from "./load-decoder.js";
import { ImageEncoder, type ImageEncoderOptions } from "../images/image-encoder.js";
import { withWork } from "./run-work.js";
import { type StaticBuckets, openBuckets } from "./buckets.js";
import { readShortlist } from "./read-shortlist.js";
import { openTokenGraphs, type TokenGraphs } from "../token-graphs/token-graphs.js";

/** A model whose graphs are loaded on a runtime. The caller closes it; the runtime stays open. */
export interface ModelGraphs extends ModelDescription {
  readonly runtime: Runtime;
  /** Present only for a model with a vision tower. */
  readonly images: ImageEncoder | undefined;
  /** Present only for an encoder-decoder. */
  readonly encoder: Session | undefined;
  readonly decoder: Session;
  /**
   *
   * Runs once per batch on the encoder's outputs and replaces `lexicalBias` by its own outputs. Present only for a model with a lexical shortlist.
   */
  readonly listing: Session | undefined;
  /** Present for a model that draws tokens and finds beam candidates where the logits are (target gpu). */
  readonly tokenGraphs?: TokenGraphs | undefined;
  /** Present only for static graphs (target npu). `encoder` and `decoder` are then those for the longest source. */
  readonly buckets: StaticBuckets | undefined;
  /** The target tokens that are allowed for each source token, if static graphs leave the shortlist to the host. */
  readonly lexical?: LexicalShortlist | undefined;
  /** Releases every graph and the cached image tokens. */
  close(): Promise<void>;
}

export interface LoadGraphsOptions extends ImageEncoderOptions {
  /** Number of texts that are usually decoded together. If set, the runtime is told how much a run computes, and runs small graphs on one thread. */
  readonly batchSize?: number | undefined;
  /**
   * Edits the decoder before it is loaded. Default: on targets cpu and gpu it gets argmax outputs unless it has them, so that logits stay on the device.
   * Static decoders are loaded as exported.
   */
  readonly edit?: GraphEdit | undefined;
}

/**
 * Loads an exported, quantized or bundled model.
 *
 * Reads: `model.json`, the graphs it names, `tokenizer.json`, `tokenizer_config.json`.
 *
 * @throws SlmError as {@link describeModel}, and the errors of loading and editing a graph. Graphs that were already loaded are released.
 */
export async function loadGraphs(
  directory: string,
  runtime: Runtime,
  options: LoadGraphsOptions = {},
): Promise<ModelGraphs> {
  const description = await describeModel(directory);
  const { model } = description;
  const loader = withWork(runtime, model, options.batchSize);
  const load = (file: string): Promise<Session> => loader.load(...exportedForm(directory, model, file));
  const opened = new OpenedSessions();
  try {
    const sessions: Partial<Record<GraphName | "listing", Session>> = {};
    const { file } = decoderGraph(model);
    const decoderFile = {
      runtime: loader,
      path: resolveInside(directory, file),
      name: nameOf(model, file),
      asExported: () => load(file),
    };
    for (const { name, graph } of graphsOf(model)) {
      const loaded: Readonly<Partial<Record<GraphName | "listing", Session | undefined>>> =
        name === "decoder"
          ? await loadDecoder(model, decoderFile, options.edit)
          : { [name]: await load(graph.file) };
      for (const session of Object.values(loaded)) if (session !== undefined) opened.add(session);
      Object.assign(sessions, loaded);
    }
    const { vision, encoder, chunk, listing } = sessions;
    const decoder = sessions.decoder!; // Every model has a decoder.
    const images =
      model.vision === undefined || vision === undefined
        ? undefined
        : new ImageEncoder(model.vision, vision, options);
    const buckets = openBuckets(model, { encoder, chunk, decoder }, load);
    const tokenGraphs = openTokenGraphs(runtime, model);
    return {
      ...description,
      runtime,
      images,
      encoder,
      decoder,
      listing,
      tokenGraphs,
      buckets,
      lexical: await readShortlist(directory, model, model.static?.lexicalShortlist),
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

/** Sessions in the order in which they were loaded. */
class OpenedSessions {
  readonly #sessions: Session[] = [];

  add(...sessions: readonly Session[]): void {
    this.#sessions.push(...sessions);
  }

  /** Releases the sessions, the last one first. */
  async release(): Promise<void> {
    for (const session of this.#sessions.splice(0).reverse()) await session.release();
  }
}

const nameOf = ({ name }: DeviceModel, file: string): string => `${name}/${file}`;

/** A graph file of the model with its compiled forms, and the name of its session. */
function exportedForm(directory: string, model: DeviceModel, file: string): [GraphSource, { name: string }] {
  const pathOf = (name: string): string => resolveInside(directory, name);
  const compiled = compiledForms(model, file, pathOf);
  return [{ kind: "file", path: pathOf(file), compiled }, { name: nameOf(model, file) }];
}

/** Compiled forms of a graph. */
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
