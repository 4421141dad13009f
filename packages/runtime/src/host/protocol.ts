/** The calls from the caller to the thread or process that owns ONNX Runtime. Positions and ids replace names. */
import type { ProviderSettings } from "@slm/devices";
import type { CheckedAppend, GraphSignature } from "../check-run.js";
import type { HostTensor } from "../tensors/host-tensor.js";
import type { CompiledForm, GraphSource, LoadOptions, LoopBody } from "../runtime.js";

/** Entries of ONNX Runtime's session configuration: "session.intra_op.allow_spinning" to "0". */
export type SessionSettings = Readonly<Record<string, string>>;

/** Rejects a graph instead of leaving parts of it to the CPU. Source: onnxruntime_session_options_config_keys.h. */
export const WHOLE_GRAPH: SessionSettings = { "session.disable_cpu_ep_fallback": "1" };

/**
 * Whether ONNX Runtime rejected a graph because of {@link WHOLE_GRAPH}. Its message: "fallback to CPU EP has been explicitly disabled by the user".
 */
export const isLeftToCpu = (message: string): boolean =>
  message.includes("fallback to CPU EP has been explicitly disabled");

export interface PositionalRun {
  readonly session: number;
  /** One feed per graph input, in graph order: the id of a device tensor, or a host tensor. */
  readonly feeds: readonly (number | HostTensor)[];
  /** Positions of outputs to copy back. */
  readonly fetch: readonly number[];
  /** Positions of outputs to keep, and the ids of the new tensors. */
  readonly keep: readonly number[];
  readonly keepIds: readonly number[];
  /** Positions of outputs written into existing tensors, and the ids of those. */
  readonly into: readonly number[];
  readonly intoIds: readonly number[];
  readonly append: CheckedAppend;
}

export interface PositionalResult {
  /** In the order of `fetch`. */
  readonly fetched: readonly HostTensor[];
  /** In the order of `keep`. */
  readonly kept: readonly Pick<HostTensor, "dtype" | "shape">[];
}

/** Runs that are controlled by a loop. */
export interface PositionalRepeat extends PositionalRun {
  /** Loads the loop when the first run starts. */
  readonly body: () => LoopBody | Promise<LoopBody>;
  /** Options of the loop. */
  readonly options: unknown;
  /** Nonzero: no further run begins. The channel creates it; a worker shares its memory with the caller. */
  readonly stop: Int32Array;
}

export interface RepeatedResult {
  /** In the order of `fetch`. */
  readonly fetched: readonly HostTensor[];
  /** When the run ended, since 1970 [ms]: `performance.now()` of two threads may have different origins. */
  readonly at: number;
}

/** Names and types of a loaded graph, and what was loaded. */
export interface LoadedSignature extends GraphSignature {
  /** The compiled form that was loaded instead of the portable graph. */
  readonly compiled?: CompiledForm | undefined;
}

/**
 * Every call with its request and reply. Ids are chosen by the caller's side.
 * The receiver of a tensor owns its buffer. Requests and replies never share memory with the other side.
 */
interface HostCalls {
  readonly open: {
    readonly request: {
      /** Package name for error messages. */
      readonly name: string;
      readonly threads: number;
      /** Whether graphs with little work per run get one thread. */
      readonly sparesThreads?: boolean | undefined;
      readonly providers: readonly ProviderSettings[];
      readonly settings: SessionSettings;
    };
    readonly reply: null;
  };
  readonly load: {
    readonly request: {
      readonly session: number;
      readonly name: string;
      readonly source: GraphSource;
      readonly optimization: NonNullable<LoadOptions["optimization"]>;
      readonly planMemory: boolean;
      /** Typical work of a run [FLOP]. */
      readonly work?: number | undefined;
      /** Added to the settings of all sessions. The settings that the runtime was opened with take precedence. */
      readonly settings?: SessionSettings | undefined;
    };
    readonly reply: LoadedSignature;
  };
  readonly unload: { readonly request: { readonly session: number }; readonly reply: null };
  readonly run: { readonly request: PositionalRun; readonly reply: PositionalResult };
  readonly upload: {
    readonly request: { readonly id: number; readonly tensor: HostTensor };
    readonly reply: null;
  };
  readonly download: { readonly request: { readonly id: number }; readonly reply: HostTensor };
  readonly permuteRows: {
    readonly request: { readonly id: number; readonly rows: readonly number[] };
    readonly reply: null;
  };
  readonly release: { readonly request: { readonly ids: readonly number[] }; readonly reply: null };
  readonly peakMemory: { readonly request: null; readonly reply: number };
}

export type CallName = keyof HostCalls;
export type RequestOf<Name extends CallName> = HostCalls[Name]["request"];
export type ReplyOf<Name extends CallName> = HostCalls[Name]["reply"];

/** One handler per call: a call without a handler does not compile. */
export type HostHandlers = {
  readonly [Name in CallName]: (request: RequestOf<Name>) => ReplyOf<Name> | Promise<ReplyOf<Name>>;
};

/** Answers calls and repeats runs. */
export interface Host extends HostHandlers {
  /** One run for each requested result. */
  repeat(request: PositionalRepeat): AsyncIterator<RepeatedResult, undefined>;
}

/** Runs one call against a table of handlers. */
export function dispatch<Name extends CallName>(
  handlers: HostHandlers,
  name: Name,
  request: RequestOf<Name>,
): ReplyOf<Name> | Promise<ReplyOf<Name>> {
  return handlers[name](request);
}
