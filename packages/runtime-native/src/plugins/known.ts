/**
 * The plug-in execution providers that slm knows: where to download each, and what it contains. slm downloads none of them. To add a plug-in that is
 * not in the table, give its library's path and name.
 *
 * Sources: the wheels themselves, downloaded from PyPI and read (`get_library_path` and `get_ep_name` in their `__init__.py`, the
 * dynamic sections of their libraries).
 */
import type { ProfileOf, Target } from "@slm/devices";
import type { PlatformName } from "./platform.js";

/** A device as `--device` names it: "npu:qnn". */
export type DeviceId = { readonly [T in Target]: `${T}:${ProfileOf<T>}` }[Target];

/** The version of ONNX Runtime that runs the plug-ins: the one in `onnxruntime-node`. */
export const ONNX_RUNTIME_VERSION = "1.30.0";

/** A file that this release was tested with, on ONNX Runtime {@link ONNX_RUNTIME_VERSION}. */
interface TriedPackage {
  readonly version: string;
  readonly platform: PlatformName;
  /** Hash of the downloaded file. */
  readonly sha256: string;
  /** Result of the test. */
  readonly result: string;
}

export interface KnownPlugin {
  readonly title: string;
  readonly vendor: string;
  /** Devices that it can open. */
  readonly serves: readonly DeviceId[];
  /** Name of the package on PyPI. */
  readonly package: string;
  /** The version to download. */
  readonly version: string;
  /** Whether the package must have the same version as slm's ONNX Runtime. */
  readonly isVersionFixed: boolean;
  /** Platforms for which PyPI has this version. */
  readonly platforms: readonly PlatformName[];
  /** Base name of the provider library. */
  readonly library: string;
  /** Name to register the library under: its execution provider's name, unless ONNX Runtime has a provider of that name. */
  readonly registrationName: string;
  /** Provider options that name a library next to the provider library, by base name. */
  readonly libraryOptions: Readonly<Record<string, string>>;
  /**
   *
   * Linux: libraries to load before the provider library, in this order, by the names that other libraries look for. In the package they have longer
   * names and are not on a search path.
   */
  readonly preload: readonly string[];
  /** Linux: names that libraries of the package look for, and the base names of their files. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Files of the package to keep, besides licences. */
  readonly keeps: RegExp;
  /** The licence that the package declares, and the address of terms that it only refers to. */
  readonly licence: { readonly covers: string; readonly terms: string | null };
  /** Requirements besides the package. */
  readonly needs: string;
  /** Its behaviour on a device of type CPU, if it lists one. */
  readonly onCpu: string | null;
  readonly tried: readonly TriedPackage[];
}

const EVERYTHING = /^/;

const KNOWN_PLUGINS = {
  qnn: {
    title: "Qualcomm Hexagon NPU (HTP), QNN provider",
    vendor: "Qualcomm",
    serves: ["npu:qnn"],
    package: "onnxruntime-qnn",
    version: "2.7.0",
    isVersionFixed: false,
    platforms: ["linux-x64", "linux-arm64", "win32-x64", "win32-arm64"],
    library: "onnxruntime_providers_qnn",
    registrationName: "QNNExecutionProvider",
    libraryOptions: { backend_path: "QnnHtp" },
    preload: [],
    aliases: {},
    // The wheel for Windows on x64 has a second set of libraries, for x64 programs emulated on ARM.
    keeps: /^(?!.*\/libs\/arm64ec\/)/,
    licence: {
      covers:
        "the provider is MIT; Qualcomm's libraries in the package are proprietary and are not redistributed",
      terms: null,
    },
    needs:
      "nothing on x86-64, where it compiles for the NPU and simulates it; on ARM a Qualcomm NPU and its driver",
    onCpu: "compiles for Hexagon and simulates it",
    tried: [
      {
        version: "2.7.0",
        platform: "linux-x64",
        sha256: "c56c01562b8534fe8980cfea4601408d950c065f8251fb862ce82101c52c9849",
        result: "loaded; compiled graphs for SoCs 43, 60 and 69",
      },
    ],
  },
  openvino: {
    title: "Intel NPU, OpenVINO provider",
    vendor: "Intel",
    serves: ["npu:openvino"],
    package: "onnxruntime-ep-openvino",
    version: "1.8.1",
    isVersionFixed: false,
    platforms: ["linux-x64", "win32-x64"],
    library: "onnxruntime_providers_openvino_plugin",
    registrationName: "OpenVINOExecutionProvider",
    libraryOptions: {},
    preload: [],
    aliases: {},
    keeps: EVERYTHING,
    licence: { covers: "MIT; OpenVINO's own libraries are in the package, with their notices", terms: null },
    needs:
      "an Intel NPU and its driver; the package for Linux has no NPU compiler (libopenvino_intel_npu_compiler_loader.so), the one for Windows does",
    onCpu: null,
    tried: [
      {
        version: "1.8.1",
        platform: "linux-x64",
        sha256: "3832643158c8c187fcab6db661cde2a8c06a2b3559d95d0f2411ac0e51c5e924",
        result:
          "loaded; lists no device without an Intel NPU; cannot compile, because the package has no NPU compiler",
      },
    ],
  },
  webgpu: {
    title: "GPU through Vulkan, Metal or Direct3D 12, WebGPU provider",
    vendor: "Microsoft",
    serves: ["gpu:webgpu"],
    package: "onnxruntime-ep-webgpu",
    version: "0.4.0",
    isVersionFixed: false,
    platforms: ["linux-x64", "linux-arm64", "win32-x64", "win32-arm64", "darwin-arm64"],
    library: "onnxruntime_providers_webgpu",
    // onnxruntime-node 1.30.0 has a WebGPU provider, and rejects a second one under WebGpuExecutionProvider: "already registered".
    registrationName: "WebGpuPluginExecutionProvider",
    libraryOptions: {},
    preload: [],
    aliases: {},
    keeps: EVERYTHING,
    licence: { covers: "MIT", terms: null },
    needs: "a driver for Vulkan, Metal or Direct3D 12",
    onCpu: null,
    tried: [
      {
        version: "0.4.0",
        platform: "linux-x64",
        sha256: "5d8c961eda91a88961cad1fb7621f389f006b18497d6ea9ecf96f729f066cbfb",
        result: "loaded; lists no device if Linux lists no GPU; software adapters do not count",
      },
    ],
  },
  "tensorrt-rtx": {
    title: "NVIDIA RTX GPU, TensorRT for RTX provider",
    vendor: "NVIDIA",
    serves: [],
    package: "onnxruntime-ep-nv-tensorrt-rtx-cu13",
    version: "0.5.0",
    isVersionFixed: false,
    platforms: ["linux-x64", "win32-x64"],
    library: "onnxruntime_providers_nv_tensorrt_rtx",
    registrationName: "NvTensorRTRTXExecutionProvider",
    libraryOptions: {},
    preload: ["libcudart.so.13", "libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1"],
    // TensorRT opens the last one with dlopen when it creates a session.
    aliases: {
      "libcudart.so.13": "libcudart.so.13.",
      "libtensorrt_rtx.so.1": "libtensorrt_rtx.so.1.",
      "libtensorrt_onnxparser_rtx.so.1": "libtensorrt_onnxparser_rtx.so.1.",
      "libtensorrt_rtx.so": "libtensorrt_rtx.so.1.",
    },
    keeps: EVERYTHING,
    licence: {
      covers: "the provider is Apache-2.0; TensorRT for RTX is proprietary",
      terms: "https://docs.nvidia.com/deeplearning/tensorrt-rtx/latest/reference/sla.html",
    },
    needs: "an NVIDIA RTX GPU (Ampere or later) and its driver",
    onCpu: null,
    tried: [
      {
        version: "0.5.0",
        platform: "linux-x64",
        sha256: "32f575c633d171b4edf4b53d3bb22b72a6c9c0a850d2982ce9a788a5d40d3298",
        result:
          "unpacked; its libraries find each other but do not load without NVIDIA's driver (libcuda.so.1)",
      },
    ],
  },
  cuda: {
    title: "NVIDIA GPU, CUDA provider",
    vendor: "Microsoft",
    serves: ["gpu:cuda"],
    package: "onnxruntime-gpu",
    version: ONNX_RUNTIME_VERSION,
    isVersionFixed: true,
    platforms: ["linux-x64", "win32-x64"],
    library: "onnxruntime_providers_cuda",
    registrationName: "CUDAExecutionProvider",
    libraryOptions: {},
    preload: [],
    aliases: {},
    // The wheel contains all of ONNX Runtime. Its runtime and its Python binding must not be mixed with ours.
    keeps: /^onnxruntime\/capi\/(?:lib)?onnxruntime_providers_(?:cuda|shared)\./,
    licence: { covers: "MIT; CUDA and cuDNN are NVIDIA's and are not in the package", terms: null },
    needs: "an NVIDIA GPU, its driver, and CUDA 13 and cuDNN 9 on the library path",
    onCpu: null,
    tried: [
      {
        version: ONNX_RUNTIME_VERSION,
        platform: "linux-x64",
        sha256: "4fbf0c5d7b5fb99266c2e8a802e3e64af68bdc383e0f3c7349b985f1087eedaa",
        result: "unpacked; its library does not load without CUDA 13 (libcublasLt.so.13)",
      },
    ],
  },
} as const satisfies Readonly<Record<string, KnownPlugin>>;

export type KnownName = keyof typeof KNOWN_PLUGINS;

export const KNOWN_NAMES = Object.keys(KNOWN_PLUGINS) as readonly KnownName[];

export const isKnownName = (name: string): name is KnownName => Object.hasOwn(KNOWN_PLUGINS, name);

/** A row of the table without the types of its cells. */
export const knownPlugin = (name: KnownName): KnownPlugin => KNOWN_PLUGINS[name];

/** The command that downloads a plug-in's package into the current folder. */
export function obtainCommand(name: KnownName): string {
  const row = knownPlugin(name);
  return `pip download --no-deps ${row.package}==${row.version}`;
}

/** PyPI compares names without case and without the kind of separators (PEP 503). */
const normalized = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/gu, "-");

/** The row of a package, by the name that the package declares; undefined if there is none. */
export function knownByPackage(packageName: string): KnownName | undefined {
  const wanted = normalized(packageName);
  return KNOWN_NAMES.find((name) => normalized(knownPlugin(name).package) === wanted);
}
