/** What may compute a model, and the package that opens each kind of it. */
import type { Runtime } from "@slm/runtime";
import { SlmError } from "@slm/core/errors";
import {
  NODE_RUNTIMES,
  RUNTIMES as RUNTIME_TABLE,
  nodeRuntimeOf,
  profilesOf,
  type NodeRuntime,
  type ProfileName,
  type Target,
} from "@slm/devices/table";

/** Kinds of devices that this process opens, as `--device` takes them. */
export const DEVICE_KINDS = NODE_RUNTIMES;
export type DeviceKind = NodeRuntime;

/** A device that was asked for. */
export interface DeviceChoice {
  readonly kind: DeviceKind;
  /** Profile of the target: cuda, qnn. */
  readonly profile?: ProfileName | undefined;
}

/** Options of a runtime: plain values, so that they reach another process. */
export type RuntimeOptions = Readonly<
  Record<string, string | number | boolean | Readonly<Record<string, string>>>
>;

/** What opens a kind of device. */
export interface RuntimeRecipe {
  readonly kind: DeviceKind;
  readonly options: RuntimeOptions;
}

export interface DeviceRequest {
  /** Absent: what the model was made for. */
  readonly device?: DeviceChoice | undefined;
  /** Whether another device may do the work. Default: yes, and results say so. */
  readonly fallback?: boolean | undefined;
  /** Threads one operator may use. Default: what was kept for this machine, else as many as there are processors. */
  readonly threads?: number | undefined;
  /** Whether settings of the CPU are measured anew and kept. Otherwise those kept are used, if threads are not given. */
  readonly tune?: boolean | undefined;
}

/** The CPU, whatever the models were made for. */
export function processorRecipe(threads: number | undefined): RuntimeRecipe {
  return { kind: "cpu", options: threads === undefined ? {} : { threads } };
}

/** What a model says of the device it was made for. */
export interface ModelTarget {
  readonly target: Target;
  readonly profile?: ProfileName | undefined;
}

const hasProfiles = (kind: DeviceKind): boolean => profilesOf(kind).length > 1;

/** @throws SlmError USAGE for a text that names no device. */
export function parseDevice(text: string): DeviceChoice {
  const [name, profile, ...rest] = text.split(":");
  const kind = DEVICE_KINDS.find((known) => known === name);
  if (
    kind === undefined ||
    rest.length > 0 ||
    (profile !== undefined && (profile === "" || !hasProfiles(kind)))
  ) {
    const forms = DEVICE_KINDS.map((known) => (hasProfiles(known) ? `${known}[:profile]` : known));
    throw new SlmError(
      "USAGE",
      `--device ${text}: expected ${forms.slice(0, -1).join(", ")} or ${forms.at(-1)!}`,
      {
        suggestions: ["--device cpu", "--device gpu:cuda", "--device npu:qnn"],
      },
    );
  }
  const known: readonly ProfileName[] = profilesOf(kind);
  const chosen = known.find((own) => own === profile);
  if (profile === undefined || chosen !== undefined) return { kind, profile: chosen };
  throw new SlmError("USAGE", `--device ${text}: ${kind} has the profiles ${known.join(", ")}`, {
    suggestions: known.map((name) => `--device ${kind}:${name}`),
  });
}

/** Module of every kind, for another process: a package, in the published package a file; `imports` of package.json says which. */
export const RUNTIME_MODULE = "#runtime-node";

/** Function of each kind in {@link RUNTIME_MODULE}, and the same as a call; the module is loaded only then. */
export const RUNTIMES: Readonly<
  Record<
    DeviceKind,
    {
      readonly export: string;
      readonly open: (options: RuntimeOptions) => Promise<Runtime>;
    }
  >
> = {
  cpu: {
    export: RUNTIME_TABLE.cpu.function,
    open: async (options) => (await import("@slm/runtime-node")).createCpuRuntime(options),
  },
  gpu: {
    export: RUNTIME_TABLE.gpu.function,
    open: async (options) => (await import("@slm/runtime-node")).createGpuRuntime(options),
  },
  npu: {
    export: RUNTIME_TABLE.npu.function,
    open: async (options) => (await import("@slm/runtime-node")).createNpuRuntime(options),
  },
};

/**
 * What runs models. Graphs for an NPU that are asked to run on the CPU run as a simulation and are called so: their form is
 * not the one a CPU would be given.
 *
 * @throws SlmError USAGE for models for an NPU beside others, which no single device stands for.
 */
export function runtimeRecipe(models: readonly ModelTarget[], request: DeviceRequest): RuntimeRecipe {
  const { device, fallback = true, threads } = request;
  const usual = models.map(({ target, profile }) => nodeRuntimeOf(target, profile));
  const forNpu = models.filter((_, index) => usual[index] === "npu");
  if (forNpu.length > 0 && forNpu.length < models.length) {
    throw new SlmError("USAGE", "models for an NPU run beside models for an NPU only", {
      suggestions: ["measure them in runs of their own"],
    });
  }
  const common = { ...(threads === undefined ? {} : { threads }) };
  if (forNpu.length > 0) {
    const profile = device?.profile ?? sharedProfile(forNpu);
    const options = { ...common, fallback, ...(profile === undefined ? {} : { profile }) };
    return { kind: "npu", options: device?.kind === "cpu" ? { ...options, simulate: true } : options };
  }
  const kind = device?.kind ?? (usual.includes("gpu") ? "gpu" : "cpu");
  if (kind === "cpu") return processorRecipe(threads);
  if (kind === "npu") {
    throw new SlmError("USAGE", "an NPU runs graphs that were made for it", {
      suggestions: ["slm export CHECKPOINT --target npu"],
    });
  }
  const profile = device === undefined ? sharedProfile(models) : device.profile;
  return { kind, options: { ...common, fallback, ...(profile === undefined ? {} : { profile }) } };
}

/** The profile that all models have. */
function sharedProfile(models: readonly ModelTarget[]): ProfileName | undefined {
  const profiles = new Set(models.map(({ profile }) => profile));
  return profiles.size === 1 ? [...profiles][0] : undefined;
}
