import { describeGreedyLoop } from "@slm/generation/testing";
import { describeRuntime } from "@slm/runtime/contract";
import { openNativeRuntime } from "./native-runtime.js";

describeRuntime(
  "runtime-native on ONNX Runtime's CPU provider",
  () => openNativeRuntime({ device: { provider: "cpu" }, threads: 2 }),
  { hasOwnProcess: true },
);
describeGreedyLoop("runtime-native on ONNX Runtime's CPU provider", () =>
  openNativeRuntime({ device: { provider: "cpu" }, threads: 2 }),
);
