/** The devices that can run a model, and the runtime package that opens each kind. */
import type { Runtime } from "@slm/runtime";
import { SlmError } from "@slm/core/errors";
import { chooseEngine, type EngineChoice, type EngineName } from "@slm/exported-model/engine";
import {
  NODE_RUNTIMES,
  RUNTIMES as RUNTIME_TABLE,
  nodeRuntimeOf,
  profilesOf,
  type NodeRuntime,
  type ProfileName,
  type Target,
} from "@slm/devices";

/** Kinds of devices, as written in `--device`. */
export const DEVICE_KINDS = NODE_RUNTIMES;
export type DeviceKind = NodeRuntime;

/** A requested device. */
export interface DeviceChoice {
  readonly kind: DeviceKind;
  /** Profile of the target: cuda, qnn. */
  readonly profile?: ProfileName | undefined;
}

/** Options of a runtime: plain values, so that they can be sent to another process. */
export type RuntimeOptions = Readonly<Record<string, string | number | boolean>>;

/** Opens the runtime of a kind of device. */
export interface RuntimeRecipe {
  readonly kind: DeviceKind;
  readonly options: RuntimeOptions;
}

export interface DeviceRequest {
  /** What runs the model: WebAssembly, or ONNX Runtime. Default: the faster one for this model, see `chooseEngine`. */
  readonly engine?: EngineName | undefined;
  /** Default: the device that the model was exported for. */
  readonly device?: DeviceChoice | undefined;
  /** Chip to simulate. Default: the first that the model was compiled for, or the first of the profile. */
  readonly soc?: string | undefined;
  /** Whether to run on the CPU if the device is missing. Default: yes; results then name the fallback. */
  readonly fallback?: boolean | undefined;
  /** Intra-op threads. Default: one per CPU core. */
  readonly threads?: number | undefined;
}

/**
 * The engine for a model.
 *
 * @param inBatches whether many texts are answered together
 * @throws SlmError USAGE for an engine that cannot run the model
 */
export const engineFor = (
  model: Parameters<typeof chooseEngine>[0],
  { engine, device, threads }: DeviceRequest,
  inBatches = false,
): EngineChoice => chooseEngine(model, { engine, device: device?.kind, threads, inBatches });

/** The device that a model was exported for. */
export interface ModelTarget {
  readonly target: Target;
  readonly profile?: ProfileName | undefined;
  /** The chips that the model was compiled for. */
  readonly compiled?: readonly { readonly soc: string }[] | undefined;
}

const hasProfiles = (kind: DeviceKind): boolean => profilesOf(kind).length > 1;

/** @throws SlmError USAGE if the text does not name a device. */
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

/**
 * Module of each kind of device, which a child process loads. `imports` in package.json resolves it to a package here and to a file in the
 * published package.
 */
export const RUNTIME_MODULE = "#runtime-node";

/** Name of the function in {@link RUNTIME_MODULE}, and a call that loads the module lazily. */
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
 * How to open the runtime for models. NPU graphs that run on the CPU are reported as simulated, because an export for the CPU has different
 * graphs.
 *
 * @throws SlmError USAGE for NPU models together with other models, because no device runs both.
 */
export function runtimeRecipe(models: readonly ModelTarget[], request: DeviceRequest): RuntimeRecipe {
  const usual = models.map(({ target, profile }) => nodeRuntimeOf(target, profile));
  const forNpu = usual.filter((kind) => kind === "npu").length;
  if (forNpu > 0 && forNpu < models.length) {
    throw new SlmError("USAGE", "models for an NPU cannot be measured together with other models", {
      suggestions: ["measure them in separate runs"],
    });
  }
  if (forNpu > 0) return npuRecipe(models, request);
  if (request.soc !== undefined) {
    throw new SlmError("USAGE", `--soc ${request.soc}: expected a model for an NPU`, {
      suggestions: ["slm export CHECKPOINT --target npu"],
    });
  }
  const { device, fallback = true, threads } = request;
  const kind = device?.kind ?? (usual.includes("gpu") ? "gpu" : "cpu");
  if (kind === "npu") {
    throw new SlmError("USAGE", "an NPU runs only models that were exported for it", {
      suggestions: ["slm export CHECKPOINT --target npu"],
    });
  }
  if (kind === "cpu") return { kind, options: given({ threads }) };
  const profile = device === undefined ? sharedProfile(models) : device.profile;
  // A software GPU is used only if the request names it.
  const software = device === undefined && profile !== undefined ? false : undefined;
  return { kind, options: given({ threads, fallback, profile, software }) };
}

function npuRecipe(
  models: readonly ModelTarget[],
  { device, soc, fallback = true, threads }: DeviceRequest,
): RuntimeRecipe {
  const compiled = models.find((model) => model.compiled !== undefined)?.compiled?.[0]?.soc;
  const options = given({
    threads,
    fallback,
    profile: device?.profile ?? sharedProfile(models),
    soc: soc ?? compiled,
    simulate: device?.kind === "cpu" ? true : undefined,
  });
  return { kind: "npu", options };
}

/** The options that have a value. */
function given(options: Readonly<Record<string, string | number | boolean | undefined>>): RuntimeOptions {
  return Object.fromEntries(
    Object.entries(options).filter(
      (entry): entry is [string, string | number | boolean] => entry[1] !== undefined,
    ),
  );
}

/** The profile that all models share. */
function sharedProfile(models: readonly ModelTarget[]): ProfileName | undefined {
  const profiles = new Set(models.map(({ profile }) => profile));
  return profiles.size === 1 ? [...profiles][0] : undefined;
}
