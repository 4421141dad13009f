/** The worker of a site whose model runs in WebAssembly, without ONNX Runtime. */
import { answerPage } from "./answer-page.js";
import { openPortable } from "./open-portable.js";

answerPage({ engine: "wasm", openers: { wasm: openPortable } });
