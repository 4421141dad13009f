/** Runs programs op by op on a tfjs backend. The compiled engine is compared with it. */
import { SlmError } from "@slm/core";
import {
  appendPositions,
  createHostTensor,
  elementCount,
  type DeviceTensor,
  type HostTensor,
  type RunRequest,
  type RunResult,
} from "@slm/runtime";
import { tf, type Tensor } from "../recording/tf.js";
import type { Engine, ProgramDefinition } from "./program.js";

const BACKENDS = { js: "cpu", tensorflow: "tensorflow" } as const;
export type EagerEngineName = keyof typeof BACKENDS;

/** Package of the tensorflow engine. It is not a dependency, because its installation downloads libtensorflow. */
const TENSORFLOW_PACKAGE: string = "@tensorflow/tfjs-node";

/**
 * The engine `js` (pure JavaScript, always available) or `tensorflow` (needs tfjs-node).
 *
 * @throws SlmError DEVICE_UNAVAILABLE when tfjs-node is not installed.
 */
export async function createEagerEngine(name: EagerEngineName): Promise<Engine> {
  if (name === "tensorflow") await loadTensorflow();
  return new EagerEngine(name);
}

async function loadTensorflow(): Promise<void> {
  try {
    await import(TENSORFLOW_PACKAGE);
  } catch (cause) {
    throw new SlmError(
      "DEVICE_UNAVAILABLE",
      `engine tensorflow: ${TENSORFLOW_PACKAGE} is not installed or cannot be loaded`,
      {
        suggestions: [`npm install --no-save ${TENSORFLOW_PACKAGE}@4.22.0`, "use --engine onnx"],
        cause,
      },
    );
  }
}

const isDevice = (value: HostTensor | DeviceTensor): value is DeviceTensor => "id" in value;

/** Ids are unique in the process, so an engine does not know the tensors of another engine. */
let lastId = 0;

class EagerEngine implements Engine {
  readonly name: EagerEngineName;
  private readonly tensors = new Map<number, HostTensor>();

  constructor(name: EagerEngineName) {
    this.name = name;
  }

  compile(definition: ProgramDefinition): ReturnType<Engine["compile"]> {
    const { precision = "float32" } = definition;
    if (precision !== "float32")
      throw new SlmError(
        "CONFIG_INVALID",
        `mixedPrecision: engine ${this.name} computes float32, got ${precision}`,
        {
          suggestions: ["--engine onnx"],
        },
      );
    return Promise.resolve({
      name: definition.name,
      run: (request) => this.run(definition, request),
      release: () => Promise.resolve(),
    });
  }

  private async run(definition: ProgramDefinition, request: RunRequest): Promise<RunResult> {
    await tf.setBackend(BACKENDS[this.name]);
    const wanted = new Set([
      ...(request.fetch ?? []),
      ...(request.keep ?? []),
      ...Object.keys(request.into ?? {}),
      ...Object.keys(request.append?.outputs ?? {}),
    ]);
    const results = new Map<string, HostTensor>();
    tf.tidy(() => {
      const outputs = definition.build(this.feed(definition, request));
      for (const name of wanted) {
        const tensor = outputs[name];
        if (tensor === undefined) throw new SlmError("UNEXPECTED", `${definition.name}: no output '${name}'`);
        results.set(name, toHost(tensor));
      }
    });
    const fetched: Record<string, HostTensor> = {};
    const kept: Record<string, DeviceTensor> = {};
    for (const name of request.fetch ?? []) fetched[name] = results.get(name)!;
    for (const name of request.keep ?? []) kept[name] = this.store(results.get(name)!);
    for (const [name, target] of Object.entries(request.into ?? {}))
      this.overwrite(target, results.get(name)!);
    const { at = [], outputs = {} } = request.append ?? {};
    for (const [name, target] of Object.entries(outputs))
      appendPositions(`engine ${this.name}`, this.find(target), results.get(name)!, at);
    return { fetched, kept };
  }

  private feed(definition: ProgramDefinition, { feeds }: RunRequest): Record<string, Tensor> {
    const unknown = Object.keys(feeds).find((name) => !Object.hasOwn(definition.inputs, name));
    if (unknown !== undefined) {
      throw new SlmError("SHAPE_MISMATCH", `${definition.name}: no input '${unknown}'`);
    }
    const inputs: Record<string, Tensor> = {};
    for (const [name, { dtype, shape }] of Object.entries(definition.inputs)) {
      const value = feeds[name];
      if (value === undefined)
        throw new SlmError("SHAPE_MISMATCH", `${definition.name}: input '${name}' is missing`);
      const host = isDevice(value) ? this.find(value) : value;
      if (host.dtype !== dtype || host.shape.join() !== shape.join()) {
        throw new SlmError(
          "SHAPE_MISMATCH",
          `${definition.name}: input '${name}' should be ${dtype}[${shape.join(",")}], got ${host.dtype}[${host.shape.join(",")}]`,
        );
      }
      inputs[name] = tf.tensor(host.data as Float32Array | Int32Array, [...shape], dtype);
    }
    return inputs;
  }

  private find(tensor: DeviceTensor): HostTensor {
    const found = this.tensors.get(tensor.id);
    if (found === undefined)
      throw new SlmError("UNEXPECTED", `tensor ${tensor.id} was released or belongs to another engine`);
    return found;
  }

  private store(tensor: HostTensor): DeviceTensor {
    const id = ++lastId;
    this.tensors.set(id, { ...tensor, data: tensor.data.slice() });
    return { id, dtype: tensor.dtype, shape: tensor.shape };
  }

  private overwrite(target: DeviceTensor, source: HostTensor): void {
    const held = this.find(target);
    if (held.dtype !== source.dtype || held.shape.join() !== source.shape.join()) {
      throw new SlmError(
        "SHAPE_MISMATCH",
        `cannot write [${source.shape.join(",")}] into [${held.shape.join(",")}]`,
      );
    }
    this.tensors.set(target.id, { ...held, data: source.data.slice() });
  }

  upload(tensor: HostTensor): Promise<DeviceTensor> {
    return Promise.resolve(this.store(tensor));
  }
  download(tensor: DeviceTensor): Promise<HostTensor> {
    const held = this.find(tensor);
    return Promise.resolve({ ...held, data: held.data.slice() });
  }
  permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void> {
    const held = this.find(target);
    const count = held.shape[0] ?? 0;
    if (rows.length !== count || !rows.every((row) => Number.isInteger(row) && row >= 0 && row < count)) {
      throw new SlmError(
        "SHAPE_MISMATCH",
        `engine ${this.name}: ${count} rows below ${count} expected, got [${rows.join(",")}]`,
      );
    }
    const size = elementCount(held.shape.slice(1));
    const old = held.data;
    const data = old.slice();
    rows.forEach((row, index) => {
      data.set(old.subarray(row * size, (row + 1) * size) as never, index * size);
    });
    this.tensors.set(target.id, { ...held, data });
    return Promise.resolve();
  }
  release(tensors: readonly DeviceTensor[]): Promise<void> {
    for (const { id } of tensors) this.tensors.delete(id);
    return Promise.resolve();
  }
  close(): Promise<void> {
    this.tensors.clear();
    return Promise.resolve();
  }
}

function toHost(tensor: Tensor): HostTensor {
  const values = tensor.dataSync();
  if (tensor.dtype === "int32") return createHostTensor("int32", tensor.shape, Int32Array.from(values));
  return createHostTensor("float32", tensor.shape, Float32Array.from(values));
}
