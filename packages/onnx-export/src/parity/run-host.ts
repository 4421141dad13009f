/** Shared code of the hosts, which run graphs as generation does. */
import { GRAPH_IO } from "@slm/exported-model";
import type { ModelConfig } from "@slm/model";
import {
  createHostTensor,
  type PresentKv,
  type DeviceTensor,
  type HostTensor,
  type Runtime,
  type Session,
} from "@slm/runtime";
import type { Precision } from "@slm/devices";
import type { CaseInputs, ParityProblem } from "./parity-cases.js";

/** Exported graphs, loaded. */
interface ExportedSessions {
  readonly vision: Session | undefined;
  readonly encoder: Session | undefined;
  /** The static decoder for several tokens. */
  readonly chunk: Session | undefined;
  readonly decoder: Session;
}

export interface HostSetting {
  readonly config: ModelConfig;
  readonly runtime: Runtime;
  /** Element type of caches. bfloat16 graphs are never run. */
  readonly precision: Exclude<Precision, "bfloat16">;
  /** How a native decoder returns its caches. */
  readonly presentKv: PresentKv;
}

/** Logits `[batch, vocab]` after each run: the first run has `prefill` tokens, later runs have one. */
export type GraphHost = (
  setting: HostSetting,
  sessions: ExportedSessions,
  problem: ParityProblem,
) => Promise<readonly Float32Array[]>;

/** Columns `from` to `from + size` - 1 of an int32 matrix. */
export function columns({ shape, data }: HostTensor, from: number, size: number): HostTensor {
  const [rows = 0, width = 0] = shape;
  const part = new Int32Array(rows * size);
  for (let row = 0; row < rows; row++) {
    part.set((data as Int32Array).subarray(row * width + from, row * width + from + size), row * size);
  }
  return createHostTensor("int32", [rows, size], part);
}

/** Additional encoder inputs of a vision-language model: image tokens by name. The caller releases them. */
export async function seeImages(
  vision: Session | undefined,
  { patches }: CaseInputs,
): Promise<Readonly<Record<string, DeviceTensor>>> {
  if (vision === undefined || patches === undefined) return {};
  const feeds = { [GRAPH_IO.patches]: patches };
  return (await vision.run({ feeds, keep: [GRAPH_IO.imageTokens] })).kept;
}
