/** The program of an npm package whose model runs its graphs in ONNX Runtime. */
import { openModel } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";
import { imageOfBytes, imageOfFile } from "@slm/vision";
import { answering, type Answering } from "./answering.js";

const model = answering(
  async (directory) => {
    const runtime = await createCpuRuntime({ inThread: true });
    return openModel(directory, runtime, { closes: () => runtime.close() });
  },
  (text, image) => {
    if (image === undefined) return text;
    return {
      text,
      image: typeof image === "string" ? imageOfFile(image) : imageOfBytes(image, "the image"),
    };
  },
);

export const generate: Answering["generate"] = model.generate;
export const close: Answering["close"] = model.close;
