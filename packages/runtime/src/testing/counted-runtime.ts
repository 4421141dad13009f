/** A runtime that counts the bytes copied between host and device, according to the interface. */
import type { HostTensor } from "../tensors/host-tensor.js";
import type { DeviceTensor, RepeatRequest, RunRequest, Runtime, Session } from "../runtime.js";
import { repeatRuns } from "../repeat-runs.js";
import { withLoad } from "../with-load.js";

/** Bytes copied so far. */
export interface Traffic {
  toDevice: number;
  toHost: number;
}

export interface CountedRuntime {
  readonly runtime: Runtime;
  readonly traffic: Traffic;
}

/** Bytes of a row number. */
const ROW_NUMBER = 4;

const bytesOf = ({ data }: HostTensor): number => data.byteLength;
const isHost = (tensor: HostTensor | DeviceTensor): tensor is HostTensor => "data" in tensor;
const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

/**
 * The same runtime with counters. They count fed host tensors, fetched outputs, uploads, writes, downloads and the row numbers of permutations. They
 * do not count data that stays on the device (weights, `keep`, `into`), internal copies of the runtime, or loading.
 */
export function countedRuntime(runtime: Runtime): CountedRuntime {
  const traffic: Traffic = { toDevice: 0, toHost: 0 };
  const feed = (tensors: readonly (HostTensor | DeviceTensor)[]): void => {
    traffic.toDevice += sum(tensors.filter(isHost).map(bytesOf));
  };
  const fetched = (tensors: Readonly<Record<string, HostTensor>>): void => {
    traffic.toHost += sum(Object.values(tensors).map(bytesOf));
  };
  const sessionOf = (session: Session): Session => ({
    ...session,
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: async (request: RunRequest) => {
      feed(Object.values(request.feeds));
      const result = await session.run(request);
      fetched(result.fetched);
      return result;
    },
    // One by one, so that each is counted.
    repeat(request: RepeatRequest) {
      return repeatRuns(this, request);
    },
    release: () => session.release(),
  });
  const counted: Runtime = {
    ...withLoad(runtime, async (source, options) => sessionOf(await runtime.load(source, options))),
    upload: (tensor) => {
      feed([tensor]);
      return runtime.upload(tensor);
    },
    permuteRows: (target, rows) => {
      traffic.toDevice += rows.length * ROW_NUMBER;
      return runtime.permuteRows(target, rows);
    },
    download: async (tensor) => {
      const result = await runtime.download(tensor);
      fetched({ result });
      return result;
    },
  };
  return { runtime: counted, traffic };
}
