/** One-time work of a vendor's library, in a child process, because the library may end its process. */
import { NativeEnvironment } from "./environment.js";
import type { ListedDevice, NativeProvider } from "./provider.js";
import { compileGraph, type CompileRequest, type CompiledGraph } from "./compile-graph.js";

/** Every job with its request and reply. */
export interface Jobs {
  readonly devices: { readonly request: NativeProvider; readonly reply: readonly ListedDevice[] };
  readonly compile: { readonly request: CompileRequest; readonly reply: CompiledGraph };
}

export type JobName = keyof Jobs;

export const JOBS: {
  readonly [Name in JobName]: (
    request: Jobs[Name]["request"],
  ) => Jobs[Name]["reply"] | Promise<Jobs[Name]["reply"]>;
} = {
  devices: (provider) =>
    new NativeEnvironment(provider).devices.map(({ provider: name, kind, vendor, metadata }) => ({
      provider: name,
      kind,
      vendor,
      metadata,
    })),
  compile: compileGraph,
};
