/** Tensors in native memory: host memory, or device memory if the provider has its own. */
import { DTYPES, elementCount, type DType, type HostTensor } from "@slm/runtime";
import { SlmError } from "@slm/core";
import { memoryAt, type OrtApi, type Pointer } from "../ort/api.js";
import { elementTypeName, elementTypeNumber } from "../ort/element-types.js";

/** A tensor in native memory. */
export interface NativeTensor {
  /** Its `OrtValue`. */
  readonly value: Pointer;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Its bytes, if they are in host memory. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
}

/** Source: enum OrtAllocatorType, OrtDeviceAllocator; enum OrtMemType, OrtMemTypeDefault. */
const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;

export class NativeTensors {
  readonly #api: OrtApi;
  readonly #environment: Pointer;
  readonly #hostAllocator: Pointer;
  readonly #deviceAllocator: Pointer;
  /** `OrtMemoryInfo` of host memory, for outputs. */
  readonly hostMemory: Pointer;
  /** The same for device memory; for host memory if the device has none of its own. */
  readonly keptMemory: Pointer;

  /** @param deviceMemory `OrtMemoryInfo` of the device's memory; 0: none */
  constructor(api: OrtApi, environment: Pointer, deviceMemory: Pointer) {
    this.#api = api;
    this.#environment = environment;
    this.#hostAllocator = api.pointer("GetAllocatorWithDefaultOptions");
    this.#deviceAllocator =
      deviceMemory === 0n ? 0n : api.pointer("GetSharedAllocator", environment, deviceMemory);
    this.hostMemory = api.pointer("CreateCpuMemoryInfo", DEVICE_ALLOCATOR, DEFAULT_MEMORY);
    this.keptMemory = this.#deviceAllocator === 0n ? this.hostMemory : deviceMemory;
  }

  /** Whether kept tensors are in memory that only the device can read. */
  get hasDeviceMemory(): boolean {
    return this.#deviceAllocator !== 0n;
  }

  /** Copies a host tensor to host memory, as the input of one run. */
  feed(tensor: HostTensor): NativeTensor {
    const made = this.#make(this.#hostAllocator, tensor);
    made.bytes!.set(bytesOf(tensor));
    return made;
  }

  /** Copies a host tensor to the memory for kept tensors. */
  upload(tensor: HostTensor): NativeTensor {
    if (!this.hasDeviceMemory) return this.feed(tensor);
    const { value, dtype, shape } = this.#make(this.#deviceAllocator, tensor);
    const made = { value, dtype, shape, bytes: undefined };
    this.write(made, bytesOf(tensor));
    return made;
  }

  /** Wraps the output of a run, an `OrtValue`. @param isHost whether it is in host memory */
  adopt(name: string, value: Pointer, isHost: boolean): NativeTensor {
    const { dtype, shape } = this.#describe(name, value);
    return { value, dtype, shape, bytes: isHost ? this.#memoryOf(value) : undefined };
  }

  /** Copies a tensor to JavaScript memory. */
  download(tensor: NativeTensor): HostTensor {
    const { dtype, shape } = tensor;
    const copy = this.#read(tensor).slice();
    return { dtype, shape, data: new DTYPES[dtype](copy.buffer, 0, elementCount(shape)) };
  }

  /** Overwrites a tensor. @param bytes exactly as many as it has */
  write(tensor: NativeTensor, bytes: Uint8Array): void {
    if (tensor.bytes !== undefined) {
      tensor.bytes.set(bytes);
      return;
    }
    const staged = this.#make(this.#hostAllocator, tensor);
    staged.bytes!.set(bytes);
    this.#copy(staged.value, tensor.value);
    this.release(staged);
  }

  release({ value }: Pick<NativeTensor, "value">): void {
    this.#api.plain("ReleaseValue", value);
  }

  #read(tensor: NativeTensor): Uint8Array<ArrayBuffer> {
    if (tensor.bytes !== undefined) return tensor.bytes;
    const staged = this.#make(this.#hostAllocator, tensor);
    this.#copy(tensor.value, staged.value);
    const bytes = staged.bytes!.slice();
    this.release(staged);
    return bytes;
  }

  #copy(from: Pointer, to: Pointer): void {
    this.#api.call("CopyTensors", this.#environment, [from], [to], null, 1);
  }

  #make(allocator: Pointer, { dtype, shape }: Pick<HostTensor, "dtype" | "shape">): NativeTensor {
    const value = this.#api.pointer(
      "CreateTensorAsOrtValue",
      allocator,
      BigInt64Array.from(shape.map(BigInt)),
      shape.length,
      elementTypeNumber(dtype),
    );
    const isHost = allocator === this.#hostAllocator;
    return { value, dtype, shape: [...shape], bytes: isHost ? this.#memoryOf(value) : undefined };
  }

  #memoryOf(value: Pointer): Uint8Array<ArrayBuffer> {
    const bytes = this.#api.number("GetTensorSizeInBytes", value);
    return memoryAt(this.#api.pointer("GetTensorMutableData", value), bytes);
  }

  #describe(name: string, value: Pointer): Pick<HostTensor, "dtype" | "shape"> {
    const api = this.#api;
    const info = api.pointer("GetTensorTypeAndShape", value);
    try {
      const type = elementTypeName(api.number("GetTensorElementType", info));
      if (!Object.hasOwn(DTYPES, type)) {
        throw new SlmError(
          "OP_UNSUPPORTED",
          `runtime-native: '${name}' is ${type}; supported output types are ${Object.keys(DTYPES).join(", ")}`,
        );
      }
      return { dtype: type as DType, shape: dimensions(api, info) };
    } finally {
      api.plain("ReleaseTensorTypeAndShapeInfo", info);
    }
  }
}

/** Sizes of an `OrtTensorTypeAndShapeInfo`; -1 for sizes that are not fixed. */
export function dimensions(api: OrtApi, info: Pointer): readonly number[] {
  const sizes = new BigInt64Array(api.number("GetDimensionsCount", info));
  api.call("GetDimensions", info, sizes, sizes.length);
  return [...sizes].map(Number);
}

function bytesOf({ data }: HostTensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
