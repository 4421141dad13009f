/**
 *
 * A simulated device with its own memory: ONNX Runtime's CPU allocator, labelled as device memory in its `OrtMemoryInfo`. Only `CopyTensors` is
 * replaced. ONNX Runtime 1.30 copies with functions of the device's plug-in and has none for the CPU: `CopyTensors` then fails with "Data transfer
 * implementation between source and destination device was not found".
 */
import { DirectChannel, HostRuntime } from "@slm/runtime/host";
import { NativeEnvironment } from "./environment.js";
import { NativeHost } from "./native-host.js";
import { OrtApi, memoryAt, type CValue, type Pointer } from "../ort/api.js";

/** How a copy changes a byte. */
export type Transfer = (byte: number) => number;

const plainTransfer: Transfer = (byte) => byte;

/** Copying to the device and back restores the byte. A device's byte that is read without a copy is wrong. */
export const invertingTransfer: Transfer = (byte) => byte ^ 255;

/** ONNX Runtime's interface with its own `CopyTensors`. */
export class CopyingApi extends OrtApi {
  /** Number of tensors copied. */
  copies = 0;
  /** Total bytes of the copied tensors. */
  copiedBytes = 0;
  readonly #transfer: Transfer;

  constructor(transfer: Transfer) {
    super();
    this.#transfer = transfer;
  }

  override call(name: Parameters<OrtApi["call"]>[0], ...args: readonly CValue[]): void {
    if (name !== "CopyTensors") {
      super.call(name, ...args);
      return;
    }
    const [, sources, targets] = args as readonly [Pointer, readonly Pointer[], readonly Pointer[]];
    sources.forEach((source, at) => {
      this.copies++;
      this.copiedBytes += this.#bytesOf(source).length;
      this.#bytesOf(targets[at]!).set(this.#bytesOf(source).map(this.#transfer));
    });
  }

  #bytesOf(value: Pointer): Uint8Array {
    const bytes = this.number("GetTensorSizeInBytes", value);
    return memoryAt(this.pointer("GetTensorMutableData", value), bytes);
  }
}

/** ONNX Runtime on the CPU, with kept tensors in the memory of the simulated device. */
export class DeviceMemoryEnvironment extends NativeEnvironment {
  constructor(api: CopyingApi) {
    super(undefined, api);
  }

  override deviceMemory(): Pointer {
    return cpuMemory(this.api);
  }
}

/** A runtime with kept tensors in the memory of the simulated device, and a counter of its copies. */
export async function openDeviceRuntime(): Promise<{
  readonly runtime: HostRuntime;
  readonly api: CopyingApi;
}> {
  const api = new CopyingApi(plainTransfer);
  const channel = new DirectChannel(new NativeHost({}, () => new DeviceMemoryEnvironment(api)));
  await channel.call("open", { name: "test", threads: 1, providers: [], settings: {} });
  const device = { provider: "cpu", threads: 1, description: "test", simulated: false, fallbacks: [] };
  return { runtime: new HostRuntime(channel, { name: "test", device }), api };
}

/** `OrtMemoryInfo` of the CPU. Source: enum OrtAllocatorType, OrtDeviceAllocator; enum OrtMemType, OrtMemTypeDefault. */
const cpuMemory = (api: OrtApi): Pointer => api.pointer("CreateCpuMemoryInfo", 0, 0);
